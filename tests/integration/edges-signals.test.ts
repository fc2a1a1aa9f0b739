import { describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import type { RunningDbstash } from "../support/dbstash.ts";
import { waitFor } from "../support/run.ts";
import { type ExpectedEnd, expectEnd, goOn, newBackup, smallPlace, untilThere } from "./edges.ts";
import { earlier, startStepped, type StepName, stepNames } from "./edges-steps.ts";
import { localPlace, rcloneExcept, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current");

const signals = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const;
type Signal = keyof typeof signals;

/** One step of each kind, for signals that end no other way than SIGTERM does. */
const some: readonly StepName[] = ["in the pre hook", "in the middle of the dump", "before the rename"];

/** What is stopped in the tests ends well before this. */
const swiftMs = 15_000;

/** A step at which the dump's end was given: what was on goes on, and only what follows is left out. */
const goesOn: readonly StepName[] = [
  "at the end of the upload",
  "while it is verified",
  "before the rename",
  "when the rename is done",
];

/** What a run comes to that gets a signal there, and may then go on. */
function endOf(name: StepName, signal: Signal): ExpectedEnd {
  const why = new RegExp(`^retention failed: stopped by ${signal}$`);
  if (goesOn.includes(name) || name === "before retention")
    return { exitCode: 3, error: why, files: [newBackup, ...earlier] };
  // The post hook has its minute.
  if (name === "in the post hook") return { exitCode: 0, files: [newBackup] };
  // No earlier backup is a folder, so there is nothing to be stopped.
  if (name === "when a folder has its manifest") return { exitCode: 0 };
  return { exitCode: signals[signal], error: new RegExp(`^stopped by ${signal}$`), files: earlier };
}

for (const signal of Object.keys(signals) as Signal[])
  describe(`${signal}`, () => {
    for (const name of signal === "SIGTERM" ? stepNames : some)
      test(name, async () => {
        using run = startStepped(name);
        await untilThere(run.dir);
        run.running.signal(signal);
        const end = endOf(name, signal);
        // What is held before retention must not go on to it before the signal has arrived.
        if ((end.exitCode === 0 || end.exitCode === 3) && name !== "before retention") goOn(run.dir);
        const startedMs = performance.now();
        const result = await run.running.exited;
        expect(performance.now() - startedMs).toBeLessThan(swiftMs);
        await expectEnd(result, run.place, end);
      });
  });

describe("a second signal", () => {
  for (const signal of Object.keys(signals) as Signal[])
    test(`ends the post hook at once: ${signal}`, async () => {
      using run = startStepped("in the post hook");
      await untilThere(run.dir);
      await sendAndWait(run.running, "SIGTERM");
      run.running.signal(signal);
      const startedMs = performance.now();
      const result = await run.running.exited;
      expect(performance.now() - startedMs).toBeLessThan(swiftMs);
      const error = /^HOOK_POST_BACKUP was ended: stopped by SIG(TERM|INT|HUP)$/;
      await expectEnd(result, run.place, { exitCode: 3, error, files: [newBackup] });
    });

  test("in the post hook of a stopped dump ends that, too, and the first one counts", async () => {
    using place = localPlace();
    const there = ': >"$FAKE_DIR/there"; exec sleep 600';
    using fakes = tools({ pg_dump: `${wholeDump(60_000)}\n${there}` });
    const env = { HOOK_POST_BACKUP: ': >"$PAUSE/in-hook"; exec sleep 600', PAUSE: fakes.dir };
    const running = startFaultRun({ place, tools: fakes, env });
    await untilThere(fakes.dir);
    running.signal("SIGINT");
    await waitFor("the post hook", () => existsSync(join(fakes.dir, "in-hook")));
    running.signal("SIGTERM");
    await expectEnd(await running.exited, place, { exitCode: 130, error: /^stopped by SIGINT$/, files: [] });
  });
});

/** A second signal of the same number would be lost as long as the first one waits (proc_pid_status(5), ShdPnd). */
async function sendAndWait(running: RunningDbstash, signal: Signal): Promise<void> {
  running.signal(signal);
  await waitFor("the signal to be taken", () =>
    /^ShdPnd:\s*0+$/m.test(readFileSync(`/proc/${running.pid}/status`, "utf8")),
  );
}

const late = /the run took longer than 10 s$/;
const failed = { exitCode: 1, error: late, hint: /BACKUP_TIMEOUT/, files: earlier };
const kept = { exitCode: 3, error: late, files: [newBackup, ...earlier] };
const unseen = /the run took longer than 10 s; retention did not run, since the backup could not be checked$/;

/** What a run comes to whose time is over there; where nothing is said it is `failed`. */
const lateEnds: Partial<Record<StepName, ExpectedEnd>> = {
  "when the rename is done": { ...kept, error: unseen },
  "before retention": kept,
};

// They wait for most of their time, and so some go beside each other.
const timed = stepNames.filter((name) => name !== "in the post hook");
for (let at = 0; at < timed.length; at += 4) {
  const names = timed.slice(at, at + 4);
  test(`BACKUP_TIMEOUT ends a run ${names.join("; ")}`, async () => {
    await Promise.all(
      names.map(async (name) => {
        using run = startStepped(name, { BACKUP_TIMEOUT: "10s" });
        const result = await run.running.exited;
        expect(existsSync(join(run.dir, "there"))).toBe(true);
        await expectEnd(result, run.place, lateEnds[name] ?? failed);
      }),
    );
  });
}

test("BACKUP_TIMEOUT ends an upload to S3 that is done and has no answer: it stands there, and that is told", async () => {
  await using place = smallPlace({ faults: { put: { delayMs: "never" } } });
  using fakes = tools({ pg_dump: wholeDump(60_000) });
  const env = { DUMP_EXTRA_ARGS: "", BACKUP_TIMEOUT: "8s" };
  const result = await startFaultRun({ place, tools: fakes, env }).exited;
  const error =
    /could not be checked: rclone had taken all of it when it failed: the run took longer than 8 s$/;
  await expectEnd(result, place, { exitCode: 3, error, files: [newBackup] });
});

test("an upload to S3 that is done, by an rclone that is killed before it has told its last count, stands there", async () => {
  await using place = smallPlace();
  const stats = '{"level":"notice","msg":"x","stats":{"bytes":20}}';
  const body = `echo '${stats}' >&2; "$REAL" "$@" 2>/dev/null; kill -KILL $$`;
  using fakes = tools({ pg_dump: wholeDump(60_000), rclone: rcloneExcept("rcat", body) });
  const result = await startFaultRun({ place, tools: fakes, env: { DUMP_EXTRA_ARGS: "" } }).exited;
  const error = /rclone had taken all of it when it failed: rclone failed \(killed by SIGKILL\)/;
  await expectEnd(result, place, { exitCode: 3, error, files: [newBackup] });
});

describe("HOOK_TIMEOUT", () => {
  for (const [title, expected] of [
    ["HOOK_PRE_BACKUP", { exitCode: 1, hint: /HOOK_TIMEOUT/, files: earlier }],
    ["HOOK_POST_BACKUP", { exitCode: 3, files: [newBackup] }],
  ] as const)
    test(`ends ${title}`, async () => {
      const name = title === "HOOK_PRE_BACKUP" ? "in the pre hook" : "in the post hook";
      using run = startStepped(name, { HOOK_TIMEOUT: "1s" });
      const error = new RegExp(`${title} took longer than 1 s$`);
      await expectEnd(await run.running.exited, run.place, { ...expected, error });
    });
});
