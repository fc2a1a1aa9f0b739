import { describe, expect } from "bun:test";
import { needs } from "../support/components.ts";
import { type Frozen, openFreezer } from "../support/frozen.ts";
import { descendants, listProcs, marked, type Proc, waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { type SmallPlace, smallPlace, untilThere } from "./edges.ts";
import { startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current");

/** TERM, KILL after 5 s, and the patience with the killed one; then what is left is tidied up. */
const longestMs = 25_000;

interface Stuck extends AsyncDisposable {
  readonly place: SmallPlace;
  readonly running: ReturnType<typeof startFaultRun>;
  readonly victim: Proc;
  readonly guards: readonly Proc[];
  readonly freezer: Frozen;
}

/** A run in the middle of an upload to S3, one of whose processes has been frozen. */
async function startStuck(command: "rclone" | "pg_dump", afterwards = "exec sleep 600"): Promise<Stuck> {
  const freezer = await openFreezer();
  const place = smallPlace();
  const fakes = tools({ pg_dump: `${wholeDump(20_000_000)}\n: >"$FAKE_DIR/there"; ${afterwards}` });
  const running = startFaultRun({ place, tools: fakes, env: { DUMP_EXTRA_ARGS: "" } });
  await untilThere(fakes.dir);
  await place.s3.waitForRequests("part");
  const ours = new Set(marked(running.id).map(({ pid }) => pid));
  const isVictim = ({ argv, ppid }: Proc) =>
    ppid === running.pid && (command === "rclone" ? argv.includes("rcat") : argv.join(" ") === "sleep 600");
  const victim = await waitFor("the one to freeze", () => {
    const [first, ...others] = descendants(running.pid).filter(isVictim);
    return others.length === 0 && first;
  });
  const family = descendants(running.pid);
  freezer.freeze(victim.pid);
  return {
    place,
    running,
    victim,
    guards: family.filter((proc) => proc.command === "sh" && !ours.has(proc.pid)),
    freezer,
    async [Symbol.asyncDispose]() {
      await freezer[Symbol.asyncDispose]();
      await waitUntilGone(running.id);
      await place.s3.stop();
      fakes[Symbol.dispose]();
    },
  };
}

const isAlive = ({ pid }: Proc) => listProcs().some((proc) => proc.pid === pid && proc.state !== "Z");

// Only root has a freezer.
if (process.getuid?.() === 0)
  describe("a process that hangs in the kernel, whom not even SIGKILL ends", () => {
    test("holds up no run, and an upload never sees an end of input", async () => {
      await using run = await startStuck("rclone");
      const startedMs = performance.now();
      run.running.signal("SIGTERM");
      const { exitCode, lastLine, stdout } = await run.running.exited;
      expect(performance.now() - startedMs).toBeLessThan(longestMs);
      expect(lastLine).toMatchObject({ msg: "backup failed", error: "stopped by SIGTERM", exit_code: 143 });
      expect(exitCode).toBe(143);
      expect(stdout).toContain(
        `rclone (process ${run.victim.pid}) goes on: it was killed and does not end: it waits in the kernel`,
      );
      expect(run.guards.map(isAlive)).toEqual([true]);
      run.freezer.thaw();
      await waitFor("the guard's end", () => !run.guards.some(isAlive));
      expect(run.place.files()).toEqual([]);
    });

    test("and neither does it when dbstash itself is killed, while its dump is ended", async () => {
      await using run = await startStuck("rclone");
      run.running.signal("SIGKILL");
      await run.running.exited;
      const others = () => marked(run.running.id).filter(({ pid }) => pid !== run.victim.pid);
      await waitFor("the dump's end", () => others().length === 0, 20_000);
      expect(run.guards.map(isAlive)).toEqual([true]);
      run.freezer.thaw();
      await waitFor("the guard's end", () => !run.guards.some(isAlive));
      expect(run.place.files()).toEqual([]);
    });

    test("holds up no run as its dump either", async () => {
      await using run = await startStuck("pg_dump");
      run.running.signal("SIGTERM");
      const { exitCode, lastLine, stdout } = await run.running.exited;
      expect([exitCode, lastLine?.["error"]]).toEqual([143, "stopped by SIGTERM"]);
      expect(stdout).toContain(`pg_dump (process ${run.victim.pid}) goes on: it was killed`);
      run.freezer.thaw();
      await waitFor("the guard's end", () => !run.guards.some(isAlive));
      expect(run.place.files()).toEqual([]);
    });
  });
