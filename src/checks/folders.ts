import { named } from "../config/options.ts";
import type { Job } from "../job/job.ts";
import type { Libc } from "../process/libc.ts";
import { takeLock } from "../process/lock.ts";
import { claimFolder } from "../process/run-folder.ts";
import { attempt } from "./attempt.ts";
import { bad, type CheckLine, open, well } from "./line.ts";
import { freeBytes, lineOfRoom } from "./room.ts";

/**
 * Whether the folder that directory and tar modes dump into can be had, and has room; nothing in stream mode.
 * @param lastBytes how large the last backup was; null where that is not known
 */
export async function lookAtWorkFolder(
  { request, settings }: Job,
  libc: Libc,
  lastBytes: number | null,
  signal: AbortSignal,
): Promise<CheckLine[]> {
  if (request.mode === "stream") return [];
  const topic = "work folder";
  const folder = settings.backupTempDir;
  const tried = await attempt(signal, () => claimFolder(libc, folder, "dbstash-").remove());
  if (tried.kind === "failed") {
    const { problem } = tried;
    const hint = `${named("backupTempDir")} must name a folder that the user dbstash runs as may write to`;
    return [bad(topic, { ...problem, hint: problem.hint ?? hint })];
  }
  if (tried.value !== null) return [open(topic, tried.value)];
  const what = `the dump is first written to ${folder}`;
  const hint = `${named("backupTempDir")} needs room for the whole dump; BACKUP_MODE=stream needs none`;
  return [lineOfRoom({ topic, what, free: freeBytes(folder), lastBytes, hint })];
}

/** Whether lock files can be had; the job's own lock is left alone. */
export function lookAtLockFolder({ settings }: Job, libc: Libc, folders: readonly string[]): CheckLine {
  const topic = "lock folder";
  if (!settings.backupLock)
    return open(topic, `${named("backupLock")} is false: runs of this job may overlap`);
  const lock = takeLock(libc, folders, `check ${crypto.randomUUID()}`);
  if (lock.kind !== "locked") {
    const words = lock.kind === "unsupported" ? lock.reason : "";
    const sentence = "no lock file can be made, so other processes are not kept from overlapping";
    return open(topic, { message: words === "" ? sentence : `${sentence}: ${words}`, words });
  }
  lock.release();
  return well(topic, "a lock file can be made");
}
