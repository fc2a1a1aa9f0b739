import { type OffsetAt, zoneOffsets } from "./local-time.ts";

const HOUR_MS = 3_600_000;
const HOURS_A_DAY = 24;
const DAYS_A_WEEK = 7;
/** 1 January 1970 was a Thursday: its week had begun three days before (ISO 8601: on Monday). */
const DAYS_INTO_FIRST_WEEK = 3;

/** What the rules of `RETENTION_KEEP_*` count, in the order they are told to people. */
export const spans = ["last", "hourly", "daily", "weekly", "monthly", "yearly"] as const;
export type Span = (typeof spans)[number];

/** How many each rule keeps; 0 = the rule keeps none. */
export type CalendarRules = Readonly<Record<Span, number>>;

/** Whether any rule keeps something. */
export function isCalendarOn(rules: CalendarRules): boolean {
  return spans.some((span) => rules[span] > 0);
}

/**
 * Which rules keep each of these times, as phrases: `daily 3 of 7`; none for what may go. A rule keeps the newest of
 * each of the last so many hours, days, … that have one, by the clocks of the zone (restic's policy, "forget": what it
 * keeps of a period that is over it kept before, so that the order in which backups come and go changes nothing).
 * @param timesMs newest first
 */
export function keptByCalendar(
  timesMs: readonly number[],
  rules: CalendarRules,
  timeZone: string,
): readonly (readonly string[])[] {
  const kept = timesMs.map((): string[] => []);
  let offsetAt: OffsetAt | null = null;
  for (const span of spans) {
    const most = rules[span];
    if (most === 0) continue;
    const periodOf = span === "last" ? null : periodsOf(span, (offsetAt ??= zoneOffsets(timeZone)));
    const seen = new Set<number>();
    for (const [index, timeMs] of timesMs.entries()) {
      if (seen.size === most) break;
      const period = periodOf === null ? index : periodOf(timeMs);
      if (seen.has(period)) continue;
      seen.add(period);
      kept[index]?.push(`${span} ${seen.size} of ${most}`);
    }
  }
  return kept;
}

/** Tells a period from all others by a number. */
function periodsOf(span: Exclude<Span, "last">, offsetAt: OffsetAt): (timeMs: number) => number {
  const dayOf = (timeMs: number): number => Math.floor((timeMs + offsetAt(timeMs)) / (HOURS_A_DAY * HOUR_MS));
  const dateOf = (timeMs: number): Date => new Date(timeMs + offsetAt(timeMs));
  switch (span) {
    case "hourly":
      // An hour that the clocks show twice is two hours: it is told by the instant of its beginning.
      return (timeMs) => {
        const offsetMs = offsetAt(timeMs);
        return Math.floor((timeMs + offsetMs) / HOUR_MS) * HOUR_MS - offsetMs;
      };
    case "daily":
      return dayOf;
    case "weekly":
      return (timeMs) => Math.floor((dayOf(timeMs) + DAYS_INTO_FIRST_WEEK) / DAYS_A_WEEK);
    case "monthly":
      return (timeMs) => dateOf(timeMs).getUTCFullYear() * 12 + dateOf(timeMs).getUTCMonth();
    case "yearly":
      return (timeMs) => dateOf(timeMs).getUTCFullYear();
  }
}
