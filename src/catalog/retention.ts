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
  ranked.sort((a, b) => b.timeMs - a.timeMs || (a.entry.name < b.entry.name ? 1 : -1));
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

function days(count: number): string {
  return count === 1 ? "1 day" : `${count} days`;
}
