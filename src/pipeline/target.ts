import { DbstashError } from "../errors.ts";
import type { Place } from "../job/place.ts";
import { prepareTarget, type Target } from "../remote/target.ts";
import { parallelOf } from "../job/parallel.ts";
import { uploadFlags } from "../remote/upload.ts";
import { answerLimitMs, seconds, timeLimit } from "./limits.ts";
import type { PipelineRun } from "./pipeline.ts";
import { NoPlaceLeft, type Site } from "./site.ts";

/** How long a connection may stand still; rclone's own default (its docs, "--timeout"). */
const idleLimit = "5m";

/** Where a backup goes in each place that is in the run. */
export type Targets = ReadonlyMap<Site, Target>;

/**
 * Finds out where the backup goes. Several places are asked beside each other, and one that does not answer, or has the
 * name taken, is out.
 * @param check throws where a target can't be used
 * @throws DbstashError as `findTarget` does with one place, NoPlaceLeft where each of several is out
 */
export async function findTargets(
  run: PipelineRun,
  signal: AbortSignal,
  check: (target: Target) => void = () => undefined,
): Promise<Targets> {
  const find = async (site: Site, either: AbortSignal): Promise<Target> => {
    const target = await findTarget(run, site, either);
    check(target);
    return target;
  };
  const [only, ...others] = run.sites;
  if (others.length === 0) return new Map([[only, await find(only, signal)]]);
  const found = new Map<Site, Target>();
  const ask = async (site: Site): Promise<void> => {
    const limitMs = answerLimitMs * (site.place.config.kind === "inPlace" ? parallelOf(run.job.settings) : 1);
    const limit = timeLimit(limitMs, new DbstashError(`it gave no answer in ${seconds(limitMs)}`));
    try {
      found.set(site, await find(site, AbortSignal.any([signal, limit.signal])));
    } catch (error) {
      if (!signal.aborted) site.miss(error);
    } finally {
      limit.end();
    }
  };
  // Those that share one writable configuration take turns, also with other backups, and none is to wait on another one's time.
  const turns = run.sites.filter(({ place }) => place.config.kind === "inPlace");
  const free = run.sites.filter((site) => !turns.includes(site));
  const inTurn = async (): Promise<void> => {
    for (const site of turns) await ask(site);
  };
  await Promise.all([inTurn(), ...free.map(ask)]);
  signal.throwIfAborted();
  if (found.size === 0) throw new NoPlaceLeft();
  return found;
}

/**
 * Finds out where the backup goes in a place, and tells the run.
 * @throws DbstashError when its name is taken (unless the template means to overwrite), or the remote fails
 */
async function findTarget(run: PipelineRun, { rclone, log }: Site, signal: AbortSignal): Promise<Target> {
  const { job } = run;
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

/** The flags of an upload. */
export function flagsFor(place: Place, target: Target): string[] {
  const flags = uploadFlags({
    features: target.features,
    previousBytes: target.previousBytes,
    chunkSizeIsSet: place.chunkSizeIsSet,
  });
  // A spooled dump is sent unseen by the stall clock, and without a pause: there rclone's own limit holds.
  return target.features.putStream ? flags : [...flags, `--timeout=${idleLimit}`];
}
