import { lookAtDatabase } from "../checks/database.ts";
import { lookAtWorkFolder } from "../checks/folders.ts";
import { lookAtHooks } from "../checks/hooks.ts";
import { type CheckLine, isBad } from "../checks/line.ts";
import { lookAtPlace, newestBytes } from "../checks/place.ts";
import { hookWarnings } from "../checks/start.ts";
import { missingTools } from "../checks/tools.ts";
import { sentenceOf, shown, toProblem, type Warn } from "../errors.ts";
import { withRclone } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import type { Found } from "../job/looks.ts";
import type { Place } from "../job/place.ts";
import { withWorkshop, type Workshop } from "../process/workshop.ts";
import type { RunDoors } from "../run.ts";
import type { Inventory } from "./inventory.ts";
import type { Monitor } from "./monitor.ts";
import type { Clock } from "./scheduler.ts";

/** What is started together with dbstash may still be starting. */
const databaseAfterMs = 120_000;

/** What the long-lived process's look at its start takes. */
export interface FirstLook {
  readonly job: Job;
  readonly doors: RunDoors;
  readonly clock: Pick<Clock, "wait">;
  /** Aborted when the process is to stop. */
  readonly stop: AbortSignal;
  /** Learns what a listing has shown. */
  readonly inventory: Inventory;
}

/**
 * Looks at the places without writing there, and reads the last success back from each, so that a restart does not blind
 * the monitoring. Never rejects.
 * @returns what each place holds, in the order of the settings; null where it can't be listed
 */
export async function recall(look: FirstLook, monitor: Monitor): Promise<readonly (Found | null)[]> {
  const found: (Found | null)[] = look.job.places.map(() => null);
  await atEachPlace(look.job, async (place, at) => {
    found[at] = await recallFrom(look, place, at, monitor);
  });
  return found;
}

async function recallFrom(
  look: FirstLook,
  place: Place,
  at: number,
  monitor: Monitor,
): Promise<Found | null> {
  const { job, doors, stop, inventory } = look;
  const { log, now, redact, tempRoot } = doors;
  const failed = "the last backup could not be read back from the remote";
  const which = job.places.length === 1 ? {} : { place: place.remote.shown };
  try {
    const { lines, found } = await withRclone(job, place, { ...doors, warn: warnOf(doors) }, (rclone) =>
      lookAtPlace(job, place, rclone, tempRoot, stop),
    );
    for (const line of lines.filter(isBad)) {
      if (line.topic !== "place") tell(doors, [line]);
      else {
        log.warn(failed, { ...which, error: line.found, ...hintOf(line) });
        inventory.failed(at, shown(line.found, redact), now());
      }
    }
    if (found !== null) hasListed(look, found, at, monitor.next);
    recalled(found ?? new Map(), at, monitor, now());
    if (found !== null && newestBytes(found) === null)
      log.debug("no earlier backup found on the remote", which);
    return found;
  } catch (error) {
    if (stop.aborted) return null;
    log.warn(failed, { ...which, error: toProblem(error) });
    inventory.failed(at, shown(toProblem(error), redact), now());
    return null;
  }
}

/** Tells the inventory what was found in a place. @param nextRun when retention is due; null where it never is */
export function hasListed(
  { inventory, doors }: Pick<FirstLook, "inventory" | "doors">,
  found: Found,
  at: number,
  nextRun: Date | null,
): void {
  const held = [...found.values()].map(({ job: { naming, retention }, listed: { backups } }) => ({
    database: naming.database,
    backups,
    retention,
  }));
  inventory.listed(at, held, doors.now(), nextRun);
}

/** Tells the monitor of the newest backup of each database that was found in a place. */
export function recalled(found: Found, at: number, monitor: Monitor, now: Date): void {
  for (const { job, listed } of found.values()) {
    // What lies in the future was made by a wrong clock, and would hide all that came since.
    const newest = listed.backups.find(({ timeMs }) => timeMs !== null && timeMs <= now.getTime());
    if (newest !== undefined) monitor.recalled(job.naming.database, at, newest, now);
  }
}

/**
 * Does something at all places at once; one after the other where they share a configuration that is used in place,
 * since two rclone processes must not save to it at the same time.
 */
export async function atEachPlace(job: Job, use: (place: Place, at: number) => Promise<void>): Promise<void> {
  if (!isInPlace(job)) await Promise.all(job.places.map(use));
  else for (const [at, place] of job.places.entries()) await use(place, at);
}

/** Whether an rclone saves what it refreshes to the user's own configuration. */
export function isInPlace({ places }: Job): boolean {
  return places.some(({ config }) => config.kind === "inPlace");
}

/**
 * Looks, in the background, at what `check` looks at but for the place: what would keep a run from ending well is a
 * warning now, and not only in the night. The database is asked after two minutes, unless a run has told by then.
 * Never rejects.
 * @param hasBegun whether a run has begun
 * @param onDatabases told which databases of several there are
 */
export async function lookAround(
  look: FirstLook,
  hasBegun: () => boolean,
  onDatabases: (databases: readonly string[]) => void = () => undefined,
): Promise<void> {
  const { job, doors, clock, stop } = look;
  const { libc, log, toolEnv, hookEnv } = doors;
  try {
    tell(doors, missingTools(job, toolEnv["PATH"]));
    tell(doors, await lookAtWorkFolder(job, libc, null, stop));
    const known = hookWarnings(job.settings, hookEnv["PATH"]);
    // What is no command here was told when the settings were read.
    if (job.settings.hookPreBackup !== null || job.settings.hookPostBackup !== null)
      await withChildren(look, async (workshop) => {
        const lines = await lookAtHooks(job.settings, hookEnv, workshop, stop);
        tell(
          doors,
          lines.filter(({ found }) => !known.includes(found.message)),
        );
      });
    await clock.wait(databaseAfterMs, stop);
    if (stop.aborted || hasBegun()) return;
    await withChildren(look, async (workshop) =>
      tell(doors, await lookAtDatabase({ job, libc, workshop, signal: stop, onDatabases })),
    );
  } catch (error) {
    if (!stop.aborted)
      log.warn("the look at the start could not be carried out", { error: toProblem(error) });
  }
}

function withChildren({ job, doors }: FirstLook, use: (workshop: Workshop) => Promise<void>): Promise<void> {
  return withWorkshop(doors, job.settings.backupUmask, [], warnOf(doors), use);
}

function warnOf({ log, redact }: RunDoors): Warn {
  return (problem) => log.warn(sentenceOf(problem, redact));
}

function tell({ log }: RunDoors, lines: readonly CheckLine[]): void {
  for (const line of lines.filter(isBad)) {
    const end = line.ending === "incomplete" ? "a run would end with warnings" : "a run would fail";
    log.warn(`found at the start: ${end}`, { about: line.topic, error: line.found, ...hintOf(line) });
  }
}

function hintOf({ found: { hint } }: CheckLine): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}
