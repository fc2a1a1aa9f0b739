import { afterAll, expect } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { writeManifest } from "../../src/catalog/manifest.ts";
import { needs } from "../support/components.ts";
import { type DbstashResult, runDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { startSmallS3 } from "../support/small-s3.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const { describe, test } = needs("rclone-current");

const whole =
  "--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
const cut = whole.slice(0, 45);

/** The name of a backup so many days ago. */
function daysAgo(days: number): string {
  const time = new Date(Date.now() - days * 86_400_000).toISOString();
  return `shop-${time.slice(0, 19).replaceAll(/[-:]/g, "")}Z.sql`;
}

/** A folder in which such backups lie. */
function backups(files: Readonly<Record<string, string>>): TempFolder & { readonly names: () => string[] } {
  const folder = tempFolder("prune");
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(folder.file(name).replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(folder.file(name), content);
  }
  const names = (): string[] => readdirSync(folder.path).toSorted().toReversed();
  return { ...folder, names, file: (name) => folder.file(name), remove: () => folder.remove() };
}

/** Prunes by settings that reach no database. */
function prune(
  remote: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<DbstashResult> {
  return runDbstash("pg", {
    args: ["prune", ...args],
    env: { DB_NAME: "shop", RCLONE_REMOTE: remote, RETENTION_MAX_FILES: "2", ...env },
  });
}

const days = [40, 41, 42, 43].map(daysAgo);
const [newest = "", second = "", third = "", fourth = ""] = days;
const good = Object.fromEntries(days.map((name) => [name, whole]));

describe("prune on a local folder", () => {
  test("removes what retention does not keep, and says so, and nothing else", async () => {
    using place = backups({ ...good, "stock-20200101T020000Z.sql": whole, "notes.txt": "x" });
    const { exitCode, stdout, stderr, leftovers, id } = await prune(place.path);
    expect(stdout.trimEnd().split("\n")).toEqual([
      expect.stringMatching(new RegExp(`^${newest}, the newest: good \\(\\d+ bytes; size and end of a `)),
      `${third}: removed (beyond the newest 2)`,
      `${fourth}: removed (beyond the newest 2)`,
      `${place.path}: 2 removed, 2 kept`,
    ]);
    expect([exitCode, stderr, leftovers]).toEqual([0, "", []]);
    expect(place.names()).toEqual(["stock-20200101T020000Z.sql", newest, second, "notes.txt"]);
    await waitUntilGone(id);
  });

  for (const how of ["--dry-run", "DRY_RUN"])
    test(`with ${how} it removes nothing, and says what it would`, async () => {
      using place = backups(good);
      const isFlag = how.startsWith("--");
      const env: Record<string, string> = isFlag ? {} : { [how]: "true" };
      const { exitCode, stdout } = await prune(place.path, env, isFlag ? [how] : []);
      expect(stdout).toContain(`${third}: would be removed (beyond the newest 2)\n`);
      expect(stdout).toEndWith(`${place.path}: 2 would be removed, 2 kept\n`);
      expect([exitCode, place.names()]).toEqual([0, days]);
    });

  test("counts ages from the newest backup: where all have failed for weeks nothing is lost", async () => {
    using place = backups(good);
    const kept = await prune(place.path, { RETENTION_MAX_FILES: "0", RETENTION_MAX_DAYS: "3" });
    expect([kept.exitCode, place.names()]).toEqual([0, days]);
    const { exitCode } = await prune(place.path, { RETENTION_MAX_FILES: "0", RETENTION_MAX_DAYS: "2" });
    expect([exitCode, place.names()]).toEqual([0, days.slice(0, 3)]);
  });

  test("removes nothing where the newest is suspiciously small, until somebody has looked: 3", async () => {
    const large = whole.replace("SELECT 1;", "SELECT 1;\n".repeat(100));
    using place = backups({ ...Object.fromEntries(days.map((name) => [name, large])), [newest]: whole });
    const env = { BACKUP_MIN_PERCENT: "50" };
    const kept = await prune(place.path, env);
    expect(kept.stdout).toMatch(
      /: nothing was removed: this backup is suspiciously small: .*prune --backup-min-percent 0/,
    );
    expect([kept.exitCode, place.names()]).toEqual([3, days]);
    const { exitCode } = await prune(place.path, env, ["--backup-min-percent", "0"]);
    expect([exitCode, place.names()]).toEqual([0, [newest, second]]);
  });

  test("a backup of the future is neither its clock nor removed", async () => {
    const future = daysAgo(-3000);
    using place = backups({ ...good, [future]: cut });
    const { exitCode } = await prune(place.path, { RETENTION_MAX_DAYS: "10" });
    expect([exitCode, place.names()]).toEqual([0, [future, newest, second]]);
  });

  test("the newest stays, however little is to be kept", async () => {
    using place = backups(good);
    const { exitCode } = await prune(place.path, { RETENTION_MAX_FILES: "1", RETENTION_MAX_DAYS: "1" });
    expect([exitCode, place.names()]).toEqual([0, [newest]]);
  });

  for (const [what, content] of [
    ["whose end is missing", cut],
    ["that is empty", ""],
  ] as const)
    test(`removes nothing where the newest is one ${what}: 1`, async () => {
      using place = backups({ ...good, [newest]: content });
      const { exitCode, stdout } = await prune(place.path);
      expect(stdout).toMatch(
        new RegExp(`^${newest}, the newest: bad: .*\\n${place.path}: nothing was removed\\n$`),
      );
      expect([exitCode, place.names()]).toEqual([1, days]);
    });

  test("removes nothing where the newest can't be judged: 3", async () => {
    using place = backups({ ...good, [newest]: "SELECT 1;\n" });
    const { exitCode, stdout } = await prune(place.path);
    expect(stdout).toContain(`${newest}, the newest: could not be checked: `);
    expect([exitCode, place.names()]).toEqual([3, days]);
  });

  test("an empty place is no failure", async () => {
    using place = backups({});
    expect(await prune(place.path)).toMatchObject({
      exitCode: 0,
      stdout: `${place.path}: nothing to remove: there is no backup of this job\n`,
    });
  });

  test("without a rule of retention it is a usage error: 2", async () => {
    using place = backups(good);
    const { exitCode, stdout, stderr } = await prune(place.path, { RETENTION_MAX_FILES: "0" });
    expect(stderr).toContain(
      "error: prune needs a rule of retention: RETENTION_MAX_FILES (--retention-max-files), RETENTION_MAX_DAYS ",
    );
    expect([exitCode, stdout, place.names()]).toEqual([2, "", days]);
  });

  test("a place that can't be listed is a failure: 1", async () => {
    const { exitCode, stdout, stderr } = await prune("missing:bucket");
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: can't list the remote folder: /);
  });

  test("folders of directory mode go with all that is in them, and date folders that are empty then", async () => {
    const folders = days.map((name) => {
      const [, year, month, day] = /-(\d{4})(\d\d)(\d\d)T/.exec(name) ?? [];
      return `${year}-${month}-${day}`;
    });
    const manifest = writeManifest({
      engine: "pg",
      database: "shop",
      createdAt: "2026-02-01T02:00:00.000Z",
      tool: "pg_dump (PostgreSQL) 18.0",
      files: [{ path: "toc.dat", bytes: 5 }],
    });
    using place = backups(
      Object.fromEntries(
        folders.flatMap((day) => [
          [`${day}/shop/toc.dat`, "12345"],
          [`${day}/shop/dbstash.json`, manifest],
        ]),
      ),
    );
    const env = { BACKUP_MODE: "directory", BACKUP_NAME_TEMPLATE: "{date}/{db}" };
    const { exitCode, stdout } = await prune(place.path, env);
    expect(stdout).toContain(`${folders[3]}/shop: removed (beyond the newest 2)\n`);
    expect([exitCode, place.names()]).toEqual([0, folders.slice(0, 2)]);
  });

  test("while a run of the job is on it removes nothing: 4; a dry run looks all the same", async () => {
    using place = backups(good);
    using tools = fakeTools({ pg_dump: "case $* in *--version*) exit 0;; esac; exec sleep 600" });
    using lock = tempFolder("lock");
    const env = { XDG_RUNTIME_DIR: lock.path };
    const running = startDbstash("pg", {
      env: { ...env, DB_URI: "postgres://joe:pw@127.0.0.1:1/shop", RCLONE_REMOTE: place.path },
      path: [tools.dir],
    });
    await waitFor("the dump", () => tools.calls("pg_dump").length > 0);
    expect(await prune(place.path, env)).toMatchObject({
      exitCode: 4,
      stdout: "skipped: another run of this job holds the lock; nothing was removed\n",
    });
    expect((await prune(place.path, env, ["--dry-run"])).exitCode).toBe(0);
    expect(place.names().filter((name) => !name.startsWith("."))).toEqual(days);
    running.signal("SIGTERM");
    expect((await running.exited).exitCode).toBe(143);
    expect((await prune(place.path, env)).exitCode).toBe(0);
    expect(place.names()).toEqual([newest, second]);
  });

  test("told to stop it ends with 143 and leaves no process", async () => {
    using tools = fakeTools({ rclone: "exec sleep 600" });
    const running = startDbstash("pg", {
      args: ["prune"],
      path: [tools.dir],
      env: { DB_NAME: "shop", RCLONE_REMOTE: "/nowhere", RETENTION_MAX_FILES: "1" },
    });
    await waitFor("rclone", () => tools.calls("rclone").length > 0);
    running.signal("SIGTERM");
    expect(await running.exited).toMatchObject({ exitCode: 143, stdout: "", leftovers: [] });
    await waitUntilGone(running.id);
  });
});

describe("prune on S3", () => {
  const s3 = startSmallS3({ buckets: ["b"], name: "small" });
  afterAll(() => s3.stop());
  const on = async (denied: readonly ("read" | "head" | "delete" | "list")[]) => {
    for (const [name, content] of Object.entries(good)) s3.put(`shop/${name}`, content);
    s3.change({ denied, faults: {} });
    const result = await prune("small:b/shop", {
      ...s3.env,
      RCLONE_RETRIES: "1",
      RCLONE_LOW_LEVEL_RETRIES: "1",
    });
    const names = [...s3.objects().keys()].map((key) => key.replace("shop/", "")).toReversed();
    return { ...result, names };
  };

  test("removes what retention does not keep", async () => {
    const { exitCode, names, stdout } = await on([]);
    expect([exitCode, names]).toEqual([0, [newest, second]]);
    expect(stdout).toEndWith("small:b/shop: 2 removed, 2 kept\n");
  });

  test("without the right to read nothing is removed: 3", async () => {
    const { exitCode, names, stdout } = await on(["read", "head"]);
    expect(stdout).toContain(`${newest}, the newest: could not be checked: `);
    expect([exitCode, names]).toEqual([3, days]);
  });

  test("without the right to delete it says what is left: 3", async () => {
    const { exitCode, names, stdout, stderr } = await on(["delete"]);
    expect(stdout).toContain(`${third}: could not be removed (beyond the newest 2)\n`);
    expect(stdout).toEndWith("small:b/shop: 0 removed, 4 kept\n");
    expect(stderr).toMatch(/^warning: not everything could be removed: rclone delete failed/);
    expect([exitCode, names]).toEqual([3, days]);
  });

  test("without the right to list it fails: 1", async () => {
    const { exitCode, names } = await on(["list"]);
    expect([exitCode, names]).toEqual([1, days]);
  });
});
