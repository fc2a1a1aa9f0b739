import { prepareTarget, type Target } from "../remote/publish.ts";
import { uploadFlags } from "../remote/upload.ts";
import type { PipelineRun } from "./pipeline.ts";

/** How long a connection may stand still; rclone's own default (its docs, "--timeout"). */
const idleLimit = "5m";

/**
 * Finds out where the backup goes, and tells the run.
 * @throws DbstashError when its name is taken (unless the template means to overwrite), or the remote fails
 */
export async function findTarget(run: PipelineRun, signal: AbortSignal): Promise<Target> {
  const { job, rclone, log } = run;
  const naming = { template: job.template, ...job.naming };
  const target = await prepareTarget(rclone, run.name, run.backupId, naming, signal);
  run.onTarget(target);
  if (target.listProblem !== null) {
    log.warn("the remote folder can't be listed; whether the backup's name is free is not known", {
      error: target.listProblem,
    });
  }
  return target;
}

/** The flags of this run's upload. */
export function flagsFor({ place }: PipelineRun, target: Target): string[] {
  const flags = uploadFlags({
    features: target.features,
    previousBytes: target.previousBytes,
    chunkSizeIsSet: place.chunkSizeIsSet,
  });
  // A spooled dump is sent unseen by the stall clock, and without a pause: there rclone's own limit holds.
  return target.features.putStream ? flags : [...flags, `--timeout=${idleLimit}`];
}
