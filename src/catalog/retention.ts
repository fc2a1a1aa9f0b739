import { type CalendarRules, isCalendarOn, keptByCalendar } from "./calendar.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** What retention knows of one backup. Only good backups of this very job are entries. */
export interface RetentionEntry {
  readonly name: string;
  /** The backup's time; null when none can be read. */
  readonly timeMs: number | null;
  /** The last moment its name can stand for, where that is later than `timeMs` (a lone date). */
  readonly latestMs?: number | null;
  readonly bytes: number | null;
}

/** What the settings ask for: limits, or rules by calendar, never both. */
export interface RetentionRules {
  /** Keep at most so many; 0 = no limit. */
  readonly maxFiles: number;
  /** Keep none older than so many times 24 hours; 0 = no limit. */
  readonly maxDays: number;
  /** So many of the newest stay, whatever the other rules say; the newest always does. */
  readonly minFiles: number;
  /** What stays by calendar; where one of them is on, what none keeps goes. */
  readonly keep: CalendarRules;
  /** The zone of the calendar. */
  readonly timeZone: string;
}

/** Whether any backup may ever be removed. */
export function isRetentionOn({ maxFiles, maxDays, keep }: RetentionRules): boolean {
  return maxFiles > 0 || maxDays > 0 || isCalendarOn(keep);
}

/** How much to keep. */
export interface RetentionPolicy extends RetentionRules {
  /** The name of the backup just written; null when there is none. */
  readonly written: string | null;
  /** After a long outage nothing goes by its age: for runs, whose clock may have jumped. `prune` has another clock. */
  readonly brakes: boolean;
}

/** An entry and, as a phrase for the log, why it stays or goes. */
export interface Decision<Entry> {
  readonly entry: Entry;
  readonly reason: string;
}

export interface RetentionPlan<Entry> {
  readonly keep: readonly Decision<Entry>[];
  readonly remove: readonly Decision<Entry>[];
  /** How many of those kept stay by the brake alone. */
  readonly braked: number;
}

interface Ranked<Entry> {
  readonly entry: Entry;
  readonly timeMs: number;
  readonly isWritten: boolean;
}

/** What the rules say of one backup, before those that stay anyway are seen to. */
interface Verdict {
  readonly fate: "keep" | "brake" | "remove";
  readonly reason: string;
}

/**
 * Decides which backups stay. By limits an entry goes when it is beyond the newest `maxFiles` or older than `maxDays`
 * (or both), by calendar when no rule keeps it. Never goes: the one just written, the newest `minFiles`, and one whose
 * time is unknown or lies in the future; the last two are not counted either, since a wrong clock must not push out
 * good backups.
 */
export function plan<Entry extends RetentionEntry>(
  entries: readonly Entry[],
  policy: RetentionPolicy,
  now: Date,
): RetentionPlan<Entry> {
  const nowMs = now.getTime();
  const keep: Decision<Entry>[] = [];
  const remove: Decision<Entry>[] = [];
  const ranked: Ranked<Entry>[] = [];
  for (const entry of entries) {
    const { name, timeMs } = entry;
    if (name === policy.written) ranked.push({ entry, timeMs: timeMs ?? nowMs, isWritten: true });
    else if (timeMs === null) keep.push({ entry, reason: "its time is unknown" });
    else if (timeMs > nowMs) keep.push({ entry, reason: "its time lies in the future" });
    else ranked.push({ entry, timeMs, isWritten: false });
  }
  ranked.sort((a, b) => (isRankedNewer(a, b) ? -1 : 1));
  const verdicts = isCalendarOn(policy.keep) ? byCalendar(ranked, policy) : byLimits(ranked, policy, nowMs);
  const alwaysKept = Math.max(1, policy.minFiles);
  let braked = 0;
  for (const [index, { entry, isWritten }] of ranked.entries()) {
    const { fate, reason } = verdicts[index] ?? keptWithin;
    if (isWritten) keep.push({ entry, reason: "just written" });
    else if (fate === "keep") keep.push({ entry, reason });
    // After a clock was set back, the newest by name is not the one just written.
    else if (index < alwaysKept) keep.push({ entry, reason: floorInWords(alwaysKept) });
    else if (fate === "remove") remove.push({ entry, reason });
    else {
      keep.push({ entry, reason });
      braked += 1;
    }
  }
  return { keep, remove, braked };
}

/** A longer time without a backup, in times that before it, is no longer a month of 31 days after one of 28. */
const mostLate = 1.25;

const keptWithin: Verdict = { fate: "keep", reason: "within the limits" };

function byCalendar(
  ranked: readonly Ranked<RetentionEntry>[],
  { keep, timeZone }: RetentionRules,
): readonly Verdict[] {
  const times = ranked.map(({ timeMs }) => timeMs);
  return keptByCalendar(times, keep, timeZone).map((rules) =>
    rules.length === 0
      ? { fate: "remove", reason: "no rule keeps it" }
      : { fate: "keep", reason: rules.join(", ") },
  );
}

/** The one just written is counted first, whatever its time. */
function byLimits(
  ranked: readonly Ranked<RetentionEntry>[],
  policy: RetentionPolicy,
  nowMs: number,
): readonly Verdict[] {
  const { maxFiles, maxDays } = policy;
  const isTooOld = ({ entry, timeMs }: Ranked<RetentionEntry>): boolean =>
    maxDays > 0 && nowMs - latestOf(entry, timeMs) > maxDays * DAY_MS;
  const earlier = ranked.filter(({ isWritten }) => !isWritten);
  const runMs = ranked.find(({ isWritten }) => isWritten)?.timeMs ?? nowMs;
  const isBraked = policy.brakes && isOutage(earlier, runMs, maxDays, isTooOld);
  let counted = ranked.length - earlier.length;
  return ranked.map((each) => {
    if (each.isWritten) return keptWithin;
    counted += 1;
    const beyond = maxFiles > 0 && counted > maxFiles ? `beyond the newest ${maxFiles}` : null;
    const old = isTooOld(each) ? `older than ${days(maxDays)}` : null;
    if (beyond !== null && old !== null && !isBraked)
      return { fate: "remove", reason: `${beyond} and ${old}` };
    if (beyond !== null) return { fate: "remove", reason: beyond };
    if (old === null) return keptWithin;
    return isBraked
      ? { fate: "brake", reason: `${old}, but so is the newest before this run` }
      : { fate: "remove", reason: old };
  });
}

/**
 * Whether the newest backup before this run's is itself too old, and those before it came more often than that: a long
 * outage, or a clock that jumped, and not a job that runs so rarely. One that runs just as often as backups grow too old
 * (of each month, with 30 days) is late by no more than months and clocks differ.
 * @param earlier newest first
 * @param runMs the time of this run's backup
 */
function isOutage(
  earlier: readonly Ranked<RetentionEntry>[],
  runMs: number,
  maxDays: number,
  isTooOld: (each: Ranked<RetentionEntry>) => boolean,
): boolean {
  const [newest, before, beforeThat] = earlier;
  if (newest === undefined || !isTooOld(newest)) return false;
  if (before === undefined || beforeThat === undefined) return true;
  const usualMs = before.timeMs - beforeThat.timeMs;
  return usualMs < maxDays * DAY_MS && runMs - newest.timeMs > usualMs * mostLate;
}

function latestOf(entry: RetentionEntry, timeMs: number): number {
  return Math.max(timeMs, entry.latestMs ?? timeMs);
}

/** Of two with one time the one just written is the newer. */
function isRankedNewer(a: Ranked<RetentionEntry>, b: Ranked<RetentionEntry>): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs > b.timeMs;
  return a.isWritten === b.isWritten ? a.entry.name >= b.entry.name : a.isWritten;
}

/** Whether one backup is newer than another; of one time, the one with the later name. */
function isNewer(a: RetentionEntry, b: RetentionEntry): boolean {
  const [aMs, bMs] = [a.timeMs ?? -Infinity, b.timeMs ?? -Infinity];
  return aMs === bMs ? a.name >= b.name : aMs > bMs;
}

/**
 * What a run now would do, its own new backup counted: it is in neither list.
 * @param entries those there are, without that one
 */
export function planOfRun<Entry extends RetentionEntry>(
  entries: readonly Entry[],
  rules: RetentionRules,
  now: Date,
): RetentionPlan<Entry> {
  // No backup has this name.
  const written: RetentionEntry = { name: "", timeMs: now.getTime(), bytes: null };
  const policy = { ...rules, written: "", brakes: true };
  const { keep, remove, braked } = plan<Entry | RetentionEntry>([...entries, written], policy, now);
  const isOld = (decision: Decision<Entry | RetentionEntry>): decision is Decision<Entry> =>
    decision.entry !== written;
  return { keep: keep.filter(isOld), remove: remove.filter(isOld), braked };
}

/** What `prune` does, and by which backup's time. */
export interface PrunePlan<Entry> extends RetentionPlan<Entry> {
  /** The newest that lies not in the future; null for none: then nothing goes. */
  readonly newest: Entry | null;
}

/**
 * What `prune` does with the backups of one database in one place: as `plan`, but by the time of the newest backup,
 * which stays. Where backups have failed for weeks nothing is lost by their age.
 */
export function planOfPrune<Entry extends RetentionEntry>(
  entries: readonly Entry[],
  rules: RetentionRules,
  now: Date,
): PrunePlan<Entry> {
  const past = entries.filter(({ timeMs }) => timeMs !== null && timeMs <= now.getTime());
  const newest = past.reduce<Entry | null>(
    (found, entry) => (found === null || isNewer(entry, found) ? entry : found),
    null,
  );
  const clock = newest?.timeMs == null ? now : new Date(newest.timeMs);
  const policy = { ...rules, written: newest?.name ?? null, brakes: false };
  const { keep, remove, braked } = plan(entries, policy, clock);
  const reasonOf = ({ entry, reason }: Decision<Entry>): string =>
    entry === newest ? floorInWords(1) : reason;
  return {
    newest,
    keep: keep.map((decision) => ({ ...decision, reason: reasonOf(decision) })),
    remove,
    braked,
  };
}

/** Why the newest stay. */
export function floorInWords(count: number): string {
  return count === 1 ? "the newest is always kept" : `the newest ${count} are always kept`;
}

/** So many days, in words. */
export function days(count: number): string {
  return count === 1 ? "1 day" : `${count} days`;
}
