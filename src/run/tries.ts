import { setTimeout as delay } from "node:timers/promises";
import { subjectText } from "../catalog/naming.ts";
import { DbstashError, Interrupted, toProblem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { seconds } from "../pipeline/limits.ts";
import { Damaged } from "../pipeline/verdict.ts";
import type { BackupResult } from "../result.ts";
import type { Run } from "./attempt.ts";

const anotherTry = "a try failed, and another one will follow";

/** What one try at a backup came to. */
export interface Try {
  readonly result: BackupResult;
  /** It failed of something that may be over by the next one. */
  readonly mayPass: boolean;
}

/** What it takes to make all backups of a run. */
export interface TryDoors {
  /** Makes one; never throws. Null: it was left to another run, and that has been told. */
  readonly make: (job: Job, tryNumber: number) => Promise<Try | null>;
  /** What is not begun once a stop was asked for. */
  readonly unbegun: (job: Job, reason: unknown) => BackupResult;
  /** Told of one that will not be tried again. */
  readonly onEnded: (job: Job, result: BackupResult) => void;
  /** How many are made at once. */
  readonly parallel: number;
  /** Aborted when no more are to be begun. */
  readonly enough: AbortSignal;
  /** Aborted when what has failed is not to be tried again: by `enough`, and where somebody wants an end. */
  readonly last: AbortSignal;
}

/** One that is to be made, and what its last try came to; null before the first. */
interface Left {
  readonly job: Job;
  readonly failed: BackupResult | null;
}

/**
 * Makes a run's backups, so many at once as is wanted. What fails is tried again, when all have had their turn, up to
 * BACKUP_RETRIES times. What comes of each goes into the run's outcome.
 */
export async function backUpAll(run: Run, jobs: readonly Job[], doors: TryDoors): Promise<void> {
  const { backupRetries } = run.job.settings;
  let left: readonly Left[] = jobs.map((job) => ({ job, failed: null }));
  for (let tryNumber = 1; left.length > 0; tryNumber++) {
    const triesLeft = backupRetries - tryNumber + 1;
    left = await onePass(run, left, doors, { tryNumber, triesLeft });
    if (left.length === 0) return;
    if (await waited(run, doors.last)) continue;
    for (const each of left) giveUp(each, doors);
    return;
  }
}

/**
 * Asks what there is to be backed up; what keeps that from being told is tried again as a backup would be.
 * @param last aborted when it is not to be asked again
 * @throws what the last question failed of
 */
export async function askAgain<Answer>(
  run: Run,
  ask: () => Promise<Answer>,
  last: AbortSignal,
): Promise<Answer> {
  for (let triesLeft = run.job.settings.backupRetries; ; triesLeft--) {
    try {
      return await ask();
    } catch (error) {
      if (triesLeft === 0 || last.aborted || !mayPass(run.job, [error])) throw error;
      const problem = toProblem(error);
      const hint = problem.hint === undefined ? {} : { hint: problem.hint };
      run.log.warn(anotherTry, { tries_left: triesLeft, error: problem, ...hint });
      if (!(await waited(run, last))) throw error;
    }
  }
}

/** Waits for the time of another try. @returns false where there is to be none */
async function waited({ job, log }: Run, last: AbortSignal): Promise<boolean> {
  const { backupRetryDelay } = job.settings;
  log.info("waiting for another try", { after: seconds(backupRetryDelay) });
  return delay(backupRetryDelay, true, { signal: last }).catch(() => false);
}

/** What its last try came to is what becomes of it. */
function giveUp({ job, failed }: Left, { onEnded }: TryDoors): void {
  if (failed !== null) onEnded(job, failed);
}

/** @returns those that failed, and are to be tried again */
async function onePass(
  { outcome, log }: Run,
  left: readonly Left[],
  doors: TryDoors,
  { tryNumber, triesLeft }: { readonly tryNumber: number; readonly triesLeft: number },
): Promise<Left[]> {
  const { make, unbegun, onEnded, parallel, enough, last } = doors;
  const again: Left[] = [];
  await inParallel(left, parallel, async (each) => {
    const { job, failed } = each;
    // Of one that has been tried its own failure is told, not that it was not tried again.
    if (last.aborted && failed !== null) return giveUp(each, doors);
    const made = enough.aborted
      ? { result: unbegun(job, enough.reason), mayPass: false }
      : await make(job, tryNumber);
    if (made === null) return giveUp(each, doors);
    const { result } = made;
    outcome.ended(subjectText(job.naming), result);
    if (result.status === "success" || !made.mayPass || triesLeft === 0 || last.aborted)
      return onEnded(job, result);
    again.push({ job, failed: result });
    const { error } = result;
    log.warn(anotherTry, {
      backup_id: result.backupId,
      database: result.database,
      tries_left: triesLeft,
      ...(error === null ? {} : { error }),
      ...(error?.hint === undefined ? {} : { hint: error.hint }),
    });
  });
  return again;
}

/** Does something with each, so many at once. */
async function inParallel<T>(
  items: readonly T[],
  count: number,
  use: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await use(item);
  };
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, worker));
}

/**
 * Whether a failure may be over by the next try, as far as each of its causes may: not where somebody wants an end, nor
 * where the login is refused. A damaged backup still stands, and a person decides.
 */
export function mayPass({ engine }: Job, causes: readonly unknown[]): boolean {
  return !causes.some(
    (cause) =>
      cause instanceof Interrupted ||
      cause instanceof Damaged ||
      (cause instanceof DbstashError && engine.loginRefusal.test(cause.words ?? "")),
  );
}
