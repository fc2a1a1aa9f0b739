const MINUTE_MS = 60_000;
const QUARTER_HOUR_MS = 15 * MINUTE_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const QUARTER_HOURS_A_DAY = DAY_MS / QUARTER_HOUR_MS;

/**
 * A zone's offset from UTC in ms at an instant, in whole minutes.
 * Local times are carried as `localMs`: the wall clock read as if it stood in UTC.
 */
export type OffsetAt = (timeMs: number) => number;

/** The offsets of an IANA zone; throws a RangeError when the zone is unknown. */
export function zoneOffsets(timeZone: string): OffsetAt {
  // The usual zone needs no look-up (CONTRIBUTING, "Memory").
  if (timeZone === "UTC") return () => 0;
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  return remembered((timeMs) => {
    const name = format.formatToParts(timeMs).find((part) => part.type === "timeZoneName")?.value ?? "GMT";
    const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d).*)?$/.exec(name) ?? [];
    const offsetMs = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * MINUTE_MS;
    return sign === "-" ? -offsetMs : offsetMs;
  });
}

/**
 * Looks up no more than two moments of a day: a look-up takes 3 µs, and a folder may hold tens of thousands of names.
 * Between two ends of a day with one offset it is that one, since no zone changes its clocks twice within two days.
 */
function remembered(offsetAt: OffsetAt): OffsetAt {
  const starts = new Map<number, number>();
  const asked = new Set<number>();
  const startOf = (day: number): number => {
    const known = starts.get(day) ?? offsetAt(day * DAY_MS);
    starts.set(day, known);
    return known;
  };
  return (timeMs) => {
    const day = Math.floor(timeMs / DAY_MS);
    if (!asked.has(day)) {
      asked.add(day);
      return offsetAt(timeMs);
    }
    const offset = startOf(day);
    return offset === startOf(day + 1) ? offset : offsetAt(timeMs);
  };
}

/** The instants at which a zone's clocks show `localMs`: none in a gap, two where clocks were set back. */
export function instantsOf(localMs: number, offsetAt: OffsetAt): number[] {
  // No zone changes its clocks twice within two days, so one of these two offsets is in force.
  const offsets = new Set([offsetAt(localMs - DAY_MS), offsetAt(localMs + DAY_MS)]);
  return [...offsets]
    .map((offset) => localMs - offset)
    .filter((timeMs) => offsetAt(timeMs) === localMs - timeMs);
}

/**
 * The first instant of the local day that starts at `dayLocalMs`, and its last whole second;
 * null when the zone left that day out. Midnight itself may lie in a gap.
 */
export function dayBounds(
  dayLocalMs: number,
  offsetAt: OffsetAt,
): { firstMs: number; lastMs: number } | null {
  const quarters = Array.from({ length: QUARTER_HOURS_A_DAY }, (_, index) => index * QUARTER_HOUR_MS);
  const seek = (fromLocalMs: number, direction: 1 | -1): number[] => {
    for (const distanceMs of quarters) {
      const found = instantsOf(fromLocalMs + direction * distanceMs, offsetAt);
      if (found.length > 0) return found;
    }
    return [];
  };
  const starts = seek(dayLocalMs, 1);
  const ends = seek(dayLocalMs + DAY_MS - 1000, -1);
  if (starts.length === 0 || ends.length === 0) return null;
  return { firstMs: Math.min(...starts), lastMs: Math.max(...ends) };
}

/** The offsets in use anywhere on Earth: quarter hours from -12:00 to +14:00. */
export const offsetsOnEarthMs: readonly number[] = Array.from(
  { length: 26 * 4 + 1 },
  (_, index) => index * QUARTER_HOUR_MS - DAY_MS / 2,
);

/** The parts of a local time as names show them. */
export interface LocalText {
  /** `YYYY-MM-DD` */
  readonly date: string;
  /** `HHmmss` */
  readonly time: string;
}

/** Writes a local time. */
export function writeLocal(localMs: number): LocalText {
  const iso = new Date(localMs).toISOString();
  return { date: iso.slice(0, 10), time: iso.slice(11, 19).replaceAll(":", "") };
}

/** Reads what `writeLocal` wrote, as `localMs`; null for a date or a time of day that does not exist. */
export function readLocal({ date, time }: LocalText): number | null {
  const [hours, minutes, seconds] = [time.slice(0, 2), time.slice(2, 4), time.slice(4)];
  const localMs = Date.parse(`${date}T${hours}:${minutes}:${seconds}Z`);
  if (Number.isNaN(localMs)) return null;
  // Some engines roll 30 February over into March.
  const again = writeLocal(localMs);
  return again.date === date && again.time === time ? localMs : null;
}

/** An instant as RFC 3339 writes it in a zone: `2026-02-07T03:00:00.000+01:00`, `Z` for an offset of none. */
export function writeRfc3339(timeMs: number, offsetAt: OffsetAt): string {
  const offsetMs = offsetAt(timeMs);
  const offset = writeOffset(offsetMs).replace(/\d\d$/, ":$&");
  return new Date(timeMs + offsetMs).toISOString().slice(0, -1) + offset;
}

/** Writes an offset as ISO 8601's basic form does: `Z` for none, `+0530`. */
export function writeOffset(offsetMs: number): string {
  if (offsetMs === 0) return "Z";
  const minutes = Math.abs(offsetMs) / MINUTE_MS;
  const pad = (count: number): string => String(count).padStart(2, "0");
  return `${offsetMs < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}${pad(minutes % 60)}`;
}

/** Reads what `writeOffset` wrote, in ms; null for anything it would not write. */
export function readOffset(text: string): number | null {
  if (text === "Z") return 0;
  const [, sign, hours, minutes] = /^([+-])([01]\d|2[0-3])([0-5]\d)$/.exec(text) ?? [];
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  if (sign === undefined || offsetMs === 0) return null;
  return sign === "-" ? -offsetMs : offsetMs;
}
