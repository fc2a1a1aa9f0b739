import { expect, jest, test } from "bun:test";
import { runLimit, type StallClock, stallClock } from "../../../src/pipeline/limits.ts";

type Pass = (ms: number) => void;

/** Why a signal has aborted after these steps, on a clock of the test's own. */
function reasonAfter(steps: (pass: Pass) => AbortSignal): string | null {
  jest.useFakeTimers();
  try {
    const signal = steps((ms) => jest.advanceTimersByTime(ms));
    return signal.aborted ? (signal.reason as Error).message : null;
  } finally {
    jest.useRealTimers();
  }
}

test.each<[string, string | null, number, number]>([
  ["no limit", null, 0, 1e9],
  ["its own limit over", "the run took longer than 90 s", 90_000, 90_001],
  ["its own limit to come", null, 90_000, 89_999],
])("a run with %s is ended by %j", (_, reason, limitMs, passMs) => {
  const steps = (pass: Pass) => {
    const limit = runLimit(limitMs);
    pass(passMs);
    limit.end();
    return limit.signal;
  };
  expect(reasonAfter(steps)).toBe(reason);
});

test("a run that has reached its end is ended by nothing", () => {
  const steps = (pass: Pass) => {
    const limit = runLimit(1000);
    limit.end();
    pass(5000);
    return limit.signal;
  };
  expect(reasonAfter(steps)).toBeNull();
});

test.each<[string, string | null, number, (stall: StallClock, pass: Pass) => void]>([
  ["no limit", null, 0, (stall, pass) => (stall.moved(), pass(1e9))],
  ["a dump that has not begun", null, 1000, (_, pass) => pass(5000)],
  ["a stall", "not one byte moved for 2 min", 120_000, (stall, pass) => (stall.moved(), pass(120_001))],
  ["bytes that move", null, 1000, (stall, pass) => (stall.moved(), pass(900), stall.moved(), pass(900))],
  ["nothing to see any more", null, 1000, (stall, pass) => (stall.moved(), stall.rest(), pass(5000))],
  ["late news of bytes after that", null, 1000, (stall, pass) => (stall.rest(), stall.moved(), pass(5000))],
])("a backup with %s is ended by %j", (_, reason, limitMs, steps) => {
  const clocked = (pass: Pass) => {
    const stall = stallClock(limitMs);
    steps(stall, pass);
    return stall.signal;
  };
  expect(reasonAfter(clocked)).toBe(reason);
});
