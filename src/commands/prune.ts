import type { Backup } from "../catalog/catalog.ts";
import { type Decision, isRetentionOn, planOfPrune, type RetentionPlan } from "../catalog/retention.ts";
import { named } from "../config/options.ts";
import {
  DbstashError,
  errorOf,
  exitCodes,
  Interrupted,
  type Problem,
  sentenceOf,
  toProblem,
  UsageError,
  withSentence,
} from "../errors.ts";
import { catalogueJob, type Listed, listBackups } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import { listSubjects, seePlaces, selectedOf } from "../job/looks.ts";
import type { Place } from "../job/place.ts";
import type { ReadingRoom } from "../pipeline/read-through.ts";
import { doubtOfSize } from "../run/doubt-of-size.ts";
import { clear } from "../run/housekeeping.ts";
import { underLocks } from "../run/locks.ts";
import type { Answer, LookDoors } from "./answer.ts";
import { exitCodeOfFinding, findingInWords, findingOf, lookDeeper } from "./finding.ts";

/**
 * Applies retention now, in each place and for each database by itself: by the time of the newest backup there, which is
 * checked first, as deep as `BACKUP_VERIFY` says; unless nothing is found wrong with it, its size neither, nothing of that
 * database is removed there. A dry run (`DRY_RUN`)
 * removes nothing, and takes no lock: a look must not keep a backup away.
 * @returns exit code 0; 1 where a newest is bad; 3 where one could not be checked, something not be removed, a place not
 * be listed or a lock of several not be had; 4 where other runs hold all locks
 * @throws UsageError without a rule of retention, DbstashError where no place can be listed, the signal's reason
 */
export async function pruneJob(job: Job, doors: LookDoors): Promise<Answer> {
  requireRules(job);
  const looks = await seePlaces(job, doors, async (rclone, { place, workshop }) => {
    const found = selectedOf(job, await listSubjects(rclone, job, doors.signal));
    if (found.size === 0) return [nothing(place, "there is no backup of this job")];
    const room = { rclone, workshop, libc: doors.libc, stallTimeoutMs: job.settings.backupStallTimeout };
    const parts: Part[] = [];
    for (const one of found.values())
      parts.push(await pruneOne({ room, job: one.job, place, doors }, one.listed));
    return parts;
  });
  const failed = looks.flatMap((look) => (look.kind === "failed" ? [look] : []));
  const [first] = failed;
  if (first !== undefined && failed.length === looks.length) throw errorOf(first.problem);
  for (const { place, problem } of failed) doors.warn(withSentence(place.remote.shown, problem));
  const parts = looks.flatMap((look) => (look.kind === "seen" ? look.value : []));
  const text = parts.map((part) => part.text).join("");
  return { code: codeOf(parts, failed.length > 0), text };
}

/** What came of one database in one place. */
interface Part {
  readonly kind: "done" | "bad" | "incomplete" | "held";
  readonly text: string;
}

function codeOf(parts: readonly Part[], isPlaceMissing: boolean): number {
  const has = (kind: Part["kind"]): boolean => parts.some((part) => part.kind === kind);
  if (has("bad")) return exitCodes.failed.code;
  if (!isPlaceMissing && parts.length > 0 && parts.every(({ kind }) => kind === "held"))
    return exitCodes.skipped.code;
  return has("incomplete") || has("held") || isPlaceMissing
    ? exitCodes.incomplete.code
    : exitCodes.stored.code;
}

function nothing({ remote }: Place, why: string): Part {
  return { kind: "done", text: `${remote.shown}: nothing to remove: ${why}\n` };
}

async function pruneOne(pruning: Pruning, listed: Listed): Promise<Part> {
  const { job, place, doors } = pruning;
  if (job.settings.dryRun) return pruneListed(pruning, listed);
  const isSeveral = job.settings.backupDatabases !== null;
  const onHeld = (): Part => {
    const whose = isSeveral ? `${job.naming.database}: ` : "";
    const text = `${whose}skipped: another run of this job holds the lock; nothing was removed\n`;
    return { kind: "held", text };
  };
  const onNone = (reason: string): void =>
    doors.warn({ message: `no lock against other processes can be had: ${reason}`, words: reason });
  return underLocks({ ...job, places: [place] }, doors, { onHeld, onNone }, () =>
    pruneListed(pruning, listed),
  );
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
  readonly room: ReadingRoom;
  readonly job: Job;
  readonly place: Place;
  readonly doors: LookDoors;
}

/** Prunes what one listing shows of one database in one place, by the clock of its own newest backup. */
async function pruneListed(pruning: Pruning, listed: Listed): Promise<Part> {
  const { room, job, doors } = pruning;
  const { redact, signal } = doors;
  const { shown } = pruning.place.remote;
  const isSeveral = job.settings.backupDatabases !== null;
  const where = isSeveral ? `${job.naming.database} in ${shown}` : shown;
  const { newest, keep, remove } = planOfPrune(listed.backups, job.retention, doors.now());
  if (newest === null) {
    const why =
      listed.backups.length === 0 ? "there is no backup of this job" : "none tells a time in the past";
    return { kind: "done", text: `${where}: nothing to remove: ${why}\n` };
  }
  const first = await findingOf(room.rclone, job, newest, signal);
  // What goes relies on it: as far as a run would have read it, it is read here.
  const isFull = job.settings.backupVerify === "full" && remove.length > 0;
  const finding = isFull ? await lookDeeper(first, room, job, newest, signal) : first;
  const code = exitCodeOfFinding(finding);
  const checked = `${newest.name}, the newest: ${findingInWords(finding, redact)}\n`;
  if (code !== exitCodes.stored.code) {
    const kind = code === exitCodes.failed.code ? "bad" : "incomplete";
    return { kind, text: `${checked}${where}: nothing was removed\n` };
  }
  const doubt = await doubtOfNewest(pruning, listed, newest);
  if (doubt !== null) {
    const why = `${sentenceOf(doubt, redact)}; look whether everything is in it, then ${afterALook}`;
    return { kind: "incomplete", text: `${checked}${where}: nothing was removed: ${why}\n` };
  }
  if (job.settings.dryRun) {
    const sum = `${where}: ${remove.length} would be removed, ${keep.length} kept\n`;
    return { kind: "done", text: checked + forecast(listed.backups, { keep, remove }) + sum };
  }
  const { left, folders, problem } = await removeAll(pruning, listed, remove);
  const fate = (name: string): string => (left.has(name) ? "could not be removed" : "removed");
  const lines = remove.map(({ entry, reason }) => `${entry.name}: ${fate(entry.name)} (${reason})\n`);
  const empty = folders.map((folder) => `${folder}: removed (an empty folder)\n`);
  const gone = remove.length - left.size;
  const sum = `${where}: ${gone} removed, ${keep.length + left.size} kept\n`;
  if (problem !== null) doors.warn(problem);
  return {
    kind: problem === null ? "done" : "incomplete",
    text: [checked, ...lines, ...empty, sum].join(""),
  };
}

/** What speaks against the newest's size, as after a run; whoever has looked at it switches that off for once. */
function doubtOfNewest(
  { room: { rclone }, job, doors: { signal } }: Pruning,
  listed: Listed,
  { name, bytes }: Backup,
): Promise<Problem | null> {
  const sight = { kind: "seen", bytes: bytes < 0 ? null : bytes, listed } as const;
  return doubtOfSize({ rclone, job, name, bytes: null, sight, signal });
}

const afterALook = "prune --backup-min-percent 0";

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
  { room: { rclone }, job, doors: { now, signal } }: Pruning,
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
