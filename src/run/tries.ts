import { setTimeout as delay } from "node:timers/promises";
import { DbstashError, Interrupted } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { seconds } from "../pipeline/limits.ts";
import type { BackupResult } from "../result.ts";
import type { Run } from "./attempt.ts";

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
  /** How many are made at once. */
  readonly parallel: number;
  /** Aborted when no more are to be begun. */
  readonly enough: AbortSignal;
}

/**
 * Makes a run's backups, so many at once as is wanted. What fails is tried again, when all have had their
 * turn, up to BACKUP_RETRIES times. What comes of each goes into the run's outcome.
 */
export async function backUpAll(run: Run, jobs: readonly Job[], doors: TryDoors): Promise<void> {
  const { backupRetries, backupRetryDelay } = run.job.settings;
  let left = jobs;
  for (let tryNumber = 1; ; tryNumber++) {
    const failed = await onePass(run, left, doors, tryNumber);
    if (failed.length === 0 || tryNumber > backupRetries || doors.enough.aborted) return;
    run.log.warn("what failed is tried again", {
      databases: failed.map(({ naming }) => naming.database).join(", "),
      after: seconds(backupRetryDelay),
      tries_left: backupRetries - tryNumber + 1,
    });
    const isStopped = await delay(backupRetryDelay, false, { signal: doors.enough }).catch(() => true);
    if (isStopped) return;
    left = failed;
  }
}

/** @returns those that failed, and may pass another time */
async function onePass(
  { outcome }: Run,
  jobs: readonly Job[],
  { make, unbegun, parallel, enough }: TryDoors,
  tryNumber: number,
): Promise<Job[]> {
  const again: Job[] = [];
  await inParallel(jobs, parallel, async (job) => {
    if (enough.aborted) return outcome.ended(unbegun(job, enough.reason));
    const made = await make(job, tryNumber);
    if (made === null) return;
    outcome.ended(made.result);
    if (made.result.status === "failure" && made.mayPass) again.push(job);
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

/** Whether a failure may be over by the next try: not where somebody wants an end, nor where the login is refused. */
export function mayPass({ engine }: Job, thrown: unknown): boolean {
  if (thrown instanceof Interrupted) return false;
  return !(thrown instanceof DbstashError && engine.loginRefusal.test(thrown.words ?? ""));
}
