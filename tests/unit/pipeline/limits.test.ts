import { expect, jest, test } from "bun:test";
import { startLimits } from "../../../src/pipeline/limits.ts";

/** The reasons of a run's limits after these steps, on a clock of the test's own. */
function reasonAfter(
  [timeoutMs, stallMs]: readonly [number, number],
  steps: (limits: ReturnType<typeof startLimits>, pass: (ms: number) => void) => void,
): string | null {
  jest.useFakeTimers();
  try {
    const limits = startLimits(timeoutMs, stallMs);
    steps(limits, (ms) => jest.advanceTimersByTime(ms));
    return limits.signal.aborted ? limits.signal.reason.message : null;
  } finally {
    jest.useRealTimers();
  }
}

type Steps = Parameters<typeof reasonAfter>[1];

test.each<[string, string | null, readonly [number, number], Steps]>([
  ["no limit", null, [0, 0], (limits, pass) => (limits.moved(), pass(1e9))],
  ["its own limit over", "the run took longer than 90 s", [90_000, 0], (_, pass) => pass(90_001)],
  ["its own limit to come", null, [90_000, 0], (_, pass) => pass(89_999)],
  ["a dump that has not begun", null, [0, 1000], (_, pass) => pass(5000)],
  ["a stall", "not one byte moved for 2 min", [0, 120_000], (run, pass) => (run.moved(), pass(120_001))],
  ["bytes that move", null, [0, 1000], (run, pass) => (run.moved(), pass(900), run.moved(), pass(900))],
  ["nothing to see any more", null, [0, 1000], (run, pass) => (run.moved(), run.rest(), pass(5000))],
  ["late news of bytes after that", null, [0, 1000], (run, pass) => (run.rest(), run.moved(), pass(5000))],
  ["its end reached", null, [1000, 1000], (run, pass) => (run.moved(), run.end(), pass(5000))],
])("a run with %s is ended by %j", (_, reason, limits, steps) => {
  expect(reasonAfter(limits, steps)).toBe(reason);
});
