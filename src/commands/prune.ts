import type { Backup } from "../catalog/catalog.ts";
import { type Decision, isRetentionOn, newestOf, planOfPrune } from "../catalog/retention.ts";
import { named } from "../config/options.ts";
import { DbstashError, exitCodes, Interrupted, shown, toProblem, UsageError } from "../errors.ts";
import { type Listed, listBackups, withRclone } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import type { Rclone } from "../remote/rclone.ts";
import { clear } from "../run/housekeeping.ts";
import { underLock } from "../run/locks.ts";
import type { Answer, LookDoors } from "./answer.ts";
import { exitCodeOfFinding, findingInWords, findingOf } from "./verify.ts";

/**
 * Applies retention now, by the time of the newest backup, which is checked first: unless nothing is found wrong with
 * it, nothing is removed. A dry run (`DRY_RUN`) removes nothing, and takes no lock: a look must not keep a backup away.
 * @returns exit code 0; 1 where the newest is bad; 3 where it could not be checked, or something not be removed;
 * 4 where another run holds the lock
 * @throws UsageError without a rule of retention, DbstashError where the place can't be listed, the signal's reason
 */
export async function pruneJob(job: Job, doors: LookDoors): Promise<Answer> {
  requireRules(job);
  const prune = () => withRclone(job, doors, (rclone) => pruneIn(rclone, job, doors));
  if (job.settings.dryRun) return prune();
  const noLock = (reason: string): void =>
    doors.warn({ message: `no lock against other processes can be had: ${reason}`, words: reason });
  const outcome = await underLock(job, doors, noLock, prune);
  if (outcome !== "skipped") return outcome;
  const text = "skipped: another run of this job holds the lock; nothing was removed\n";
  return { code: exitCodes.skipped.code, text };
}

function requireRules({ retention }: Job): void {
  if (isRetentionOn(retention)) return;
  throw new UsageError([
    {
      message: `prune needs a rule of retention: ${named("retentionMaxFiles")} or ${named("retentionMaxDays")}`,
      hint: "without one every backup is kept",
    },
  ]);
}

async function pruneIn(rclone: Rclone, job: Job, doors: LookDoors): Promise<Answer> {
  const { redact, signal } = doors;
  const place = job.rclone.remote.shown;
  const listed = await listBackups(rclone, job, signal);
  const newest = newestOf(listed.backups, doors.now());
  if (newest === null || newest.timeMs === null) {
    const count = listed.backups.length;
    const why = count === 0 ? "there is no backup of this job" : "no backup tells a time in the past";
    return { code: exitCodes.stored.code, text: `${place}: nothing to remove: ${why}\n` };
  }
  const finding = await findingOf(rclone, job, newest, signal);
  const code = exitCodeOfFinding(finding);
  const checked = `${newest.name}: the newest: ${findingInWords(finding, redact)}\n`;
  if (code !== exitCodes.stored.code) return { code, text: `${checked}${place}: nothing was removed\n` };
  const { keep, remove } = planOfPrune(listed.backups, job.retention, { ...newest, timeMs: newest.timeMs });
  const outcome = job.settings.dryRun ? null : await removeAll(rclone, job, doors, listed, remove);
  const verb = outcome === null ? "would be removed" : outcome === "removed" ? "removed" : "not removed";
  const lines = remove.map(({ entry, reason }) => `${entry.name}: ${verb}: ${reason}\n`);
  const sum = `${place}: ${remove.length} ${verb}, ${keep.length} kept\n`;
  if (outcome === null || outcome === "removed")
    return { code: exitCodes.stored.code, text: [checked, ...lines, sum].join("") };
  const { message, hint } = shown(outcome, redact);
  const failed = `${place}: not all could be removed: ${message}${hint === undefined ? "" : ` (${hint})`}\n`;
  return { code: exitCodes.incomplete.code, text: [checked, ...lines, failed].join("") };
}
