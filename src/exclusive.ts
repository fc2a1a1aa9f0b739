import { type BackupDoors, runOnce } from "./backup.ts";
import { exitCodes } from "./errors.ts";
import type { Job } from "./job.ts";
import { takeLock } from "./process/lock.ts";
import type { BackupResult } from "./result.ts";

/**
 * One run under the job's lock, so that no two runs of it overlap, in this process or another.
 * Where a lock can't be had the run goes on without; the scheduler keeps its own runs apart.
 */
export async function runExclusively(
  job: Job,
  doors: BackupDoors,
  interrupt: AbortSignal,
): Promise<BackupResult | "skipped"> {
  if (!job.settings.backupLock) return runOnce(job, doors, interrupt);
  const lock = takeLock(doors.libc, doors.lockFolders, job.lockKey);
  if (lock.kind === "held") {
    doors.log.warn("backup skipped: another run of this job holds the lock", {
      status: "skipped",
      exit_code: exitCodes.skipped.code,
    });
    return "skipped";
  }
  if (lock.kind === "unsupported")
    doors.log.warn("no lock against other processes can be had", { error: lock.reason });
  try {
    return await runOnce(job, doors, interrupt);
  } finally {
    if (lock.kind === "locked") lock.release();
  }
}
