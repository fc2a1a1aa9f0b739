import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, resolve } from "node:path/posix";
import { DbstashError, type Problem, toProblem, withSentence } from "../errors.ts";
import type { Libc } from "./libc.ts";

const lockName = ".lock";
/** What a folder is called until it is locked, before the name that others look for. */
const unlockedMark = ".";
/** Making and locking a folder is a matter of milliseconds. */
const longestMakingMs = 60_000;

/** A folder of one run, marked as live by a lock that the kernel drops when this process dies. */
export interface RunFolder {
  readonly path: string;
  /**
   * Removes the folder and its lock. Never throws: what can't be removed a later run sweeps.
   * @returns null, or what is left and why
   */
  remove(): Problem | null;
}

/**
 * Makes a private folder `<root>/<prefix>XXXXXX` (0700) and removes those that ended runs have left there.
 * It gets that name only when it is locked: another run would remove an unlocked one.
 * @throws DbstashError when the root can't be written to, or somebody else made it where everybody may make folders
 */
export function claimFolder(libc: Libc, root: string, prefix: string): RunFolder {
  // The guard is told paths line by line.
  if (/\p{Cc}/u.test(root))
    throw new DbstashError(
      `the path of a temp folder must not hold control characters: ${JSON.stringify(root)}`,
    );
  sweep(libc, root, prefix);
  try {
    mkdirSync(root, { recursive: true });
    if (isForeign(lstatSync(root), lstatSync(dirname(resolve(root))), process.getuid?.() ?? 0))
      throw new DbstashError("another user made it, and could replace what is put there");
    return makeFolder(libc, root, prefix);
  } catch (error) {
    const isReadOnly = (error as NodeJS.ErrnoException).code === "EROFS";
    throw new DbstashError(
      `can't make a folder in ${root}`,
      isReadOnly ? "in a container with a read-only root, mount a tmpfs or a volume there" : undefined,
      toProblem(error).message,
    );
  }
}

function makeFolder(libc: Libc, root: string, prefix: string): RunFolder {
  const unlocked = mkdtempSync(`${root}/${unlockedMark}${prefix}`);
  const path = `${root}/${basename(unlocked).slice(unlockedMark.length)}`;
  let fd: number | null = null;
  try {
    fd = openSync(`${unlocked}/${lockName}`, constants.O_CREAT | constants.O_RDWR | constants.O_EXCL, 0o600);
    libc.tryLock(fd);
    sweepUnlocked(root, prefix, statSync(unlocked).mtimeMs);
    renameSync(unlocked, path);
  } catch (error) {
    rmSync(unlocked, { recursive: true, force: true });
    if (fd !== null) closeSync(fd);
    throw error;
  }
  const lock = fd;
  return {
    path,
    remove() {
      try {
        removeLockLast(path);
        return null;
      } catch (error) {
        return withSentence(`${path} could not be removed, and is left to a later run`, toProblem(error));
      } finally {
        closeSync(lock);
      }
    },
  };
}

/** What tells whether a folder can be trusted, as stat(2) says it. */
interface Ownership {
  readonly uid: number;
  readonly mode: number;
}

/**
 * Whether a folder was made by another user in a folder where everybody may: its owner can rename what others put there.
 * Anywhere else a foreign folder was chosen on purpose.
 * @param uid our own user
 */
export function isForeign(folder: Ownership, parent: Ownership, uid: number): boolean {
  return folder.uid !== uid && folder.uid !== 0 && (parent.mode & constants.S_IWOTH) !== 0;
}

/** Removes folders of our user and prefix whose lock is free: their process is dead. */
function sweep(libc: Libc, root: string, prefix: string): void {
  for (const name of entriesOf(root).filter((entry) => entry.startsWith(prefix))) {
    const path = `${root}/${name}`;
    try {
      if (statSync(path).uid !== process.getuid?.()) continue;
      const fd = openSync(`${path}/${lockName}`, constants.O_RDWR | constants.O_NOFOLLOW);
      const free = libc.tryLock(fd) === "locked";
      try {
        if (free) removeLockLast(path);
      } finally {
        closeSync(fd);
      }
    } catch {
      // Gone meanwhile, not ours, or not to be removed this time either.
    }
  }
}

/** The lock goes last: as long as anything is left, a later sweep must find that the folder's process is gone. */
function removeLockLast(path: string): void {
  let first: unknown = null;
  for (const name of entriesOf(path).filter((entry) => entry !== lockName)) {
    try {
      rmSync(`${path}/${name}`, { recursive: true, force: true });
    } catch (error) {
      first ??= error;
    }
  }
  if (first !== null) throw first;
  rmSync(path, { recursive: true, force: true });
}

/** Removes folders whose process died before it had locked them. @param nowMs the file system's own time */
function sweepUnlocked(root: string, prefix: string, nowMs: number): void {
  for (const name of entriesOf(root).filter((entry) => entry.startsWith(unlockedMark + prefix))) {
    const path = `${root}/${name}`;
    try {
      const { uid, mtimeMs } = lstatSync(path);
      if (uid !== process.getuid?.() || nowMs - mtimeMs <= longestMakingMs) continue;
      rmSync(path, { recursive: true, force: true });
    } catch {
      // Gone meanwhile: whoever else sweeps removes it.
    }
  }
}

function entriesOf(root: string): string[] {
  try {
    return readdirSync(root);
  } catch {
    // No folder yet, so nothing was left there.
    return [];
  }
}
