import { describe, expect } from "bun:test";
import { closeSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLibc } from "../../src/process/libc.ts";
import { startAsNobody } from "../support/as-nobody.ts";
import { needs } from "../support/components.ts";
import { descendants, listProcs, marked, type Proc, sendSignal } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";
import { expectNothingStored, faultEnvironment, localPlace, startFaultRun, tools } from "./places.ts";

const { test } = needs("rclone-current", "zstd");
const dist = process.env["DBSTASH_DIST"] ?? join(import.meta.dirname, "../../dist");
const isRoot = process.getuid?.() === 0;

/** What is stopped in the tests ends well before this. */
const swiftMs = 15_000;

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

test("SIGHUP, a closed terminal, stops a run as SIGTERM does, and is told as what it is", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: 'echo data; : >"$FAKE_DIR/begun"; exec sleep 600' });
  const running = startFaultRun({ place, tools: fakes });
  await waitFor("the dump", () => existsSync(join(fakes.dir, "begun")));
  running.signal("SIGHUP");
  await expectNothingStored(await running.exited, place, { exitCode: 129, error: /^stopped by SIGHUP$/ });
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
});

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
});

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
      ...faultEnvironment(place, fakes, folder.path),
      HOOK_PRE_BACKUP: `yes ${word} | head -n 900`,
    },
  });
  closeSync(unread.writeFd);
  const startedMs = performance.now();
  expect(await running.exited).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(swiftMs);
  expect(place.published()).toHaveLength(1);
  closeSync(unread.readFd);
});

/** A run of another user's, once its stand-in has become root: the processes it has, and what ends it. */
async function startStubborn(...words: Parameters<typeof startAsNobody>) {
  const [folder] = words;
  const running = startAsNobody(...words);
  await waitFor("the other user's process", () => existsSync(folder.file("begun")));
  const family = descendants(running.pid).map(({ pid }) => pid);
  return {
    family,
    /** Sends the signal, and waits for the end. */
    end: async (signal: "SIGTERM" | "SIGKILL") => {
      const startedMs = performance.now();
      running.kill(signal);
      return { ...(await running.exited), elapsedMs: performance.now() - startedMs };
    },
  };
}

function living(pids: readonly number[]): Proc[] {
  return listProcs().filter(({ pid, state }) => pids.includes(pid) && state !== "Z");
}

// Only root can make what another user may not stop.
if (isRoot)
  describe("what runs as another user and may not be stopped", () => {
    const stubborn = 'exec as-root sh -c ": >begun; exec sleep 20"';
    for (const [title, dump, env] of [
      ["a hook", "echo data", { HOOK_PRE_BACKUP: stubborn }],
      ["a dump", `echo data; ${stubborn}`, {}],
    ] as const)
      test(`${title} does not hold up a run that is stopped`, async () => {
        using folder = tempFolder("other-user");
        const { family, end } = await startStubborn(folder, { pg_dump: dump }, env);
        const { exitCode, elapsedMs, lastLine, stderr } = await end("SIGTERM");
        expect([exitCode, stderr]).toEqual([143, ""]);
        expect(lastLine).toContain("stopped by SIGTERM");
        expect(elapsedMs).toBeLessThan(swiftMs);
        for (const { pid } of living(family)) sendSignal(pid, "SIGKILL");
      });

    for (const [title, exec] of [
      ["an upload", "exec"],
      ["an upload that a script has started", ""],
    ] as const)
      for (const signal of ["SIGTERM", "SIGKILL"] as const)
        test(`${title} never sees an end of input after ${signal}, though the run ends`, async () => {
          using folder = tempFolder("other-user");
          const upload = `${exec} as-root sh -c "exec 3<&0; cat <&3 >seen & : >begun; wait; : >end-of-input"`;
          const { family, end } = await startStubborn(folder, {
            pg_dump: "echo data; exec sleep 600",
            rclone: `[ "$1" = rcat ] || exec real-rclone "$@"\n${upload}`,
          });
          const { exitCode, elapsedMs } = await end(signal);
          expect(exitCode).toBe(signal === "SIGTERM" ? 143 : null);
          expect(elapsedMs).toBeLessThan(swiftMs);
          // The guard has done what it can when it sleeps by half seconds.
          await waitFor("the guard's patience", () =>
            listProcs().some(({ ppid, argv }) => family.includes(ppid) && argv.join(" ") === "sleep 0.5"),
          );
          expect(existsSync(folder.file("end-of-input"))).toBe(false);
          for (const { pid, command } of living(family)) if (command !== "sh") sendSignal(pid, "SIGKILL");
          await waitFor("the guard's end", () => living(family).length === 0);
        });
  });
