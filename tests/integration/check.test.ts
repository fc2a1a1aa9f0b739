import { afterAll, describe, expect } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { found, runCheck } from "../support/check.ts";
import { needs } from "../support/components.ts";
import { type DbstashOptions, runDbstash, startDbstash } from "../support/dbstash.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";
import { answeringTools } from "./check-tools.ts";
import { leftovers, tools } from "./places.ts";

const { test } = needs("rclone-current", "zstd");

const fakes = tools(answeringTools);
const place = tempFolder("place");
afterAll(() => {
  fakes.remove();
  place.remove();
});

const job = { DB_HOST: "127.0.0.1", DB_NAME: "app", DB_PASSWORD: "s3cret", RCLONE_REMOTE: place.path };

/** A check of a job with which all is well but for what the test breaks. */
function check(env: Readonly<Record<string, string>> = {}, options: DbstashOptions = {}) {
  return runCheck("pg", { path: [fakes.dir], ...options, env: { ...job, ...env } });
}

describe("check", () => {
  test("tells all that is well, line by line, with the tools' releases, names and times: exit 0", async () => {
    const env = { ...job, BACKUP_SCHEDULE: "0 2 * * *", TZ: "Europe/Berlin", BACKUP_COMPRESS: "zstd" };
    const { stdout, stderr, exitCode } = await runDbstash("pg", { path: [fakes.dir], args: ["check"], env });
    expect([exitCode, stderr]).toEqual([0, ""]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.at(-1)).toBe("all is well as far as it could be tried: a run would end with 0");
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^[✓–] [a-z ]{11} {2}\S/);
    for (const text of [
      /^✓ settings {5}PostgreSQL: app, to \//m,
      /^✓ tools {8}pg_dump \(PostgreSQL\) 15\.3 \(.*\/pg_dump\)$/m,
      /^✓ tools {8}rclone v/m,
      /^✓ tools {8}.*Zstandard.* \(.*zstd\)$/m,
      /^✓ connection {3}as backup, PostgreSQL 15\.3, database app$/m,
      /^✓ next run {5}\d{4}-\d\d-\d\d 02:00:00 \+0[12]:00 app-\d{8}T020000\+0[12]00\.sql\.zst$/m,
      /^– retention {4}off: nothing is ever removed$/m,
    ])
      expect(stdout).toMatch(text);
    expect(stdout.match(/^✓ next run/gm)).toHaveLength(3);
    expect(readdirSync(place.path)).toEqual([]);
  });

  test("starts no dump, runs no hook, and leaves nothing behind", async () => {
    using folder = tempFolder("hook");
    const hook = `: >${folder.file("ran")}`;
    const result = await check({ HOOK_PRE_BACKUP: hook, HOOK_POST_BACKUP: hook });
    expect([result.failed, result.exitCode]).toEqual([[], 0]);
    expect(existsSync(folder.file("ran"))).toBe(false);
    expect(fakes.calls("pg_dump").filter((words) => words.join() !== "--version")).toEqual([]);
    expect(leftovers(result.run)).toEqual([]);
  });

  test("says what is wrong, what to do, and what a run would end with", async () => {
    const env = { ...job, HOOK_POST_BACKUP: "if true" };
    const { stdout, exitCode } = await runDbstash("pg", { path: [fakes.dir], args: ["check"], env });
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/^✗ hooks {8}HOOK_POST_BACKUP .* has a syntax error: .*\n {15}hint: /m);
    expect(stdout).toEndWith("1 wrong: a run would end with 3\n");
  });

  test("tells settings as lines, too, and ends with 2", async () => {
    const result = await check({ RETENTION_MAX_DAYS: "7d", BACKUP_LOCK: "maybe" });
    expect(result.exitCode).toBe(2);
    expect(result.failed.map((line) => line.split(" ").slice(0, 2))).toEqual([
      ["settings:", "BACKUP_LOCK"],
      ["settings:", "RETENTION_MAX_DAYS"],
    ]);
    const env = { ...job, BACKUP_LOCK: "maybe" };
    const { stdout } = await runDbstash("pg", { path: [fakes.dir], args: ["check"], env });
    expect(stdout).toMatch(/^✗ settings {5}BACKUP_LOCK .*\n1 wrong: a run would end with 2\n$/);
  });

  test("tells what is worth a warning, which costs nothing", async () => {
    const result = await check({ BACKUP_NAME_TEMPLATE: "{db}" });
    expect(result.exitCode).toBe(0);
    expect(found(result, "settings")[1]).toMatch(/^open: BACKUP_NAME_TEMPLATE .* has no time token/);
  });

  test("shows no secret, whoever says it", async () => {
    using leaky = tools({ ...answeringTools, psql: "echo 'psql: no entry for s3cret' >&2; exit 2" });
    const result = await check({}, { path: [leaky.dir] });
    expect(result.exitCode).toBe(1);
    expect(result.failed).toEqual([expect.stringContaining("psql: no entry for [secret]")]);
    expect(result.run.stdout + result.run.stderr).not.toContain("s3cret");
  });
});

describe("check of the tools", () => {
  const bin = (names: readonly string[]) =>
    tools(Object.fromEntries(names.map((name) => [name, { link: Bun.which(name) ?? "" }])));

  test("tells a dump tool and an rclone that are missing, each once", async () => {
    using only = bin(["sh", "setpriv"]);
    const result = await check({}, { onlyPath: [only.dir] });
    expect(result.exitCode).toBe(1);
    expect(result.failed).toEqual([
      expect.stringMatching(/^tools: pg_dump was not found on PATH; install it/),
      expect.stringMatching(/^tools: rclone was not found on PATH; install it/),
    ]);
    expect(found(result, "connection")).toEqual(["open: not tried: psql was not found on PATH"]);
  });

  test("tells a compressor that is missing", async () => {
    using only = bin(["sh", "setpriv", "printf", "uname", "cat"]);
    const result = await check({ BACKUP_COMPRESS: "zstd" }, { onlyPath: [fakes.dir, only.dir] });
    expect(result.failed).toContainEqual(expect.stringMatching(/^tools: zstd was not found on PATH/));
  });

  test("tells a temp folder that can't be had", async () => {
    using folder = tempFolder("temp");
    writeFileSync(folder.file("file"), "");
    const result = await check({ TMPDIR: folder.file("file/tmp") });
    expect(result.exitCode).toBe(1);
    expect(result.failed).toEqual([
      expect.stringMatching(/^temp folder: can't make a folder in .*file\/tmp/),
    ]);
  });
});

describe("check of the folders", () => {
  test("tells a work folder that can't be written to, in the modes that need it", async () => {
    using folder = tempFolder("work");
    writeFileSync(folder.file("file"), "");
    const env = { BACKUP_TEMP_DIR: folder.file("file/work") };
    const result = await check({ ...env, BACKUP_MODE: "tar" });
    expect(result.exitCode).toBe(1);
    expect(result.failed).toEqual([
      expect.stringMatching(/^work folder: can't make a folder in .*file\/work.*; BACKUP_TEMP_DIR \(/),
    ]);
    expect((await check(env)).exitCode).toBe(0);
  });

  test("tells how much is free in the work folder, and leaves nothing there", async () => {
    using work = tempFolder("work");
    const result = await check({ BACKUP_TEMP_DIR: work.path, BACKUP_MODE: "directory" });
    expect(found(result, "work folder")[0]).toMatch(/^open: the dump is first written to .* with .* free; /);
    expect(readdirSync(work.path)).toEqual([]);
  });
});

describe("check of the hooks", () => {
  for (const [option, command, exitCode, line] of [
    [
      "HOOK_PRE_BACKUP",
      "if true; then",
      1,
      /^hooks: HOOK_PRE_BACKUP .* has a syntax error: .*; it is run by sh -c/,
    ],
    ["HOOK_POST_BACKUP", "echo 'x", 3, /^hooks: HOOK_POST_BACKUP .* has a syntax error/],
    [
      "HOOK_PRE_BACKUP",
      "no-such-command --x",
      1,
      /^hooks: HOOK_PRE_BACKUP .*no-such-command was not found on PATH/,
    ],
    ["HOOK_PRE_BACKUP", "no-such-command || true", 0, null],
  ] as const)
    test(`${option}=${command} would end a run with ${exitCode}`, async () => {
      const result = await check({ [option]: command });
      expect(result.failed).toEqual(line === null ? [] : [expect.stringMatching(line)]);
      expect(result.exitCode).toBe(exitCode);
    });
});

describe("check of the webhook", () => {
  test("sends nothing unless it is asked to", async () => {
    await using webhook = startWebhook();
    const result = await check({ NOTIFY_WEBHOOK_URL: `${webhook.url}/hook-secret-path` });
    expect([result.exitCode, webhook.requests.length]).toEqual([0, 0]);
    expect(found(result, "message")[0]).toMatch(/^open: .* check --notify sends a message$/);
  });

  test("really sends a message with --notify, which names the job", async () => {
    await using webhook = startWebhook();
    const env = { NOTIFY_WEBHOOK_URL: `${webhook.url}/hook-secret-path` };
    const result = await check(env, { args: ["--notify"] });
    expect([result.exitCode, webhook.requests.length]).toEqual([0, 1]);
    expect(found(result, "message")).toEqual(["ok: a message was sent, and taken"]);
    expect(webhook.requests[0]?.body).toContain("backup of app (pg) is told of here: this is a test");
  });

  test("that answers 404 is told, without its URL, and ends with 1", async () => {
    await using webhook = startWebhook();
    webhook.script([{ status: 404, body: "no such hook" }]);
    const env = { NOTIFY_WEBHOOK_URL: `${webhook.url}/hook-secret-path` };
    const result = await check(env, { args: ["--notify"] });
    expect(result.exitCode).toBe(1);
    expect(result.failed).toEqual([
      expect.stringMatching(
        /^message: the message was not taken: the webhook answered 404: no such hook; see whether/,
      ),
    ]);
    expect(result.run.stdout + result.run.stderr).not.toContain("hook-secret-path");
  });

  test("with a wrong syntax is a setting's problem", async () => {
    const result = await check({ NOTIFY_WEBHOOK_URL: "not a url" });
    expect(result.exitCode).toBe(2);
  });
});

test("a check is ended by a signal, and leaves no file on the place", async () => {
  using slow = tools({ ...answeringTools, psql: "echo $$ >$FAKE_DIR/there; exec sleep 60" });
  const running = startDbstash("pg", { path: [slow.dir], args: ["check"], env: job });
  await waitFor("the question", () => existsSync(`${slow.dir}/there`));
  running.signal("SIGTERM");
  const result = await running.exited;
  expect(result.exitCode).toBe(143);
  expect(leftovers(result)).toEqual([]);
  expect(readdirSync(place.path)).toEqual([]);
});
