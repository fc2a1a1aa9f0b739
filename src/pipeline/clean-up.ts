import { DbstashError, Interrupted, toProblem } from "../errors.ts";
import { discard, type UploadEnd } from "../remote/publish.ts";
import { type Target } from "../remote/target.ts";
import { graceAfter, type TimeLimit, timeLimit } from "./limits.ts";
import type { PipelineRun } from "./pipeline.ts";
import type { Site } from "./site.ts";

/** An abort takes less than the 10 s after which Docker kills; stopping the processes takes 7 of them at the worst. */
const cleanUpAfterSignalMs = 2_500;
const cleanUpMs = 60_000;

/** Removes what was uploaded and will not be published. Never throws: what may be left behind is a line of the log. */
export async function cleanUp(
  { workshop, signals }: PipelineRun,
  site: Site,
  target: Target,
  path: string,
  end: UploadEnd,
  cause: unknown,
): Promise<void> {
  const limit = cleanUpLimit(signals.stop, cause);
  try {
    workshop.guard.recover();
    const problem = await discard(site.rclone, target, path, end, limit.signal);
    if (problem === null) return;
    const where = target.staged
      ? "a staged upload may be left behind; a run after a day removes it"
      : "something may be left behind under the backup's name";
    site.log.warn(where, { error: problem });
  } catch (error) {
    site.log.warn("what was uploaded may be left behind", { error: toProblem(error) });
  } finally {
    limit.end();
  }
}

/** How long a clean-up may take: a minute, of which a person's signal, before or meanwhile, leaves little. */
export function cleanUpLimit(stop: AbortSignal, cause: unknown): TimeLimit {
  const reason = new DbstashError("there was no more time to remove it");
  if (cause instanceof Interrupted) return timeLimit(cleanUpAfterSignalMs, reason);
  const whole = timeLimit(cleanUpMs, reason);
  if (stop.aborted) return whole;
  const grace = graceAfter(stop, cleanUpAfterSignalMs, new AbortController().signal, reason);
  return {
    signal: AbortSignal.any([whole.signal, grace.signal]),
    end() {
      whole.end();
      grace.end();
    },
  };
}
