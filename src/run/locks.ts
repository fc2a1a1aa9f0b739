import { DbstashError, exitCodes } from "../errors.ts";
import { type Job, lockKeyOf } from "../job/job.ts";
import type { Place } from "../job/place.ts";
import type { Logger } from "../logger.ts";
import { NoPlaceLeft } from "../pipeline/site.ts";
import type { Libc } from "../process/libc.ts";
import { type LockOutcome, takeLock } from "../process/lock.ts";

/** What taking a lock needs of the world. */
export interface LockDoors {
  readonly libc: Libc;
  readonly lockFolders: readonly string[];
  readonly log: Logger;
}

/**
 * Does something under the job's lock on each of its places, so that no two runs of it overlap there, in this process or
 * another. Where a lock can't be had it goes on without; the scheduler keeps its own runs apart.
 * @param use gets the keys of the places whose locks others hold; never of all
 * @returns what `use` returns, or `skipped` where other runs hold all of them
 */
export async function withJobLock<T>(
  job: Job,
  doors: LockDoors,
  use: (held: ReadonlySet<string>) => Promise<T>,
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
  return underLocks(job, doors, { onHeld, onNone }, use);
}

/**
 * The same, without a word of its own.
 * @param on what comes of locks that are all held, and who is told why none can be had
 */
export async function underLocks<T, H>(
  job: Job,
  { libc, lockFolders }: Pick<LockDoors, "libc" | "lockFolders">,
  on: { readonly onHeld: () => H; readonly onNone: (reason: string) => void },
  use: (held: ReadonlySet<string>) => Promise<T>,
): Promise<T | H> {
  if (!job.settings.backupLock) return use(new Set());
  const held = new Set<string>();
  const taken: LockOutcome[] = [];
  try {
    // In one order for all: of two runs with the same places one has them all.
    const places = job.places.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    for (const place of places) {
      const lock = await takeLockPatiently(libc, lockFolders, lockKeyOf(job, place));
      taken.push(lock);
      if (lock.kind === "held") held.add(place.key);
    }
    if (held.size === places.length) return on.onHeld();
    const [none] = taken.flatMap((lock) => (lock.kind === "unsupported" ? [lock.reason] : []));
    if (none !== undefined) on.onNone(none);
    return await use(held);
  } finally {
    for (const lock of taken) if (lock.kind === "locked") lock.release();
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

/** What taking the locks of a backup's name needs. */
export interface NameLockDoors extends LockDoors {
  /** Told of a place, one of several, where another job holds it. */
  readonly onHeld: (place: Place, error: DbstashError) => void;
}

/**
 * Does something under the lock of a backup's name in each place: two jobs that write the same names and start in the
 * same second would both find the name free.
 * @param use gets the places where it could be had
 * @throws DbstashError where another job holds it in the only place, NoPlaceLeft where others hold it in each
 */
export async function withNameLocks<T>(
  places: readonly Place[],
  name: string,
  { libc, lockFolders, onHeld }: NameLockDoors,
  use: (places: readonly [Place, ...Place[]]) => Promise<T>,
): Promise<T> {
  const taken: LockOutcome[] = [];
  try {
    const free = places.filter((place) => {
      const lock = takeLock(libc, lockFolders, JSON.stringify([place.key, name]));
      taken.push(lock);
      if (lock.kind !== "held") return true;
      const error = new DbstashError(
        `another job writes ${name} at this moment`,
        "give each job a folder or a BACKUP_NAME_TEMPLATE (--backup-name-template) of its own",
      );
      if (places.length === 1) throw error;
      onHeld(place, error);
      return false;
    });
    const [first, ...others] = free;
    if (first === undefined) throw new NoPlaceLeft();
    return await use([first, ...others]);
  } finally {
    for (const lock of taken) if (lock.kind === "locked") lock.release();
  }
}
