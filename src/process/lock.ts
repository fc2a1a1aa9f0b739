import { closeSync, constants, existsSync, openSync } from "node:fs";
import type { Libc } from "./libc.ts";

/** What came of asking for a job's lock. */
export type LockOutcome =
  | { readonly kind: "locked"; release(): void }
  /** Another process holds it. */
  | { readonly kind: "held" }
  /** It can't be had on this machine; the reason, for a warning. */
  | { readonly kind: "unsupported"; readonly reason: string };

/** Where lock files go: the first of these that there is. */
export function lockFolder(env: Readonly<Record<string, string | undefined>>, tempRoot: string): string {
  return (
    [env["XDG_RUNTIME_DIR"], "/run/lock"].find(
      (path) => path !== undefined && path !== "" && existsSync(path),
    ) ?? tempRoot
  );
}

/**
 * Takes the lock of a job by flock(2): the kernel frees it when this process ends, however it ends.
 * The file stays, for removing it would let two processes hold a lock on two files of one name.
 * @param key what the job is; only its hash is written
 */
export function takeLock(libc: Libc, folder: string, key: string): LockOutcome {
  const name = new Bun.CryptoHasher("sha256").update(key).digest("hex").slice(0, 24);
  const path = `${folder}/dbstash-${name}.lock`;
  let fd: number;
  try {
    fd = openSync(path, constants.O_CREAT | constants.O_RDWR | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    return { kind: "unsupported", reason: (error as Error).message };
  }
  const outcome = libc.tryLock(fd);
  if (outcome === "locked") return { kind: "locked", release: () => closeSync(fd) };
  closeSync(fd);
  return outcome === "held"
    ? { kind: "held" }
    : { kind: "unsupported", reason: `the file system of ${folder} has no locks` };
}
