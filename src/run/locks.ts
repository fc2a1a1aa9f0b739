import { DbstashError, exitCodes } from "../errors.ts";
import { type Job, lockKeyOf } from "../job/job.ts";
import type { Place } from "../job/place.ts";
import type { Logger } from "../logger.ts";
import type { Libc } from "../process/libc.ts";
import { type LockOutcome, takeLock } from "../process/lock.ts";

/** What taking a lock needs of the world. */
export interface LockDoors {
  readonly libc: Libc;
  readonly lockFolders: readonly string[];
  readonly log: Logger;
}

/**
 * Does something under the job's lock, so that no two runs of it overlap, in this process or another.
 * Where a lock can't be had it goes on without; the scheduler keeps its own runs apart.
 * @returns what `use` returns, or `skipped` where another run holds the lock
 */
export async function withJobLock<T>(
  job: Job,
  doors: LockDoors,
  use: () => Promise<T>,
): Promise<T | "skipped"> {
  const { log } = doors;
  const onHeld = (): "skipped" => {
    log.warn("backup skipped: another run of this job holds the lock", {
      status: "skipped",
      exit_code: exitCodes.skipped.code,
    });
    return "skipped";
  };
  const onNone = (reason: string): void =>
    log.warn("no lock against other processes can be had", { error: reason });
  return underLock(job, doors, { onHeld, onNone }, use);
}

/**
 * The same, without a word of its own.
 * @param on what comes of a lock that is held, and who is told why none can be had
 */
export async function underLock<T, H>(
  job: Job,
  { libc, lockFolders }: Pick<LockDoors, "libc" | "lockFolders">,
  on: { readonly onHeld: () => H; readonly onNone: (reason: string) => void },
  use: () => Promise<T>,
): Promise<T | H> {
  if (!job.settings.backupLock) return use();
  const lock = await takeLockPatiently(libc, lockFolders, lockKeyOf(job, job.places[0]));
  if (lock.kind === "held") return on.onHeld();
  if (lock.kind === "unsupported") on.onNone(lock.reason);
  try {
    return await use();
  } finally {
    if (lock.kind === "locked") lock.release();
  }
}

/** A check takes the lock for an instant, to see whether it can be had: a run that meets it is not to skip its night. */
async function takeLockPatiently(libc: Libc, folders: readonly string[], key: string): Promise<LockOutcome> {
  for (let triesLeft = 5; ; triesLeft--) {
    const lock = takeLock(libc, folders, key);
    if (lock.kind !== "held" || triesLeft === 0) return lock;
    await Bun.sleep(100);
  }
}

/**
 * Does something under the lock of a backup's name: two jobs that write the same names and start in the same second
 * would both find the name free.
 * @throws DbstashError where another job holds it
 */
export async function withNameLock<T>(
  place: Place,
  name: string,
  { libc, lockFolders }: LockDoors,
  use: () => Promise<T>,
): Promise<T> {
  const lock = takeLock(libc, lockFolders, JSON.stringify([place.key, name]));
  if (lock.kind === "held")
    throw new DbstashError(
      `another job writes ${name} at this moment`,
      "give each job a folder or a BACKUP_NAME_TEMPLATE (--backup-name-template) of its own",
    );
  try {
    return await use();
  } finally {
    if (lock.kind === "locked") lock.release();
  }
}
