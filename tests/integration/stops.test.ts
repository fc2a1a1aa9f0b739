import { describe, expect } from "bun:test";
import { chmodSync, closeSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openLibc } from "../../src/process/libc.ts";
import { componentPath, needs } from "../support/components.ts";
import { descendants, marked, sendSignal, waitUntilGone } from "../support/procs.ts";
import { systemPath, waitFor } from "../support/run.ts";
import { nobody, tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";
import { expectNothingStored, localPlace, startFaultRun, tools } from "./places.ts";

const { test } = needs("rclone-current", "zstd");
const dist = process.env["DBSTASH_DIST"] ?? join(import.meta.dirname, "../../dist");
const isRoot = process.getuid?.() === 0;

/** What is stopped in the tests ends well before this. */
const swiftMs = 9_000;

describe("children that never stop talking", () => {
  test("a hook does not hold off BACKUP_TIMEOUT, and its output is logged in part", async () => {
    using place = localPlace();
    using fakes = tools({ pg_dump: "echo data" });
    const env = { HOOK_PRE_BACKUP: "exec yes", BACKUP_TIMEOUT: "2s" };
    const result = await startFaultRun({ place, tools: fakes, env, timeoutMs: 20_000 }).exited;
    await expectNothingStored(result, place, { error: /^the run took longer than 2 s/ });
    expect(result.lines.filter(({ msg }) => msg === "output of HOOK_PRE_BACKUP")).toHaveLength(1_000);
    expect(
      result.lines.find(({ msg }) => msg === "more output of HOOK_PRE_BACKUP was left out"),
    ).toBeDefined();
  });

  test("a dump does not hold off SIGTERM", async () => {
    using place = localPlace();
    using fakes = tools({ pg_dump: 'echo data; : >"$FAKE_DIR/begun"; exec yes >&2' });
    const env = { LOG_LEVEL: "debug" };
    const running = startFaultRun({ place, tools: fakes, env, timeoutMs: 20_000 });
    await waitFor("the dump", () => existsSync(join(fakes.dir, "begun")));
    running.signal("SIGTERM");
    await expectNothingStored(await running.exited, place, { exitCode: 143, error: /^stopped by SIGTERM/ });
  });
});

test("SIGHUP, a closed terminal, stops a run as SIGTERM does", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: 'echo data; : >"$FAKE_DIR/begun"; exec sleep 600' });
  const running = startFaultRun({ place, tools: fakes });
  await waitFor("the dump", () => existsSync(join(fakes.dir, "begun")));
  running.signal("SIGHUP");
  await expectNothingStored(await running.exited, place, { exitCode: 143, error: /^stopped by/ });
});

test("a signal that comes while a webhook hangs leaves it 5 s", async () => {
  using place = localPlace();
  await using webhook = startWebhook();
  webhook.script([{ hang: true }]);
  using fakes = tools({ pg_dump: "echo data" });
  const env = { NOTIFY_WEBHOOK_URL: webhook.url, NOTIFY_ON: "always" };
  const running = startFaultRun({ place, tools: fakes, env });
  await webhook.waitForRequests(1);
  const startedMs = performance.now();
  running.signal("SIGTERM");
  const result = await running.exited;
  expect(performance.now() - startedMs).toBeLessThan(swiftMs);
  expect(result.lines.at(-2)).toMatchObject({ level: "warn", error: "sending was stopped" });
  expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
}, 20_000);

test("a guard that is stopped does not hold up the end of a failed run", async () => {
  using place = localPlace();
  using fakes = tools({
    pg_dump: ': >"$FAKE_DIR/begun"; until [ -e "$FAKE_DIR/go" ]; do sleep 0.01; done; exit 1',
  });
  const running = startFaultRun({ place, tools: fakes });
  await waitFor("the dump", () => existsSync(join(fakes.dir, "begun")));
  const ours = new Set(marked(running.id).map(({ pid }) => pid));
  const guard = descendants(running.pid).find(({ command, pid }) => command === "sh" && !ours.has(pid));
  sendSignal(guard?.pid ?? Number.NaN, "SIGSTOP");
  const startedMs = performance.now();
  writeFileSync(join(fakes.dir, "go"), "");
  await expectNothingStored(await running.exited, place, { error: /^pg_dump failed/ });
  expect(performance.now() - startedMs).toBeLessThan(swiftMs);
}, 20_000);

test("a temp folder whose path holds a line end is refused, and nothing is removed", async () => {
  using place = localPlace();
  using folder = tempFolder("lines");
  const precious = folder.file("precious");
  const temp = `${folder.path}/x\nfolder ${precious}`;
  for (const path of [precious, temp]) mkdirSync(path, { recursive: true });
  using fakes = tools({ pg_dump: "echo data" });
  const result = await startFaultRun({ place, tools: fakes, env: { TMPDIR: temp } }).exited;
  expect(result.lastLine).toMatchObject({ msg: "backup failed", exit_code: 1 });
  expect(String(result.lastLine?.["error"])).toContain("must not hold control characters");
  expect(existsSync(precious)).toBe(true);
});

test("a log that nobody reads holds up neither the run nor its end", async () => {
  using place = localPlace();
  using folder = tempFolder("unread");
  using fakes = tools({ pg_dump: "echo data" });
  const unread = openLibc().pipe();
  const word = "x".repeat(500);
  const running = Bun.spawn([join(dist, "dbstash-pg")], {
    cwd: folder.path,
    stdio: ["ignore", unread.writeFd, "ignore"],
    env: {
      PATH: `${fakes.dir}:${dirname(componentPath("rclone-current"))}:${systemPath}`,
      TMPDIR: folder.path,
      XDG_RUNTIME_DIR: folder.path,
      BACKUP_SCHEDULE: "once",
      DB_HOST: "127.0.0.1",
      DB_NAME: "app",
      RCLONE_REMOTE: place.remote,
      DUMP_EXTRA_ARGS: "--no-comments",
      HOOK_PRE_BACKUP: `yes ${word} | head -n 900`,
    },
  });
  closeSync(unread.writeFd);
  const startedMs = performance.now();
  expect(await running.exited).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(swiftMs);
  expect(place.published()).toHaveLength(1);
  closeSync(unread.readFd);
}, 20_000);

// Only root can make what another user may not stop.
if (isRoot)
  describe("what runs as another user and may not be stopped", () => {
    for (const [title, dump, hook] of [
      ["a hook", "echo data", 'exec su-like sh -c ": >begun; exec sleep 20"'],
      ["a dump", 'echo data; exec su-like sh -c ": >begun; exec sleep 20"', null],
    ] as const)
      test(`${title} does not hold up a run that is stopped`, async () => {
        using folder = tempFolder("other-user");
        using fakes = tools({ pg_dump: dump });
        const bin = folder.file("bin");
        for (const name of ["bin", "tmp", "out"]) mkdirSync(folder.file(name));
        for (const name of ["", "tmp", "out"]) chmodSync(folder.file(name), 0o777);
        for (const [from, to] of [
          [join(dist, "dbstash-pg"), "dbstash-pg"],
          [componentPath("rclone-current"), "rclone"],
          [Bun.which("setpriv") ?? "", "as-root"],
          [join(fakes.dir, "pg_dump"), "pg_dump"],
        ] as const)
          copyFileSync(from, join(bin, to));
        writeFileSync(
          join(bin, "su-like"),
          '#!/bin/sh\nexec as-root --reuid 0 --regid 0 --clear-groups "$@"\n',
        );
        for (const name of ["dbstash-pg", "rclone", "pg_dump", "su-like"]) chmodSync(join(bin, name), 0o755);
        chmodSync(join(bin, "as-root"), 0o4755);
        const { uid, gid } = nobody;
        const user = ["setpriv", "--reuid", String(uid), "--regid", String(gid), "--clear-groups", "--"];
        const id = crypto.randomUUID();
        const running = Bun.spawn([...user, join(bin, "dbstash-pg")], {
          cwd: folder.path,
          stdio: ["ignore", "pipe", "pipe"],
          env: {
            PATH: `${bin}:/usr/bin:/bin`,
            TMPDIR: folder.file("tmp"),
            BACKUP_SCHEDULE: "once",
            DB_HOST: "127.0.0.1",
            DB_NAME: "app",
            RCLONE_REMOTE: folder.file("out"),
            DUMP_EXTRA_ARGS: "--no-comments",
            DBSTASH_TEST_ID: id,
            ...(hook === null ? {} : { HOOK_PRE_BACKUP: hook }),
          },
        });
        await waitFor("the other user's process", () => existsSync(folder.file("begun")));
        const startedMs = performance.now();
        running.kill("SIGTERM");
        const said = await Promise.all([
          new Response(running.stdout).text(),
          new Response(running.stderr).text(),
        ]);
        expect(await running.exited).toBe(143);
        expect(performance.now() - startedMs).toBeLessThan(swiftMs);
        expect(said[1]).toBe("");
        expect(said[0].trim().split("\n").at(-1)).toContain("stopped by SIGTERM");
        for (const { pid } of marked(id)) sendSignal(pid, "SIGKILL");
        await waitUntilGone(id);
      });
  });
