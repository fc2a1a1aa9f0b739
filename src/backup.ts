import type { ListingEntry } from "./catalog/catalog.ts";
import type { Job } from "./job/job.ts";
import type { Logger } from "./logger.ts";
import { pipelineFor } from "./pipeline/choice.ts";
import type { Limits, StopSignals } from "./pipeline/limits.ts";
import type { Uploaded } from "./pipeline/pipeline.ts";
import { ProvenBad, type Verdict } from "./pipeline/verify.ts";
import { withHeldPipes, writeEnds } from "./process/pipe.ts";
import { withWorkshop, type WorkshopDoors } from "./process/workshop.ts";
import { Rclone } from "./remote/rclone.ts";
import { tidyUp } from "./run/housekeeping.ts";
import { type LockDoors, withNameLock } from "./run/locks.ts";
import type { Outcome, RunIdentity } from "./run/outcome.ts";
import type { Progress } from "./run/progress.ts";

/** The world as a backup may touch it. */
export interface BackupDoors extends WorkshopDoors, LockDoors {
  readonly now: () => Date;
  readonly progress: Progress;
}

/** One backup to make, and where to tell what comes of it. */
export interface Attempt extends RunIdentity {
  readonly job: Job;
  readonly log: Logger;
  readonly limits: Limits;
  readonly signals: StopSignals;
  readonly outcome: Outcome;
  /** Takes a warning of the run: the backup is stored all the same. */
  readonly warn: (message: string) => void;
}

/**
 * One backup: dump and upload → verify → publish → retention, which a backup that could not be checked does not start.
 * @throws DbstashError with the cause of a failure; what was stored before stands in `attempt.outcome`
 */
export async function backUp(attempt: Attempt, doors: BackupDoors): Promise<void> {
  const { job, name, outcome, log, signals, warn } = attempt;
  await withPlace(attempt, doors, async (rclone, dumpAndUpload) => {
    outcome.dumpBegins();
    const { uploaded, listing } = await dumpAndUpload();
    const verdict = await verifyAndPublish(uploaded);
    outcome.stored(verdict.bytes);
    if (verdict.outcome === "unchecked")
      return warn(`the stored backup could not be checked: ${verdict.reason}`);
    const { backupVerify } = job.settings;
    log.info(backupVerify ? "backup verified" : "backup not verified", { file: name, compared: verdict.how });
    const written = { name, bytes: verdict.bytes };
    const parts = { rclone, job, written, listing, now: doors.now(), log, signal: signals.stop };
    for (const problem of await tidyUp(parts)) warn(problem);
  });
}

/** What was found good, or could not be looked at, becomes a backup; anything else is removed. */
async function verifyAndPublish(uploaded: Uploaded): Promise<Exclude<Verdict, { outcome: "bad" }>> {
  try {
    const verdict = await uploaded.verify();
    if (verdict.outcome === "bad") throw new ProvenBad(verdict);
    await uploaded.publish(verdict.bytes);
    return verdict;
  } catch (error) {
    await uploaded.discard(error);
    throw error;
  }
}

/** What the dump has become, and what stood in its folder before; null where that could not be listed. */
interface Upload {
  readonly uploaded: Uploaded;
  readonly listing: readonly ListingEntry[] | null;
}

/** Opens all that a backup works with, and closes it again: the name's lock, the pipes, the workshop, the clocks. */
async function withPlace(
  attempt: Attempt,
  doors: BackupDoors,
  use: (rclone: Rclone, dumpAndUpload: () => Promise<Upload>) => Promise<void>,
): Promise<void> {
  const { job, name, log, limits, signals, warn } = attempt;
  const { libc, progress } = doors;
  await withNameLock(job, name, doors, () =>
    withHeldPipes(libc, (pipes) =>
      withWorkshop(doors, writeEnds(pipes), warn, async (workshop) => {
        const rclone = new Rclone(job.rclone, workshop);
        const dumpAndUpload = async (): Promise<Upload> => {
          signals.stop.throwIfAborted();
          limits.begin();
          let listing: readonly ListingEntry[] | null = null;
          let moved = 0;
          const uploaded = await pipelineFor(job.request.mode).execute({
            job,
            backupId: attempt.backupId,
            name,
            libc,
            workshop,
            pipes,
            rclone,
            signals,
            log,
            warn,
            onLastByte: () => limits.rest(),
            onTarget: (target) => {
              listing = target.listing;
              progress.expect(target.previousBytes);
            },
            onBytes: (bytes) => {
              if (bytes === moved) return;
              moved = bytes;
              limits.moved();
              progress.moved(bytes);
            },
          });
          return { uploaded, listing };
        };
        try {
          await use(rclone, dumpAndUpload);
        } finally {
          limits.rest();
          const remote = job.rclone.remote.shown;
          log.debug("rclone processes started", { count: rclone.calls, remote });
        }
      }),
    ),
  );
}
