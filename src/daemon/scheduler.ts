import { Cron } from "croner";
import { instantsOf, type OffsetAt, zoneOffsets } from "../catalog/local-time.ts";

/** The clock a schedule goes by. */
export interface Clock {
  readonly now: () => Date;
  /** Resolves after so long, or as soon as the signal fires. Never rejects. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The first scheduled time after a moment; null when there is none any more. */
export type Timetable = (after: Date) => Date | null;

/** Timers do not count the time a machine sleeps, nor see the clock being set: they are looked after this often. */
const longestWaitMs = 60_000;

/** The clock set back by more than this is believed; by less, no scheduled time comes twice. */
const setBackMs = 3_600_000;

/**
 * The timetable of a cron expression in a zone.
 * Where clocks change, a fixed hour follows cron(8): a time that is left out runs at the end of the gap, one that
 * comes twice runs the first time. croner alone leaves out `0 2,14` in the gap and runs it twice in the repeated hour.
 * Expressions whose hour is a wildcard just go on by croner's own arithmetic.
 */
export function timetableOf(expression: string, timeZone: string): Timetable {
  const zoned = new Cron(expression, { timezone: timeZone, paused: true });
  if (hourField(zoned.getPattern() ?? expression).includes("*")) return (after) => zoned.nextRun(after);
  const wallClock = new Cron(expression, { timezone: "UTC", paused: true });
  const offsetAt = zoneOffsets(timeZone);
  return (after) => {
    let local: Date | null = new Date(after.getTime() + offsetAt(after.getTime()));
    for (;;) {
      local = wallClock.nextRun(local);
      if (local === null) return null;
      const instantMs = firstInstant(local.getTime(), offsetAt);
      if (instantMs > after.getTime()) return new Date(instantMs);
    }
  };
}

function hourField(pattern: string): string {
  const fields = pattern.trim().split(/\s+/);
  return (fields.length <= 5 ? fields[1] : fields[2]) ?? "*";
}

/** When a zone's clocks first show a local time, or have just passed it. */
function firstInstant(localMs: number, offsetAt: OffsetAt): number {
  const instants = instantsOf(localMs, offsetAt);
  if (instants.length > 0) return Math.min(...instants);
  const dayMs = 86_400_000;
  let beforeMs = localMs - offsetAt(localMs + dayMs);
  let afterMs = localMs - offsetAt(localMs - dayMs);
  const offsetBefore = offsetAt(beforeMs);
  while (afterMs - beforeMs > 1) {
    const middleMs = Math.floor((beforeMs + afterMs) / 2);
    if (offsetAt(middleMs) === offsetBefore) beforeMs = middleMs;
    else afterMs = middleMs;
  }
  return afterMs;
}

/** What a schedule calls. */
export interface ScheduleParts {
  readonly timetable: Timetable;
  readonly clock: Clock;
  /** One run at once, before the first scheduled one. */
  readonly onStart: boolean;
  /** Whether a run may begin while another one is on. */
  readonly overlap: boolean;
  /** @param cause whether it is the one at once, or one that is due */
  readonly run: (cause: "start" | "due") => Promise<void>;
  /** A scheduled run was left out, since another one is on. */
  readonly onSkip: () => void;
  /** When the next run is due; null for never again. */
  readonly onNext: (at: Date | null) => void;
  /** A run threw, which it should not; the schedule goes on. */
  readonly onError: (error: unknown) => void;
}

/**
 * Calls `run` by the timetable until `stop` aborts; resolves once the runs that are on then have ended. Never rejects.
 * Scheduled times missed while the machine slept come to one run.
 */
export async function runSchedule(parts: ScheduleParts, stop: AbortSignal): Promise<void> {
  const { timetable, clock, onNext } = parts;
  const runs = new Set<Promise<void>>();
  let from = clock.now();
  if (parts.onStart && !stop.aborted) begin(parts, "start", runs);
  while (!stop.aborted) {
    const next = timetable(from);
    onNext(next);
    const outcome = next === null ? await untilAborted(stop) : await waitFor(next, from, clock, stop);
    if (outcome === "due") begin(parts, "due", runs);
    const now = clock.now();
    from = outcome === "due" && next !== null && next > now ? next : now;
  }
  await Promise.all(runs);
}

function begin(
  { run, overlap, onSkip, onError }: ScheduleParts,
  cause: "start" | "due",
  runs: Set<Promise<void>>,
): void {
  if (runs.size > 0 && !overlap) return onSkip();
  const running = Promise.try(run, cause)
    .catch(onError)
    .finally(() => runs.delete(running));
  runs.add(running);
}

async function waitFor(
  next: Date,
  from: Date,
  clock: Clock,
  stop: AbortSignal,
): Promise<"due" | "set back" | "stopped"> {
  for (;;) {
    if (stop.aborted) return "stopped";
    const leftMs = next.getTime() - clock.now().getTime();
    if (leftMs <= 0) return "due";
    if (from.getTime() - clock.now().getTime() > setBackMs) return "set back";
    await clock.wait(Math.min(leftMs, longestWaitMs), stop);
  }
}

function untilAborted(signal: AbortSignal): Promise<"stopped"> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("stopped");
    else signal.addEventListener("abort", () => resolve("stopped"), { once: true });
  });
}
