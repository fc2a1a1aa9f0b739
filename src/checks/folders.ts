import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { named } from "../config/options.ts";
import { type Job, lockKeyOf } from "../job/job.ts";
import type { Libc } from "../process/libc.ts";
import { takeLock } from "../process/lock.ts";
import { claimFolder } from "../process/run-folder.ts";
import { attempt } from "./attempt.ts";
import { bad, type CheckLine, open, untried, well } from "./line.ts";
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

/** Whether `METRICS_FILE` can be renamed into its place; nothing without one. A run goes on without. */
export function lookAtMetricsFile({ settings: { metricsFile } }: Job): CheckLine[] {
  if (metricsFile === null) return [];
  const folder = dirname(metricsFile);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return [well("metrics", `${metricsFile} gets them after each run`)];
  } catch (error) {
    const { code } = error as { readonly code?: string };
    const why = code === "ENOENT" ? "does not exist" : "can't be written to";
    const message = `${named("metricsFile")} will not be written: ${folder} ${why}`;
    return [
      open("metrics", { message, hint: "make the folder, or let the user that dbstash runs as write to it" }),
    ];
  }
}

/** Whether the job's own lock can be had: another user's file of it may stand in the way. It is released at once. */
export function lookAtLockFolder(job: Job, libc: Libc, folders: readonly string[]): CheckLine {
  const topic = "lock folder";
  if (!job.settings.backupLock)
    return open(topic, `${named("backupLock")} is false: runs of this job may overlap`);
  const key = lockKeyOf(job, job.places[0]);
  const lock = takeLock(libc, folders, key);
  if (lock.kind === "held")
    return untried(topic, "another run of this job holds its lock: a run now would be skipped");
  if (lock.kind === "unsupported") {
    const words = lock.reason;
    const sentence = "this job's lock can't be had, so other processes are not kept from overlapping";
    return open(topic, { message: words === "" ? sentence : `${sentence}: ${words}`, words });
  }
  lock.release();
  const closed = folders.flatMap((folder) => closedTo(libc, folder, key));
  if (closed.length === 0) return well(topic, "this job's lock can be had");
  const words = closed.join("; ");
  const sentence =
    "a lock file that another user left can't be opened: that user's runs of this job may overlap";
  return open(topic, { message: `${sentence}: ${words}`, words, hint: "remove it while no run is on" });
}

/** Why this job's lock can't be had in a folder where any other one can. */
function closedTo(libc: Libc, folder: string, lockKey: string): string[] {
  const own = takeLock(libc, [folder], lockKey);
  if (own.kind === "locked") own.release();
  if (own.kind !== "unsupported") return [];
  const other = takeLock(libc, [folder], `check ${crypto.randomUUID()}`);
  if (other.kind !== "locked") return [];
  other.release();
  return [own.reason];
}
