import type { Backup } from "../catalog/catalog.ts";
import { type Decision, isRetentionOn, planOfPrune, type RetentionPlan } from "../catalog/retention.ts";
import { named } from "../config/options.ts";
import {
  DbstashError,
  exitCodes,
  Interrupted,
  type Problem,
  toProblem,
  UsageError,
  withSentence,
} from "../errors.ts";
import { catalogueJob, type Listed, listBackups, withRclone } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import type { Place } from "../job/place.ts";
import type { Rclone } from "../remote/rclone.ts";
import { clear } from "../run/housekeeping.ts";
import { underLocks } from "../run/locks.ts";
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
  const [place] = job.places;
  const prune = () =>
    withRclone(job, place, doors, async (rclone) => {
      const listed = await listBackups(rclone, job, doors.signal);
      return pruneListed({ rclone, job, place, doors }, listed);
    });
  if (job.settings.dryRun) return prune();
  const onNone = (reason: string): void =>
    doors.warn({ message: `no lock against other processes can be had: ${reason}`, words: reason });
  return underLocks(job, doors, { onHeld: skipped, onNone }, prune);
}

function skipped(): Answer {
  const text = "skipped: another run of this job holds the lock; nothing was removed\n";
  return { code: exitCodes.skipped.code, text };
}

function requireRules({ retention }: Job): void {
  if (isRetentionOn(retention)) return;
  throw new UsageError([
    {
      message: `prune needs a rule of retention: ${named("retentionMaxFiles")}, ${named("retentionMaxDays")}, or by calendar ${named("retentionKeepDaily")} and those like it`,
      hint: "without one every backup is kept",
    },
  ]);
}

/** Where and for which database it prunes. */
interface Pruning {
  readonly rclone: Rclone;
  readonly job: Job;
  readonly place: Place;
  readonly doors: LookDoors;
}

/** Prunes what one listing shows of one database in one place, by the clock of its own newest backup. */
async function pruneListed(pruning: Pruning, listed: Listed): Promise<Answer> {
  const { rclone, job, doors } = pruning;
  const place = pruning.place.remote.shown;
  const { redact, signal } = doors;
  const { newest, keep, remove } = planOfPrune(listed.backups, job.retention, doors.now());
  if (newest === null) {
    const why =
      listed.backups.length === 0 ? "there is no backup of this job" : "none tells a time in the past";
    return { code: exitCodes.stored.code, text: `${place}: nothing to remove: ${why}\n` };
  }
  const finding = await findingOf(rclone, job, newest, signal);
  const code = exitCodeOfFinding(finding);
  const checked = `${newest.name}, the newest: ${findingInWords(finding, redact)}\n`;
  if (code !== exitCodes.stored.code) return { code, text: `${checked}${place}: nothing was removed\n` };
  if (job.settings.dryRun) {
    const sum = `${place}: ${remove.length} would be removed, ${keep.length} kept\n`;
    return { code, text: checked + forecast(listed.backups, { keep, remove }) + sum };
  }
  const { left, folders, problem } = await removeAll(pruning, listed, remove);
  const fate = (name: string): string => (left.has(name) ? "could not be removed" : "removed");
  const lines = remove.map(({ entry, reason }) => `${entry.name}: ${fate(entry.name)} (${reason})\n`);
  const empty = folders.map((folder) => `${folder}: removed (an empty folder)\n`);
  const gone = remove.length - left.size;
  const sum = `${place}: ${gone} removed, ${keep.length + left.size} kept\n`;
  const text = [checked, ...lines, ...empty, sum].join("");
  if (problem === null) return { code, text };
  doors.warn(problem);
  return { code: exitCodes.incomplete.code, text };
}

/** What would become of each backup, in the listing's order. */
function forecast(
  backups: readonly Backup[],
  { keep, remove }: Pick<RetentionPlan<Backup>, "keep" | "remove">,
): string {
  const fates = new Map([
    ...keep.map(({ entry, reason }) => [entry, `would be kept (${reason})`] as const),
    ...remove.map(({ entry, reason }) => [entry, `would be removed (${reason})`] as const),
  ]);
  return backups.map((backup) => `${backup.name}: ${fates.get(backup)}\n`).join("");
}

/** What became of a removal. */
interface Removed {
  /** What stands there still. */
  readonly left: ReadonlySet<string>;
  /** Folders of the template's that went with it. */
  readonly folders: readonly string[];
  readonly problem: Problem | null;
}

async function removeAll(
  { rclone, job, doors: { now, signal } }: Pruning,
  listed: Listed,
  doomed: readonly Decision<Backup>[],
): Promise<Removed> {
  const backups = doomed.map(({ entry }) => entry.name);
  const log = { debug: () => undefined };
  const parts = { rclone, target: catalogueJob(job), now: now(), log, signal };
  try {
    const { folders } = await clear(parts, listed, { backups, staged: [], unfinished: [] });
    return { left: new Set(), folders, problem: null };
  } catch (error) {
    if (error instanceof Interrupted || !(error instanceof DbstashError)) throw error;
    const problem = withSentence("not everything could be removed", toProblem(error));
    // Some of it may be gone: what stands there still is told by another look, or all of it counts as left.
    const left = await listBackups(rclone, job, signal).then(
      (again) => again.backups.map(({ name }) => name),
      () => backups,
    );
    return { left: new Set(backups.filter((name) => left.includes(name))), folders: [], problem };
  }
}
