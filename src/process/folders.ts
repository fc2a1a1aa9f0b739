import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path/posix";
import { DbstashError } from "../errors.ts";
import type { Libc } from "./libc.ts";

const lockName = ".lock";

/** A folder of one run, marked as live by a lock that the kernel drops when this process dies. */
export interface RunFolder {
  readonly path: string;
  /** Removes the folder and its lock. */
  remove(): void;
}

/**
 * Makes a private folder `<root>/<prefix>XXXXXX` (0700) and removes those that killed runs have left there.
 * @throws DbstashError when the root can't be written to, or somebody else made it where everybody may make folders
 */
export function claimFolder(libc: Libc, root: string, prefix: string): RunFolder {
  sweep(libc, root, prefix);
  let path: string;
  try {
    mkdirSync(root, { recursive: true });
    if (isForeign(lstatSync(root), lstatSync(dirname(resolve(root))), process.getuid?.() ?? 0))
      throw new DbstashError("another user made it, and could replace what is put there");
    path = mkdtempSync(`${root}/${prefix}`);
  } catch (error) {
    const isReadOnly = (error as NodeJS.ErrnoException).code === "EROFS";
    throw new DbstashError(
      `can't make a folder in ${root}: ${(error as Error).message}`,
      isReadOnly ? "in a container with a read-only root, mount a tmpfs or a volume there" : undefined,
    );
  }
  const fd = openSync(`${path}/${lockName}`, constants.O_CREAT | constants.O_RDWR | constants.O_EXCL, 0o600);
  libc.tryLock(fd);
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true });
      closeSync(fd);
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
      if (free) rmSync(path, { recursive: true, force: true });
      closeSync(fd);
    } catch {
      // Gone meanwhile, just being made, or not ours: whoever owns it removes it.
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
