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

/** What the settings ask for. */
export interface RetentionRules {
  /** Keep at most so many; 0 = no limit. */
  readonly maxFiles: number;
  /** Keep none older than so many times 24 hours; 0 = no limit. */
  readonly maxDays: number;
}

/** Whether any backup may ever be removed. */
export function isRetentionOn({ maxFiles, maxDays }: RetentionRules): boolean {
  return maxFiles > 0 || maxDays > 0;
}

/** How much to keep. */
export interface RetentionPolicy extends RetentionRules {
  /** The name of the backup just written; null when there is none. */
  readonly written: string | null;
}

/** An entry and, as a phrase for the log, why it stays or goes. */
export interface Decision<Entry> {
  readonly entry: Entry;
  readonly reason: string;
}

export interface RetentionPlan<Entry> {
  readonly keep: readonly Decision<Entry>[];
  readonly remove: readonly Decision<Entry>[];
}

/**
 * Decides which backups stay. An entry goes when it is beyond the newest `maxFiles` or older than `maxDays` (or both).
 * Never goes: the one just written, the newest, and one whose time is unknown or lies in the future;
 * the last two are not counted either, since a wrong clock must not push out good backups.
 */
export function plan<Entry extends RetentionEntry>(
  entries: readonly Entry[],
  policy: RetentionPolicy,
  now: Date,
): RetentionPlan<Entry> {
  const nowMs = now.getTime();
  const keep: Decision<Entry>[] = [];
  const remove: Decision<Entry>[] = [];
  const ranked: { entry: Entry; timeMs: number }[] = [];
  let writtenMs = -Infinity;
  let counted = 0;
  for (const entry of entries) {
    if (entry.name === policy.written) {
      keep.push({ entry, reason: "just written" });
      writtenMs = entry.timeMs ?? nowMs;
      counted += 1;
    } else if (entry.timeMs === null) {
      keep.push({ entry, reason: "its time is unknown" });
    } else if (entry.timeMs > nowMs) {
      keep.push({ entry, reason: "its time lies in the future" });
    } else {
      ranked.push({ entry, timeMs: entry.timeMs });
    }
  }
  ranked.sort((a, b) => (isNewer(a.entry, b.entry) ? -1 : 1));
  for (const [index, { entry, timeMs }] of ranked.entries()) {
    counted += 1;
    const ageMs = nowMs - Math.max(timeMs, entry.latestMs ?? timeMs);
    const reasons: string[] = [];
    if (policy.maxFiles > 0 && counted > policy.maxFiles)
      reasons.push(`beyond the newest ${policy.maxFiles}`);
    if (policy.maxDays > 0 && ageMs > policy.maxDays * DAY_MS)
      reasons.push(`older than ${days(policy.maxDays)}`);
    if (reasons.length === 0) keep.push({ entry, reason: "within the limits" });
    // After a clock was set back, the newest by name is not the one just written.
    else if (index === 0 && timeMs > writtenMs) keep.push({ entry, reason: "the newest is always kept" });
    else remove.push({ entry, reason: reasons.join(" and ") });
  }
  return { keep, remove };
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
  const { keep, remove } = plan<Entry | RetentionEntry>(
    [...entries, written],
    { ...rules, written: "" },
    now,
  );
  const isOld = (decision: Decision<Entry | RetentionEntry>): decision is Decision<Entry> =>
    decision.entry !== written;
  return { keep: keep.filter(isOld), remove: remove.filter(isOld) };
}

/** What `prune` does, and by which backup's time. */
export interface PrunePlan<Entry> extends RetentionPlan<Entry> {
  /** The newest that lies not in the future; null for none: then nothing goes. */
  readonly newest: Entry | null;
}

/**
 * What `prune` does: as `plan`, but by the time of the newest backup, which stays. Where backups have failed for weeks
 * nothing is lost by their age.
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
  const { keep, remove } = plan(entries, { ...rules, written: newest?.name ?? null }, clock);
  const reasonOf = ({ entry, reason }: Decision<Entry>): string =>
    entry === newest ? "the newest is always kept" : reason;
  return {
    newest,
    keep: keep.map((decision) => ({ ...decision, reason: reasonOf(decision) })),
    remove,
  };
}

/** The rules in words: `keeps at most 7, and none older than 30 days`. */
export function rulesInWords({ maxFiles, maxDays }: RetentionRules): string {
  const count = maxFiles > 0 ? `keeps at most ${maxFiles}` : "";
  const age = maxDays > 0 ? `${count === "" ? "keeps" : "and"} none older than ${days(maxDays)}` : "";
  const said = [count, age].filter((words) => words !== "").join(", ");
  return said === "" ? "off: nothing is ever removed" : `${said}; the newest always stays`;
}

function days(count: number): string {
  return count === 1 ? "1 day" : `${count} days`;
}
