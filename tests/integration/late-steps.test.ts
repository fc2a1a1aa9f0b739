import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import type { DbstashResult } from "../support/dbstash.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";
import { aliasOf, localPlace, rcloneExcept, startFaultRun, tools } from "./places.ts";

const { describe, test } = needs("rclone-current");

/** A pg_dump of directory mode. */
const dumpsFolder =
  'for word; do case $word in --file=*) mkdir "${word#*=}" && echo data >"${word#*=}/toc.dat" ;; esac; done';

describe("BACKUP_STALL_TIMEOUT", () => {
  const env = { BACKUP_STALL_TIMEOUT: "3s" };

  test("does not bind what comes after the upload", async () => {
    using place = localPlace();
    using fakes = tools({
      pg_dump: "echo data",
      rclone: rcloneExcept("moveto", 'sleep 4; exec "$REAL" "$@"'),
    });
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    expect(place.published()).toHaveLength(1);
  });

  test("does not bind what rclone sends unseen, from its spool, after the end of input", async () => {
    using place = localPlace();
    const spools = `case $1 in
      backend) "$REAL" "$@" | sed 's/"PutStream": true/"PutStream": false/'; exit ;;
      rcat) cat >"$FAKE_DIR/spool"; echo '{"level":"notice","msg":"","stats":{"bytes":5}}' >&2; sleep 4
        exec "$REAL" "$@" <"$FAKE_DIR/spool" ;;
    esac`;
    using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept('"$1"', spools) });
    const alias = aliasOf(place.remote);
    const result = await startFaultRun({ place, tools: fakes, env: { ...env, ...alias } }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    // Nothing else would end an upload on a connection that stands still.
    const [upload = []] = fakes.calls("rclone").filter(([verb]) => verb === "rcat");
    expect(upload.findLast((word) => word.startsWith("--timeout"))).toBe("--timeout=5m");
  });

  test("does not bind the post hook of a failed dump", async () => {
    using place = localPlace();
    using folder = tempFolder("hook");
    using fakes = tools({ pg_dump: "exit 1" });
    const hook = `sleep 4; : >'${folder.file("done")}'`;
    const result = await startFaultRun({ place, tools: fakes, env: { ...env, HOOK_POST_BACKUP: hook } })
      .exited;
    expect(existsSync(folder.file("done"))).toBe(true);
    expect(result.lines.filter((line) => line.level === "warn")).toEqual([]);
    expect(result.exitCode).toBe(1);
  });
});

test("a rename that is done and not heard of before the run's time is over is a stored backup", async () => {
  using place = localPlace();
  const late = '"$REAL" "$@"; trap "" TERM; sleep 600; sleep 600; exit';
  using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("moveto", late) });
  const result = await startFaultRun({ place, tools: fakes, env: { BACKUP_TIMEOUT: "8s" } }).exited;
  expect(result.lastLine).toMatchObject({ status: "success", bytes: 5 });
  expect([place.files().length, place.published().length]).toEqual([1, 1]);
});

test("a backup that overwrites one of the same size is the new one", async () => {
  using place = localPlace();
  // As rclone compares where a storage keeps no times: without more it takes the old file for the new one.
  const env = { BACKUP_NAME_TEMPLATE: "{db}", RCLONE_EXTRA_ARGS: "--size-only" };
  for (const text of ["old", "new"]) {
    using fakes = tools({ pg_dump: `echo ${text}` });
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.exitCode).toBe(0);
  }
  expect(readFileSync(join(place.remote, "app.sql"), "utf8")).toBe("new\n");
});

test("a webhook that hangs does not hold up a run that was stopped", async () => {
  using place = localPlace();
  await using webhook = startWebhook();
  webhook.script([{ hang: true }]);
  using fakes = tools({ pg_dump: ': >"$FAKE_DIR/begun"; exec sleep 600' });
  const env = { NOTIFY_WEBHOOK_URL: webhook.url };
  const running = startFaultRun({ place, tools: fakes, env });
  await waitFor("the dump", () => existsSync(join(fakes.dir, "begun")));
  running.signal("SIGTERM");
  const result = await within8s(running.exited);
  expect(result.lastLine).toMatchObject({ msg: "backup failed", exit_code: 143 });
  expect(result.lines.at(-2)).toMatchObject({ level: "warn", error: "sending was stopped" });
});

describe("what runs of over a day ago left unfinished goes without retention, too", () => {
  const old = "20200101T000000Z";
  const idOf = (time: string) =>
    `${Date.parse(time)
      .toString(16)
      .padStart(12, "0")
      .replace(/(.{8})/, "$1-")}-7000-8000-000000000000`;

  test("a folder without dbstash.json, but no whole one", async () => {
    using place = localPlace();
    using work = tempFolder("work");
    for (const name of [`app-${old}`, "app-20200102T000000Z", `other-${old}`]) {
      mkdirSync(join(place.remote, name));
      writeFileSync(join(place.remote, name, "toc.dat"), "data");
    }
    writeFileSync(join(place.remote, "app-20200102T000000Z", "dbstash.json"), "{}");
    using fakes = tools({ pg_dump: dumpsFolder });
    const env = { BACKUP_MODE: "directory", BACKUP_TEMP_DIR: work.path };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    const names = readdirSync(place.remote);
    expect(names).toHaveLength(3);
    expect(names).toEqual(expect.arrayContaining(["app-20200102T000000Z", `other-${old}`]));
  });

  test("a staged upload in a folder of another day", async () => {
    using place = localPlace();
    const folder = join(place.remote, "2020-01-01");
    mkdirSync(folder);
    const staged = (name: string) => `.${name}.${idOf("2020-01-01T00:00:00Z")}.partial`;
    for (const name of [staged("app.sql"), "app.sql", staged("other.sql")])
      writeFileSync(join(folder, name), "");
    using fakes = tools({ pg_dump: "echo data" });
    const env = { BACKUP_NAME_TEMPLATE: "{date}/{db}" };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    expect(readdirSync(folder).toSorted()).toEqual([staged("other.sql"), "app.sql"]);
  });
});

describe("a signal after the backup is stored", () => {
  test("ends a post hook that is under way when a second one comes", async () => {
    using place = localPlace();
    using folder = tempFolder("hook");
    using fakes = tools({ pg_dump: "echo data" });
    const env = { HOOK_POST_BACKUP: `: >'${folder.file("begun")}'; sleep 600` };
    const running = startFaultRun({ place, tools: fakes, env });
    await waitFor("the hook", () => existsSync(folder.file("begun")));
    running.signal("SIGTERM");
    running.signal("SIGINT");
    const result = await within8s(running.exited);
    expectStoredWithWarning(result, /^HOOK_POST_BACKUP was ended: stopped by SIG(TERM|INT)$/);
    await waitUntilGone(result.id);
  });

  test("ends a removal that is under way", async () => {
    using place = localPlace();
    writeFileSync(join(place.remote, "app-20200101T000000Z.sql"), "old");
    using fakes = tools({
      pg_dump: "echo data",
      rclone: rcloneExcept("delete", ': >"$FAKE_DIR/begun"; exec sleep 600'),
    });
    const running = startFaultRun({ place, tools: fakes, env: { RETENTION_MAX_FILES: "1" } });
    await waitFor("the removal", () => existsSync(join(fakes.dir, "begun")));
    running.signal("SIGTERM");
    const result = await within8s(running.exited);
    expectStoredWithWarning(result, "retention failed: stopped by SIGTERM");
    expect(readdirSync(place.remote)).toHaveLength(2);
  });
});

describe("a folder that is removed half way is no backup any more", () => {
  const noPurge = rcloneExcept(
    '"$1"',
    `case $1 in
    purge) echo "not now" >&2; exit 1 ;;
    rcat) [ -z "$FAIL" ] || { "$REAL" "$@"; echo "the answer was lost" >&2; exit 1; } ;;
  esac`,
  );

  test("when retention removes it", async () => {
    using place = localPlace();
    using work = tempFolder("work");
    const old = join(place.remote, "app-20200101T000000Z");
    mkdirSync(old);
    for (const name of ["toc.dat", "dbstash.json"]) writeFileSync(join(old, name), "{}");
    using fakes = tools({ pg_dump: dumpsFolder, rclone: noPurge });
    const env = { BACKUP_MODE: "directory", BACKUP_TEMP_DIR: work.path, RETENTION_MAX_FILES: "1" };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expectStoredWithWarning(result, "retention failed: rclone purge failed: not now");
    expect(readdirSync(old)).toEqual(["toc.dat"]);
  });

  test("when its own run fails at the last step", async () => {
    using place = localPlace();
    using work = tempFolder("work");
    using fakes = tools({ pg_dump: dumpsFolder, rclone: noPurge });
    const env = { BACKUP_MODE: "directory", BACKUP_TEMP_DIR: work.path, FAIL: "yes" };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup failed", exit_code: 1 });
    expect(place.files().filter((name) => name.endsWith("dbstash.json"))).toEqual([]);
    expect(place.files()).toHaveLength(1);
  });
});

async function within8s(exited: Promise<DbstashResult>): Promise<DbstashResult> {
  const startedMs = performance.now();
  const result = await exited;
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  return result;
}

function expectStoredWithWarning(result: DbstashResult, warning: string | RegExp): void {
  const pattern =
    typeof warning === "string" ? expect.stringContaining(warning) : expect.stringMatching(warning);
  expect(result.lines.filter((line) => line.level === "warn").map((line) => line.msg)).toContainEqual(
    pattern,
  );
  expect(result.lastLine).toMatchObject({ status: "success", exit_code: 3, error: pattern });
  expect(result.exitCode).toBe(3);
}
