import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe as plainDescribe,
  expect,
  test as plainTest,
} from "bun:test";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { firstWord } from "../../src/checks/start.ts";
import { writeManifest } from "../../src/catalog/manifest.ts";
import { needs } from "../support/components.ts";
import { type DbstashResult, runDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { freePort, runOk, waitFor } from "../support/run.ts";
import { startS3 } from "../support/s3.ts";
import { startSftp } from "../support/sftp.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const { describe, test } = needs("postgresql", "rclone-current");
let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder("commands");
  mkdirSync(folder.file("out"));
});
afterEach(() => folder.remove());

const noServer = "postgresql://user:topsecretvalue@127.0.0.1:1/shop";

/** The warnings of a dry run's document. */
function warningsOf(stdout: string): readonly string[] {
  return (JSON.parse(stdout) as { warnings: readonly string[] }).warnings;
}

/** A command on files that lie in the test's folder; no database is asked. */
function command(args: readonly string[], env: Record<string, string> = {}): Promise<DbstashResult> {
  return runDbstash("pg", { args, env: { DB_URI: noServer, RCLONE_REMOTE: folder.file("out"), ...env } });
}

function put(name: string, content: string | Uint8Array = "-- PostgreSQL database dump\n"): void {
  const path = folder.file(`out/${name}`);
  mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  writeFileSync(path, content);
}

describe("list", () => {
  test("shows this job's backups, newest first, and nobody else's", async () => {
    put("shop-20260101T020000Z.sql", "a".repeat(2048));
    put("shop-20260301T020000Z.sql");
    put("shop-20260201T020000Z.sql");
    put("shop-eu-20260401T020000Z.sql");
    put("shop-20260401T020000Z.sql.zst");
    put("notes.txt");
    const { exitCode, stdout, stderr, leftovers } = await command(["list"]);
    expect(exitCode).toBe(0);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((row) => row.split(/ {2,}/));
    expect(rows.map(([name]) => name)).toEqual([
      "NAME",
      "shop-20260301T020000Z.sql",
      "shop-20260201T020000Z.sql",
      "shop-20260101T020000Z.sql",
      "not listed: 1 of this name with another extension or mode, such as shop-20260401T020000Z.sql.zst",
    ]);
    expect(rows[0]).toEqual(["NAME", "SIZE", "AGE"]);
    expect(rows[3]?.[1]).toBe("2.0 KiB");
    expect(rows[3]?.[2]).toMatch(/^\d+ d/);
    expect([stderr, leftovers]).toEqual(["", []]);
  });

  test("prints JSON with --json, and nothing besides", async () => {
    put("shop-20260101T020000Z.sql", "12345");
    const { exitCode, stdout } = await command(["list", "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      { database: "shop", name: "shop-20260101T020000Z.sql", bytes: 5, time: "2026-01-01T02:00:00.000Z" },
    ]);
  });

  test("tells with retention on what a run now would do, and why", async () => {
    const names = [1, 2, 3].map((month) => `shop-20260${month}01T020000Z.sql`);
    for (const name of names) put(name);
    const two = { RETENTION_MAX_FILES: "2" };
    const { stdout, exitCode } = await command(["list"], two);
    expect(exitCode).toBe(0);
    const rows = stdout.trimEnd().split("\n");
    expect(rows.map((row) => row.split(/ {2,}/).at(-1))).toEqual([
      "A RUN NOW WOULD",
      "keep: within the limits",
      "remove: beyond the newest 2",
      "remove: beyond the newest 2",
    ]);
    const listed = JSON.parse((await command(["list", "--json"], two)).stdout) as { next_run: string }[];
    expect(listed.map(({ next_run: fate }) => fate)).toEqual(["keep", "remove", "remove"]);
    // It has said so, and removed nothing.
    expect(readdirSync(folder.file("out")).toSorted()).toEqual(names);
  });

  test("an empty remote has no backups, and none is no failure", async () => {
    const nothing = `no backups of this job in ${folder.file("out")} (looked for names like shop-….sql)\n`;
    expect(await command(["list"])).toMatchObject({ exitCode: 0, stdout: nothing });
    expect(await command(["list", "--json"])).toMatchObject({ exitCode: 0, stdout: "[]\n" });
    put("shop-20260401T020000Z.sql.zst");
    const others =
      "not listed: 1 of this name with another extension or mode, such as shop-20260401T020000Z.sql.zst\n";
    expect((await command(["list"])).stdout).toBe(nothing + others);
    expect((await command(["list", "--json"])).stdout).toBe("[]\n");
  });

  test("takes the time from the remote where the name has none", async () => {
    put("shop.sql");
    const { stdout } = await command(["list", "--json"], { BACKUP_NAME_TEMPLATE: "{db}" });
    const [row] = JSON.parse(stdout) as [{ time: string }];
    expect(Date.parse(row.time)).toBeGreaterThan(Date.now() - 60_000);
  });

  test("shows folders in directory mode, and only finished ones", async () => {
    put("shop-20260101T020000Z/toc.dat", "12345");
    put("shop-20260101T020000Z/dbstash.json", "{}");
    put("shop-20260102T020000Z/toc.dat", "12345");
    const { stdout } = await command(["list", "--json"], { BACKUP_MODE: "directory" });
    expect(JSON.parse(stdout)).toEqual([
      { database: "shop", name: "shop-20260101T020000Z", bytes: 7, time: "2026-01-01T02:00:00.000Z" },
    ]);
  });

  test("fails with the reason where the remote can't be listed", async () => {
    const { exitCode, stdout, stderr } = await command(["list"], { RCLONE_REMOTE: "missing:bucket" });
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: can't list the remote folder: /);
  });
});

describe("verify", () => {
  const whole =
    "--\n-- PostgreSQL database dump\n--\n\nSELECT 1, 2, 3, 4, 5;\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
  // The magic, a header of one field and the terminator (mongo-tools, common/archive/spec.md).
  const emptyArchive = Buffer.from("6de299810c000000" + "10760001000000" + "00" + "ffffffff", "hex");

  test("checks the newest backup by default, and another one by its name", async () => {
    put("shop-20260101T020000Z.sql", whole.slice(0, 60));
    put("shop-20260201T020000Z.sql", whole);
    const newest = await command(["verify"]);
    expect(newest.stdout).toMatch(/^shop-20260201T020000Z\.sql: good \(\d+ bytes; size and end of a /);
    expect(newest.exitCode).toBe(0);
    const older = await command(["verify", "shop-20260101T020000Z.sql"]);
    expect(older.stdout).toMatch(/^shop-20260101T020000Z\.sql: bad: its end is not the end of a /);
    expect(older.exitCode).toBe(1);
    expect(older.leftovers).toEqual([]);
  });

  test("an empty file is bad", async () => {
    put("shop-20260201T020000Z.sql", "");
    expect(await command(["verify"])).toMatchObject({
      exitCode: 1,
      stdout: "shop-20260201T020000Z.sql: bad: it is empty\n",
    });
  });

  for (const [kind, extension, content] of [
    ["zstd", ".zst", zstdCompressSync(whole)],
    ["gzip", ".gz", gzipSync(whole)],
  ] as const)
    test(`a ${kind} file is known by its beginning alone, and the report says so`, async () => {
      const name = `shop-20260201T020000Z.sql${extension}`;
      put(name, content);
      const good = await command(["verify"], { BACKUP_COMPRESS: kind });
      expect([good.exitCode, good.stdout]).toEqual([
        0,
        `${name}: nothing wrong found (${content.length} bytes; only its beginning was looked at, a cut would not show: verify --full reads all)\n`,
      ]);
      put(name, whole);
      expect(await command(["verify"], { BACKUP_COMPRESS: kind })).toMatchObject({
        exitCode: 1,
        stdout: `${name}: bad: it does not begin as a ${kind} file\n`,
      });
    });

  test("a custom dump is known by its beginning alone, and the report says so", async () => {
    put("shop-20260201T020000Z.dump", "PGDMP and more");
    expect(await command(["verify"], { BACKUP_COMPRESS: "true" })).toMatchObject({
      exitCode: 0,
      stdout:
        "shop-20260201T020000Z.dump: nothing wrong found (14 bytes; only its beginning was looked at, a cut would not show: verify --full reads all)\n",
    });
    put("shop-20260201T020000Z.dump", "# A text file\n");
    expect(await command(["verify"], { BACKUP_COMPRESS: "true" })).toMatchObject({
      exitCode: 1,
      stdout: "shop-20260201T020000Z.dump: bad: it does not begin as a custom-format dump\n",
    });
  });

  test("another format counts as whole only where extra arguments may have asked for it", async () => {
    put("shop-20260201T020000Z.sql", "SET search_path = '';\n");
    expect(await command(["verify"], { DUMP_EXTRA_ARGS: "--no-comments" })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("as extra arguments may have asked for"),
    });
    expect(await command(["verify"])).toMatchObject({
      exitCode: 3,
      stdout:
        "shop-20260201T020000Z.sql: could not be checked: it has neither the beginning nor the end of a plain pg_dump file\n",
    });
  });

  test("a tar archive is checked by its end", async () => {
    const tar = { BACKUP_MODE: "tar" };
    const name = "shop-20260201T020000Z.tar";
    put("content", "a".repeat(5000));
    await runOk(["tar", "-C", folder.file("out"), "-cf", folder.file(`out/${name}`), "content"]);
    const archive = readFileSync(folder.file(`out/${name}`));
    const good = await command(["verify"], tar);
    expect(good.stdout).toEndWith(" bytes; size and end of a tar file)\n");
    expect(good.exitCode).toBe(0);
    for (const bad of [archive.subarray(0, 3000), archive.subarray(0, 512), Buffer.from(whole)]) {
      put(name, bad);
      expect(await command(["verify"], tar)).toMatchObject({
        exitCode: 1,
        stdout: `${name}: bad: its end is not the end of a tar file\n`,
      });
    }
  });

  for (const [kind, extension, content] of [
    ["false", ".archive", emptyArchive],
    ["true", ".archive.gz", gzipSync(emptyArchive)],
    ["zstd", ".archive.zst", zstdCompressSync(emptyArchive)],
  ] as const)
    test(`an archive of MongoDB without a collection is bad, with BACKUP_COMPRESS=${kind}`, async () => {
      const name = `shop-20260201T020000Z${extension}`;
      put(name, content);
      const env = {
        DB_URI: "mongodb://127.0.0.1:1/shop",
        RCLONE_REMOTE: folder.file("out"),
        BACKUP_COMPRESS: kind,
      };
      expect(await runDbstash("mongo", { args: ["verify"], env })).toMatchObject({
        exitCode: 1,
        stdout: `${name}: bad: the database shop does not exist or holds no collection\n`,
      });
    });

  test("none there, or none of this name, is exit code 1", async () => {
    expect((await command(["verify"])).exitCode).toBe(1);
    put("shop-20260201T020000Z.sql", whole);
    put("other.sql", whole);
    for (const name of ["shop-20260101T020000Z.sql", "other.sql", "../out/other.sql"]) {
      const { exitCode, stdout } = await command(["verify", name]);
      expect(exitCode).toBe(1);
      expect(stdout).toContain("there is no such backup of this job");
    }
  });

  test("what can't be checked is exit code 3", async () => {
    const { exitCode, stdout } = await command(["verify"], { RCLONE_REMOTE: "missing:bucket" });
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/^could not be checked: can't list the remote folder: /);
  });

  test("a folder is checked file by file against its manifest", async () => {
    const directory = { BACKUP_MODE: "directory" };
    const name = "shop-20260201T020000Z";
    put(`${name}/toc.dat`, "12345");
    put(`${name}/data/1.dat.gz`, "123");
    const files = [
      { path: "toc.dat", bytes: 5 },
      { path: "data/1.dat.gz", bytes: 3 },
    ];
    const tool = "pg_dump (PostgreSQL) 18.0";
    const createdAt = "2026-02-01T02:00:00.000Z";
    expect(await command(["verify", name], directory)).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("it has no dbstash.json"),
    });
    put(`${name}/dbstash.json`, writeManifest({ engine: "pg", database: "shop", createdAt, tool, files }));
    const good = await command(["verify", `${name}/`], directory);
    expect(good.stdout).toContain("2 files, each with the size in dbstash.json");
    expect(good.exitCode).toBe(0);
    appendFileSync(folder.file(`out/${name}/toc.dat`), "6");
    expect(await command(["verify"], directory)).toMatchObject({
      exitCode: 1,
      stdout: `${name}: bad: toc.dat has 6 bytes where 5 were written\n`,
    });
    rmSync(folder.file(`out/${name}/toc.dat`));
    expect(await command(["verify"], directory)).toMatchObject({
      exitCode: 1,
      stdout: `${name}: bad: toc.dat is missing\n`,
    });
    put(`${name}/dbstash.json`, "{}");
    expect(await command(["verify"], directory)).toMatchObject({
      exitCode: 3,
      stdout: expect.stringMatching(new RegExp(`^${name}: could not be checked: .*manifest can't be read`)),
    });
  });
});

describe("a command that is told to stop", () => {
  for (const [name, signal, code] of [
    ["list", "SIGTERM", 143],
    ["verify", "SIGINT", 130],
  ] as const)
    test(`${name} ends with ${code} after ${signal} and leaves no process`, async () => {
      using tools = fakeTools({ rclone: "exec sleep 600" });
      const running = startDbstash("pg", {
        args: [name],
        path: [tools.dir],
        env: { DB_URI: noServer, RCLONE_REMOTE: folder.file("out") },
      });
      await waitFor("rclone", () => tools.calls("rclone").length > 0);
      running.signal(signal);
      expect(await running.exited).toMatchObject({ exitCode: code, stdout: "", leftovers: [] });
      await waitUntilGone(running.id);
    });
});

describe("a backup that was made is listed and found good", () => {
  let pg: PostgresServer;
  beforeAll(async () => {
    pg = await startPostgres();
    await pg.createDatabase("shop");
    await pg.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n", "shop");
  }, 60_000);
  afterAll(() => pg.stop());

  const remotes = {
    "on a local folder": async () => ({
      env: { RCLONE_REMOTE: folder.file("out") },
      stop: async () => undefined,
    }),
    "on S3": async () => {
      const s3 = await startS3();
      return {
        env: { ...s3.remoteEnv("store"), RCLONE_REMOTE: `store:${s3.bucket}/db` },
        stop: () => s3.stop(),
      };
    },
    "on SFTP": async () => {
      const sftp = await startSftp();
      return {
        env: { ...sftp.remoteEnv("store"), RCLONE_REMOTE: sftp.remotePath("store", "db") },
        stop: () => sftp.stop(),
      };
    },
  };
  for (const [where, open] of Object.entries(remotes)) {
    const gate = where === "on SFTP" ? needs("postgresql", "sshd") : { test };
    gate.test(
      where,
      async () => {
        const remote = await open();
        try {
          const env = { DB_URI: pg.uri("shop"), ...remote.env };
          expect((await runDbstash("pg", { env })).exitCode).toBe(0);
          const listed = await runDbstash("pg", { env, args: ["list", "--json"] });
          const rows = JSON.parse(listed.stdout) as { name: string; bytes: number }[];
          expect(rows).toHaveLength(1);
          expect(rows[0]?.bytes).toBeGreaterThan(1000);
          const verified = await runDbstash("pg", { env, args: ["verify"] });
          expect(verified.stdout).toContain(
            `${rows[0]?.name}: good (${rows[0]?.bytes} bytes; size and end of a`,
          );
          expect(verified.exitCode).toBe(0);
          await waitUntilGone(verified.id);
        } finally {
          await remote.stop();
        }
      },
      60_000,
    );
  }

  for (const [mode, how] of [
    ["directory", "files, each with the size in dbstash.json)"],
    ["tar", "size and end of a tar file)"],
  ] as const)
    test(`in ${mode} mode`, async () => {
      const env = { DB_URI: pg.uri("shop"), RCLONE_REMOTE: folder.file("out"), BACKUP_MODE: mode };
      expect((await runDbstash("pg", { env })).exitCode).toBe(0);
      const listed = await runDbstash("pg", { env, args: ["list", "--json"] });
      const rows = JSON.parse(listed.stdout) as { name: string; bytes: number }[];
      expect(rows).toHaveLength(1);
      const verified = await runDbstash("pg", { env, args: ["verify"] });
      expect(verified.stdout).toContain(`${rows[0]?.name}: good (${rows[0]?.bytes} bytes; `);
      expect(verified.stdout.trimEnd()).toEndWith(how);
      expect(verified.exitCode).toBe(0);
    });
});

plainDescribe("healthcheck", () => {
  const ask = (env: Record<string, string>): Promise<DbstashResult> =>
    runDbstash("pg", { args: ["healthcheck"], env });

  plainTest.each([
    ["once", { BACKUP_SCHEDULE: "once", HEALTH_PORT: "8080" }],
    ["HEALTH_PORT=0", { BACKUP_SCHEDULE: "@daily", HEALTH_PORT: "0" }],
  ])("is content without a server where there is none by design: %s", async (_, env) => {
    expect(await ask(env)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("there is no health server"),
    });
  });

  plainTest("fails where nobody answers", async () => {
    const port = await freePort();
    expect(await ask({ BACKUP_SCHEDULE: "@daily", HEALTH_PORT: String(port) })).toMatchObject({
      exitCode: 1,
      stdout: `port ${port} can't be reached (ECONNREFUSED)\n`,
    });
  });

  plainTest.each([
    ["HEALTH_PORT", { HEALTH_PORT: "many" }],
    ["BACKUP_SCHEDULE", { BACKUP_SCHEDULE: "at night" }],
    ["HEALTH_ADDRESS", { HEALTH_ADDRESS: "everywhere" }],
  ])("is a usage error where %s is wrong", async (name, env) => {
    const { exitCode, stderr } = await ask({ BACKUP_SCHEDULE: "@daily", HEALTH_PORT: "1", ...env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`error: ${name} (--`);
  });

  test("asks the running process, without the job's other settings", async () => {
    const server = { BACKUP_SCHEDULE: "0 0 1 1 *", HEALTH_PORT: String(await freePort()) };
    const daemon = startDbstash("pg", {
      env: { DB_URI: noServer, RCLONE_REMOTE: folder.file("out"), ...server },
    });
    await daemon.waitForLine(({ msg }) => msg === "schedule started");
    const { exitCode, stdout } = await ask(server);
    expect([exitCode, stdout.includes('"status":"healthy"')]).toEqual([0, true]);
    daemon.signal("SIGTERM");
    expect((await daemon.exited).exitCode).toBe(0);
    expect((await ask(server)).exitCode).toBe(1);
  });
});

plainDescribe("words that need no settings", () => {
  plainTest.each([
    [["help"], /^dbstash-pg: back up PostgreSQL/],
    [["help", "prune"], /^dbstash-pg prune: /],
    [["list", "--help"], /^dbstash-pg list: /],
    [["version"], /^dbstash-pg \d+\.\d+\.\d+/],
    [["restore"], /PostgreSQL, whose own tools restore it\.\n.*https:\/\/.*\/docs\/restore\.md\n/],
    [["restore", "shop-20260201T020000Z.sql"], /\/docs\/restore\.md\n/],
  ])("%j is answered, with exit code 0", async (args, text) => {
    const { exitCode, stdout, stderr } = await runDbstash("pg", { args, env: { DB_PORT: "many" } });
    expect(stdout).toMatch(text);
    expect([exitCode, stderr]).toEqual([0, ""]);
  });

  plainTest("an unknown one is told with the nearest", async () => {
    expect(await runDbstash("pg", { args: ["bakcup"] })).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: "error: unknown command: bakcup\nhint: did you mean backup?\n",
    });
  });
});

plainTest("a dry run is a table for people, and asks no remote", async () => {
  using tools = fakeTools({ rclone: "exit 1", pg_dump: "exit 1" });
  const env = {
    DB_URI: noServer,
    RCLONE_REMOTE: "store:b",
    RCLONE_CONFIG_STORE_TYPE: "s3",
    BACKUP_SCHEDULE: "0 3 * * *",
    TZ: "Europe/Berlin",
    RETENTION_MAX_DAYS: "30",
    LOG_FORMAT: "text",
  };
  const { exitCode, stdout, stderr } = await runDbstash("pg", {
    args: ["--dry-run"],
    env,
    path: [tools.dir],
  });
  expect([exitCode, stderr, tools.calls("rclone"), tools.calls("pg_dump")]).toEqual([0, "", [], []]);
  expect(stdout).toMatch(/^ {2}DB_URI +\[secret\] +environment$/m);
  expect(stdout).toMatch(/^ {2}DRY_RUN +true +flag$/m);
  expect(stdout).toMatch(/^ {2}BACKUP_MODE +stream +default$/m);
  expect(stdout).toMatch(
    /^Next runs, by 0 3 \* \* \* in Europe\/Berlin\n( {2}\S+ 03:00:00 \+0[12]:00 {2}shop-\S+\.sql\n){3}\n/m,
  );
  expect(stdout).toContain("  keeps none older than 30 days; the newest always stays\n");
  expect(stdout).toEndWith("\ndry run: nothing was run\n");
  expect(stdout).not.toContain("topsecretvalue");
});

plainDescribe("what would only fail at night is told at the start", () => {
  const dry = (env: Record<string, string>): Promise<DbstashResult> =>
    command([], { DRY_RUN: "true", ...env });

  plainTest.each([
    ["BACKUP_SCHEDULE", "61 2 * * *"],
    ["BACKUP_SCHEDULE", "at two"],
    ["TZ", "Europe/Atlantis"],
    ["NOTIFY_WEBHOOK_URL", "hooks.example.com/T0/B0/topsecretvalue"],
    ["NOTIFY_WEBHOOK_URL", "ftp://hooks.example.com/topsecretvalue"],
  ])("%s=%s is a usage error that names the setting", async (name, value) => {
    const { exitCode, stdout, stderr } = await dry({ [name]: value });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`error: ${name} (--${name.toLowerCase().replaceAll("_", "-")}) `);
    expect(stdout + stderr).not.toContain("topsecretvalue");
  });

  plainTest.each([
    ["HOOK_PRE_BACKUP", "no-such-command-here --now", "no-such-command-here was not found on PATH"],
    ["HOOK_POST_BACKUP", "/nowhere/hook.sh", "/nowhere/hook.sh does not exist"],
    ["HOOK_POST_BACKUP", "KEY=a /nowhere/hook.sh && true", "/nowhere/hook.sh does not exist"],
    ["HOOK_PRE_BACKUP", "/etc/passwd", "/etc/passwd may not be run"],
    ["HOOK_PRE_BACKUP", "/etc", "/etc is a folder"],
  ])("%s=%s is a warning", async (name, value, words) => {
    const { exitCode, stdout } = await dry({ [name]: value });
    const option = `${name} (--${name.toLowerCase().replaceAll("_", "-")})`;
    expect(warningsOf(stdout)).toEqual([`${option}: ${words}`]);
    expect(exitCode).toBe(0);
  });

  plainTest.each([
    "ls -l",
    "set -e; ls",
    "if true; then ls; fi",
    "/bin/ls",
    "A=1 ls",
    "$HOME/hook",
    "(ls)",
    "{ ls; }",
  ])("HOOK_PRE_BACKUP=%s is no warning", async (value) => {
    const { stdout } = await dry({ HOOK_PRE_BACKUP: value });
    expect(warningsOf(stdout)).toEqual([]);
  });
});

plainTest.each([
  ["/srv/backups", {}, "none"],
  ["store:bucket", { RCLONE_CONFIG_STORE_TYPE: "s3" }, "none but the environment"],
])("the dry run tells where the configuration of %s comes from", async (remote, variables, shown) => {
  const env = { DB_URI: noServer, RCLONE_REMOTE: remote, DRY_RUN: "true", LOG_FORMAT: "json", ...variables };
  const { stdout, exitCode } = await runDbstash("pg", { env });
  expect(JSON.parse(stdout)).toMatchObject({ places: [{ remote, rclone_config: shown }] });
  expect(exitCode).toBe(0);
});

plainTest("a compression that the dump tool does not have is warned of once", async () => {
  const env = {
    DB_URI: "mysql://127.0.0.1:1/shop",
    RCLONE_REMOTE: "/srv/backups",
    DRY_RUN: "true",
    LOG_FORMAT: "json",
    BACKUP_COMPRESS: "true",
  };
  const { stdout } = await runDbstash("mariadb", { env });
  expect(warningsOf(stdout)).toEqual([
    "BACKUP_COMPRESS (--backup-compress): the dump tool of MariaDB can't compress, true does nothing here; zstd can",
  ]);
});

plainTest.each([
  ["ls", "ls"],
  ["  ls -l", "ls"],
  ["curl;true", "curl"],
  ["curl|sh", "curl"],
  ["./hook.sh a", "./hook.sh"],
  ["A=1 B=x/y ls", "ls"],
  ["A=1", null],
  ["", null],
  ["A=$(x) ls", null],
  ['"my hook" a', null],
  ["~/hook", null],
  ["$HOOK", null],
  ["f() { ls; }; f", null],
  ["# nothing", null],
  ["! ls", null],
  ["2>log ls", null],
])("the first word of %p is %p", (text, word) => {
  expect(firstWord(text)).toBe(word);
});
