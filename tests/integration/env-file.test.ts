import { expect } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { needs } from "../support/components.ts";
import { runDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { freePort, waitFor } from "../support/run.ts";
import { startS3 } from "../support/s3.ts";
import { tempFolder } from "../support/temp.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "s3-server");

/** As lines of an env file, everything literal. */
function lines(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join("");
}

test("one file serves backup, list, verify and prune: S3's keys and the remote's definition stand in it, too", async () => {
  const s3 = await startS3();
  try {
    using folder = tempFolder("env-file");
    using fakes = fakeTools({ pg_dump: wholeDump(5000) });
    const file = folder.file("shop.env");
    writeFileSync(
      file,
      lines({
        ...s3.remoteEnv("store"),
        DB_URI: "postgres://joe:p$w@127.0.0.1:1/shop",
        RCLONE_REMOTE: `store:${s3.bucket}/db`,
        RETENTION_MAX_FILES: "1",
        BACKUP_NAME_TEMPLATE: "{db}-{timestamp}-{uuid}",
        HOOK_POST_BACKUP: 'echo "$SAID, $DBSTASH_STATUS"',
        SAID: "from the $file",
      }),
    );
    const dbstash = (...args: string[]) => runDbstash("pg", { args, path: [fakes.dir] });
    const first = await dbstash("--env-file", file);
    expect([first.exitCode, first.lastLine?.msg]).toEqual([0, "backup stored"]);
    expect(first.lines.map((line) => line["output"])).toContain("from the $file, success");
    expect((await dbstash("backup", "--env-file", file, "--retention-max-files=0")).exitCode).toBe(0);
    const listed = await dbstash("list", "--json", `--env-file=${file}`);
    const rows = JSON.parse(listed.stdout) as { name: string; next_run: string }[];
    expect(rows.map(({ next_run: fate }) => fate)).toEqual(["remove", "remove"]);
    expect((await dbstash("--env-file", file, "verify")).stdout).toStartWith(`${rows[0]?.name}: good (`);
    const pruned = await dbstash("prune", "--env-file", file);
    expect(pruned.stdout).toEndWith(`store:${s3.bucket}/db: 1 removed, 1 kept\n`);
    expect(s3.list()).toEqual([`db/${rows[0]?.name}`]);
  } finally {
    await s3.stop();
  }
});

test("the environment beats it, and a flag both", async () => {
  using folder = tempFolder("env-file");
  const file = folder.file("shop.env");
  writeFileSync(file, lines({ DB_NAME: "file", RCLONE_REMOTE: "/file", BACKUP_MODE: "tar", DB_HOST: "db" }));
  const env = { DB_NAME: "environment", RCLONE_REMOTE: "/environment", BACKUP_MODE: "" };
  const args = ["--env-file", file, "--db-name", "flag", "--dry-run"];
  const { stdout, exitCode } = await runDbstash("pg", { args, env });
  const { settings } = JSON.parse(stdout) as {
    settings: { variable: string; value: string; from: string }[];
  };
  const given = new Map(settings.map(({ variable, value, from }) => [variable, [value, from]]));
  expect(exitCode).toBe(0);
  expect(given.get("DB_NAME")).toEqual(["flag", "flag"]);
  expect(given.get("RCLONE_REMOTE")).toEqual(["/environment", "environment"]);
  expect(given.get("BACKUP_MODE")).toEqual(["tar", "env file"]);
  expect(given.get("DB_HOST")).toEqual(["db", "env file"]);
});

test("a secret of it is masked wherever it comes out", async () => {
  using folder = tempFolder("env-file");
  using fakes = fakeTools({ pg_dump: 'echo "pg_dump: error: topsecretvalue and othersecret" >&2; exit 1' });
  const file = folder.file("shop.env");
  const secrets = { DB_PASSWORD: "topsecretvalue", AWS_SECRET_ACCESS_KEY: "othersecret" };
  writeFileSync(file, lines({ DB_HOST: "db", DB_NAME: "a", RCLONE_REMOTE: folder.file("out"), ...secrets }));
  const { exitCode, stdout, stderr } = await runDbstash("pg", {
    args: ["--env-file", file],
    path: [fakes.dir],
  });
  expect(exitCode).toBe(1);
  expect(stdout).toContain("[secret] and [secret]");
  expect(stdout + stderr).not.toMatch(/topsecretvalue|othersecret/);
});

test("lines that can't be read are told all at once, by file, number and reason, never by their value: 2", async () => {
  using folder = tempFolder("env-file");
  const file = folder.file("shop.env");
  writeFileSync(file, "# job\nDB_PASSWORD=topsecret$value\ntopsecretvalue\nDB_NAME='topsecret\nDB_HOST=db\n");
  const { exitCode, stdout, stderr } = await runDbstash("pg", { args: ["list", "--env-file", file] });
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr.match(/^error: .*$/gm)).toEqual([
    `error: ${file}, line 2 has a $ in DB_PASSWORD, which not all read as it stands`,
    `error: ${file}, line 3 has no =`,
    `error: ${file}, line 4 opens a quote for DB_NAME that is not closed on it`,
  ]);
  expect(stderr).not.toContain("topsecret");
});

test("an application's own lines are left out, with a warning by file and line; an & in a URI needs no quotes", async () => {
  using folder = tempFolder("env-file");
  using fakes = fakeTools({ pg_dump: wholeDump(1000) });
  const file = folder.file(".env");
  const uri = "postgres://joe:hunter22@127.0.0.1:1/shop?connect_timeout=5&application_name=x";
  const own = `DB_URI=${uri}\nRCLONE_REMOTE=${folder.file("out")}\nHOOK_POST_BACKUP=env\n`;
  const apps = [
    'APP_NAME="shop"',
    'APP_URL="https://${APP_HOST}/topsecret"',
    "MAIL_PASSWORD=topsecret\\$1",
    'JWT_KEY="-----BEGIN KEY-----',
    "topsecret==",
    '-----END KEY-----"',
    "DEBUG = true",
  ];
  writeFileSync(file, `${own}${apps.join("\n")}\n`);
  const { exitCode, stdout, lines } = await runDbstash("pg", {
    args: ["--env-file", file],
    path: [fakes.dir],
  });
  expect([exitCode, readdirSync(folder.file("out")).length]).toEqual([0, 1]);
  const warned = lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);
  expect(warned.map((text) => /, (lines? [\d to]+) /.exec(text)?.[1])).toEqual([
    "line 5",
    "line 6",
    "lines 7 to 9",
    "line 10",
  ]);
  expect(stdout).not.toContain("topsecret");
  const seen = lines.map((line) => String(line["output"]));
  expect(seen).toContain("APP_NAME=shop");
  expect(seen.some((text) => /^(APP_URL|JWT_KEY|DEBUG)=/.test(text))).toBe(false);
});

for (const [what, file, message] of [
  ["that is not there", "/no/such.env", "--env-file names /no/such.env, which does not exist"],
  ["that is a folder", "/etc", "--env-file names /etc, which is a folder"],
] as const)
  test(`a file ${what} is a usage error`, async () => {
    const { exitCode, stderr } = await runDbstash("pg", { args: ["list", "--env-file", file] });
    expect([exitCode, stderr.split("\n")[0]]).toEqual([2, `error: ${message}`]);
  });

test("prune refuses a place, database or template that the environment sets to something else: 2", async () => {
  using folder = tempFolder("env-file");
  const file = folder.file("shop.env");
  writeFileSync(folder.file("shop-20260101T020000Z.sql"), "");
  writeFileSync(file, lines({ DB_NAME: "shop", RCLONE_REMOTE: "/backups", RETENTION_MAX_FILES: "1" }));
  const prune = (env: Record<string, string>, ...more: string[]) =>
    runDbstash("pg", { args: ["prune", "--env-file", file, ...more], env });
  const env = { RCLONE_REMOTE: folder.path, DB_NAME: "stock", BACKUP_NAME_TEMPLATE: "{db}-{ts}" };
  const { exitCode, stderr } = await prune(env);
  expect(exitCode).toBe(2);
  expect(stderr.match(/^error: \w+/gm)?.join()).toBe(
    "error: RCLONE_REMOTE,error: BACKUP_NAME_TEMPLATE,error: DB_NAME",
  );
  const meant = await prune({}, "--rclone-remote", folder.path);
  expect(meant.stdout).toContain("shop-20260101T020000Z.sql, the newest: bad: it is empty");
  expect(meant.exitCode).toBe(1);
});

test("backup makes one now beside a schedule, under the same lock", async () => {
  using folder = tempFolder("backup");
  using fakes = fakeTools({
    pg_dump: `case $* in *--version*) exit 0;; esac; until [ -e '${folder.file("go")}' ]; do sleep 0.01; done; ${wholeDump(1000)}`,
  });
  const env = {
    DB_URI: "postgres://joe:pw@127.0.0.1:1/shop",
    RCLONE_REMOTE: folder.file("out"),
    BACKUP_SCHEDULE: "0 0 1 1 *",
    BACKUP_NAME_TEMPLATE: "{db}-{timestamp}-{uuid}",
    XDG_RUNTIME_DIR: folder.path,
    HEALTH_PORT: String(await freePort()),
  };
  const daemon = startDbstash("pg", { env });
  await daemon.waitForLine(({ msg }) => msg === "schedule started");
  const backup = (args: readonly string[]) => startDbstash("pg", { env, args, path: [fakes.dir] });
  const first = backup(["backup"]);
  await waitFor("the dump", () => fakes.calls("pg_dump").length > 0);
  expect((await backup(["backup"]).exited).exitCode).toBe(4);
  writeFileSync(folder.file("go"), "");
  expect((await first.exited).exitCode).toBe(0);
  expect(readdirSync(folder.file("out"))).toHaveLength(1);
  const planned = await backup(["backup", "--dry-run"]).exited;
  expect(JSON.parse(planned.stdout)).toMatchObject({ schedule: "once", next_runs: [{}] });
  daemon.signal("SIGTERM");
  expect((await daemon.exited).exitCode).toBe(0);
});
