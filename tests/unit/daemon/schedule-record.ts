import { type Clock, runSchedule, type ScheduleParts, timetableOf } from "../../../src/daemon/scheduler.ts";

/** A clock whose waits pass at once; `onWait` may set it. */
export function fakeClock(
  start: string,
  onWait: (clock: { nowMs: number }, ms: number) => void = () => undefined,
) {
  const state = { nowMs: Date.parse(start), waits: [] as number[] };
  const clock: Clock = {
    now: () => new Date(state.nowMs),
    wait: async (ms) => {
      state.waits.push(ms);
      state.nowMs += ms;
      onWait(state, ms);
    },
  };
  return Object.assign(state, { clock });
}

interface Recorded {
  readonly runs: string[];
  skipped: number;
  readonly errors: unknown[];
  readonly announced: (string | null)[];
}

/** Runs a schedule until its clock has passed `until`. */
export async function record(
  expression: string,
  timeZone: string,
  start: string,
  until: string,
  more: Partial<ScheduleParts> & { onWait?: (clock: { nowMs: number }, ms: number) => void } = {},
): Promise<Recorded & { waits: number[] }> {
  const stop = new AbortController();
  const seen: Recorded = { runs: [], skipped: 0, errors: [], announced: [] };
  const { onWait, ...parts } = more;
  const time = fakeClock(start, (clock, ms) => {
    onWait?.(clock, ms);
    if (clock.nowMs >= Date.parse(until)) stop.abort();
  });
  await runSchedule(
    {
      timetable: timetableOf(expression, timeZone),
      clock: time.clock,
      onStart: false,
      overlap: false,
      onSkip: () => (seen.skipped += 1),
      onNext: (at) => seen.announced.push(at === null ? null : at.toISOString()),
      onError: (error) => seen.errors.push(error),
      run: async () => {
        seen.runs.push(time.clock.now().toISOString());
      },
      ...parts,
    },
    stop.signal,
  );
  return Object.assign(seen, { waits: time.waits });
}
