import { DbstashError, toProblem } from "../errors.ts";
import { parallelOf } from "../job/parallel.ts";
import type { Place } from "../job/place.ts";
import { pipelineFor } from "../pipeline/choice.ts";
import type { StallClock } from "../pipeline/limits.ts";
import type { Delivery } from "../pipeline/pipeline.ts";
import { NoPlaceLeft, type Site } from "../pipeline/site.ts";
import { withHeldPipes, writeEnds } from "../process/pipe.ts";
import { withWorkshop, type Workshop, type WorkshopDoors } from "../process/workshop.ts";
import { Rclone } from "../remote/rclone.ts";
import type { Turns } from "../remote/turns.ts";
import type { Attempt } from "./attempt.ts";
import { type LockDoors, withNameLocks } from "./locks.ts";
import type { Progress } from "./progress.ts";

/** The world as a backup may touch it. */
export interface BackupDoors extends WorkshopDoors, LockDoors {
  readonly now: () => Date;
  readonly progress: Progress;
  /** A dump is about to begin. */
  readonly onDump: () => void;
  /** Keys of those of several places in which another run of the job is at work. */
  readonly held: ReadonlySet<string>;
  /** Shared by all backups of a run: they may share a configuration that is used in place. */
  readonly turns: Turns;
}

/** Opens all that a backup works with, and closes it again: the names' locks, the pipes, the workshop, the clocks. */
export async function withSites(
  attempt: Attempt,
  free: readonly Place[],
  doors: BackupDoors,
  use: (workshop: Workshop, dumpAndUpload: () => Promise<readonly Delivery[]>) => Promise<void>,
): Promise<void> {
  const { job, name, log, stall, signals, warn } = attempt;
  const { libc, progress, turns } = doors;
  const onHeld = (place: Place, error: DbstashError): void => miss(attempt, place, error);
  await withNameLocks(free, name, { ...doors, onHeld }, (places) =>
    withHeldPipes(libc, { places: places.length, parallel: parallelOf(job.settings) }, (pipes) =>
      withWorkshop(doors, job.settings.backupUmask, writeEnds(pipes), warn, async (workshop) => {
        const cleanings: Promise<void>[] = [];
        const siteOf = (place: Place): Site => {
          const own = job.places.length === 1 ? log : log.with({ place: place.remote.shown });
          const onSlow = (verb: string): void =>
            own.info("the remote has not answered for 10 s; waiting", { command: `rclone ${verb}` });
          return {
            place,
            rclone: new Rclone(place, workshop, onSlow, turns),
            log: own,
            warn: (problem) => warn(problem, place),
            miss(cause, cleaned = Promise.resolve()) {
              cleanings.push(cleaned);
              miss(attempt, place, cause);
            },
          };
        };
        const [first, ...others] = places;
        const sites: [Site, ...Site[]] = [siteOf(first), ...others.map(siteOf)];
        const moved = movedBytes(stall, progress);
        const dumpAndUpload = async (): Promise<readonly Delivery[]> => {
          signals.stop.throwIfAborted();
          stall.begin();
          return pipelineFor(job.request.mode).execute({
            job,
            backupId: attempt.backupId,
            name,
            libc,
            workshop,
            pipes,
            sites,
            signals,
            log,
            warn,
            onLastByte: () => stall.rest(),
            onUnseen: () => stall.moved(),
            onTarget: (target) => progress.expect(target.previousBytes),
            onBytes: moved,
          });
        };
        try {
          await use(workshop, dumpAndUpload);
        } finally {
          await Promise.all(cleanings);
          stall.rest();
          progress.end();
          for (const { rclone, place } of sites)
            log.debug("rclone processes started", { count: rclone.calls, remote: place.remote.shown });
        }
      }),
    ),
  ).catch((error: unknown) => {
    // Each place has told why.
    if (!(error instanceof NoPlaceLeft)) throw error;
  });
}

/** Whether another run is at work in a place: then it is out. */
export function isHeld(attempt: Attempt, { held }: BackupDoors, place: Place): boolean {
  if (!held.has(place.key)) return false;
  miss(attempt, place, new DbstashError("another run of this job is at work there"));
  return true;
}

/** A place is out. Of several this is told at once; of one the run's last line tells. */
function miss({ job, outcome, log }: Attempt, place: Place, cause: unknown): void {
  outcome.missed(place, cause);
  if (job.places.length === 1) return;
  log.warn("a place is out: it will not have this backup", {
    place: place.remote.shown,
    error: toProblem(cause),
  });
}

/** Shows clocks and people how many bytes have moved; of several places those of the one that is furthest. */
function movedBytes(stall: StallClock, progress: Progress): (bytes: number, site?: Site) => void {
  const seen = new Map<Site | undefined, number>();
  return (bytes, site) => {
    if (seen.get(site) === bytes) return;
    seen.set(site, bytes);
    stall.moved();
    const ofSites = [...seen].flatMap(([of, count]) => (of === undefined ? [] : [count]));
    progress.moved(site === undefined ? bytes : Math.max(...ofSites));
  };
}
