import { describe } from "bun:test";
import { needs } from "../support/components.ts";
import { type ExpectedEnd, expectEnd, goOn, killGuard, newBackup, smallPlace, untilThere } from "./edges.ts";
import { earlier, startStepped, type StepName, stepNames } from "./edges-steps.ts";
import { startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current");

const lost = /the process that guards this run's processes was killed/;
const failed = { exitCode: 1, error: lost, files: earlier };
const kept = { exitCode: 3, error: lost, files: [newBackup, ...earlier] };

/** What a run comes to whose guard is killed there; where nothing is said it is `failed`. */
const ends: Partial<Record<StepName, ExpectedEnd>> = {
  // The answer alone was lost.
  "when the rename is done": { exitCode: 0, files: [newBackup] },
  "before retention": kept,
  "in the post hook": { ...kept, files: [newBackup] },
};

describe("a guard that is killed", () => {
  for (const name of stepNames)
    test(name, async () => {
      using run = startStepped(name);
      await untilThere(run.dir);
      killGuard(run.running);
      // With its input at an end an upload goes on, whoever guards it.
      if (name === "at the end of the upload") goOn(run.dir);
      await expectEnd(await run.running.exited, run.place, ends[name] ?? failed);
    });

  test("while S3 has yet to answer to an upload that is done", async () => {
    await using place = smallPlace({ faults: { put: { delayMs: 1_500 } } });
    using fakes = tools({ pg_dump: wholeDump(60_000) });
    const running = startFaultRun({ place, tools: fakes, env: { DUMP_EXTRA_ARGS: "" } });
    await place.s3.waitForRequests("put");
    killGuard(running);
    await expectEnd(await running.exited, place, { ...kept, files: [newBackup] });
  });
});
