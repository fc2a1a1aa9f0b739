import { Interrupted } from "../errors.ts";
import { discard, type Target, type UploadEnd } from "../remote/publish.ts";
import type { PipelineRun } from "./pipeline.ts";

/** An abort takes at most 8 s in all; stopping the processes takes 7 of them at the worst. */
const cleanUpAfterSignalMs = 1_000;
const cleanUpMs = 60_000;

/** Removes what was uploaded and will not be published. Never throws: what may be left behind is a line of the log. */
export async function cleanUp(
  run: PipelineRun,
  target: Target,
  path: string,
  end: UploadEnd,
  cause: unknown,
): Promise<void> {
  const signal = AbortSignal.timeout(cause instanceof Interrupted ? cleanUpAfterSignalMs : cleanUpMs);
  run.workshop.guard.recover();
  const problem = await discard(run.rclone, target, path, end, signal);
  if (problem === null) return;
  const where = target.staged
    ? "a staged upload may be left behind; a run after a day removes it"
    : "something may be left behind under the backup's name";
  run.log.warn(where, { error: problem });
}
