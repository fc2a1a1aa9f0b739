import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  realpathSync,
  statSync,
  unlinkSync,
} from "node:fs";
import type { Libc } from "./libc.ts";

/** What came of asking for a job's lock. */
export type LockOutcome =
  | { readonly kind: "locked"; release(): void }
  /** Another process holds it. */
  | { readonly kind: "held" }
  /** It can't be had on this machine; the reason, for a warning. */
  | { readonly kind: "unsupported"; readonly reason: string };

/**
 * Where lock files go. Processes that are to meet may have been started with different environments, so a lock stands
 * in every one of these that takes it.
 */
export function lockFolders(
  env: Readonly<Record<string, string | undefined>>,
  tempRoot: string,
  uid: number,
): string[] {
  const runtime = env["XDG_RUNTIME_DIR"];
  const own = runtime === undefined || runtime === "" ? `/run/user/${uid}` : runtime;
  // One folder by two spellings would be locked twice, and the second lock would meet the first.
  return [...new Set([own, "/run/lock", tempRoot].map(realPath))];
}

/** As it stands, where it can't be followed: then nothing can be locked there either. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/**
 * Takes a lock by flock(2): the kernel frees it when this process ends, however it ends. Its files are in every folder
 * that takes one, and go when the lock is released; held in any of them is held.
 * @param key what the lock stands for; only its hash is written
 */
export function takeLock(libc: Libc, folders: readonly string[], key: string): LockOutcome {
  const name = `dbstash-${new Bun.CryptoHasher("sha256").update(key).digest("hex").slice(0, 24)}.lock`;
  const reasons: string[] = [];
  const taken: (() => void)[] = [];
  const releaseAll = (): void => {
    for (const release of taken) release();
  };
  for (const folder of folders) {
    try {
      const outcome = lockFile(libc, `${folder}/${name}`);
      if (outcome.kind === "locked") taken.push(() => outcome.release());
      else if (outcome.kind === "unsupported") reasons.push(outcome.reason);
      else {
        releaseAll();
        return outcome;
      }
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  return taken.length > 0
    ? { kind: "locked", release: releaseAll }
    : { kind: "unsupported", reason: reasons.join("; ") };
}

/** @throws Error when the file can't be opened */
function lockFile(libc: Libc, path: string): LockOutcome {
  for (;;) {
    const fd = openLockFile(path);
    const outcome = libc.tryLock(fd);
    // Who released it meanwhile has removed the file: a lock on that one would keep nobody out.
    if (outcome === "locked" && isSameFile(fd, path))
      return { kind: "locked", release: () => release(fd, path) };
    closeSync(fd);
    if (outcome === "held") return { kind: "held" };
    if (outcome !== "locked") return { kind: "unsupported", reason: `${path}: its file system has no locks` };
  }
}

/** Readable to all: another user's run of the same job, root's by hand for one, must meet this one (flock(2) needs no more). */
function openLockFile(path: string): number {
  try {
    const fd = openSync(path, constants.O_CREAT | constants.O_RDONLY | constants.O_NOFOLLOW, 0o644);
    // Whatever our umask says; another user's file stays as it is.
    if (fstatSync(fd).uid === process.getuid?.()) fchmodSync(fd, 0o644);
    return fd;
  } catch (error) {
    // In a sticky folder the kernel refuses O_CREAT on another user's file (fs.protected_regular).
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  }
}

function isSameFile(fd: number, path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino;
}

function release(fd: number, path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // A file of another user's in a sticky folder stays; it locks as well the next time.
  }
  closeSync(fd);
}
