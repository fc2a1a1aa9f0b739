import { describe, expect, test } from "bun:test";
import { graceMs, Monitor } from "../../../src/daemon/monitor.ts";
import { timetableOf } from "../../../src/daemon/scheduler.ts";
import type { BackupResult } from "../../../src/result.ts";
import { resolve, uri } from "../job/jobs.ts";
import { failed, stored } from "../notify/results.ts";

const startedAt = new Date("2026-02-01T10:00:00Z");

test.each([
  ["a daily schedule", 86_400_000, null, 3_600_000],
  ["every five minutes", 300_000, null, 300_000],
  ["every second", 1000, 500, 60_000],
  ["a daily run of three hours", 86_400_000, 10_800_000, 21_600_000],
])("the grace of %s", (_, intervalMs, lastDurationMs, expected) => {
  expect(graceMs(intervalMs, lastDurationMs)).toBe(expected);
});

describe("what a daemon knows", () => {
  test("at its start is its job, and by when a backup is due", () => {
    expect(monitor().state()).toMatchObject({
      engine: "pg",
      database: "shop",
      startedAt,
      lastSuccess: null,
      lastStatus: "pending",
      running: false,
      nextRun: null,
      expectedBy: new Date("2026-02-02T03:00:00Z"),
      runs: { success: 0, failure: 0, skipped: 0 },
    });
  });

  test("after a success is its time, length and size, and that the next day's is due", () => {
    const known = monitor();
    known.finished(run("2026-02-05T02:00:00Z"));
    expect(known.state()).toMatchObject({
      lastSuccess: new Date("2026-02-05T02:00:00Z"),
      lastStatus: "success",
      lastDurationMs: stored.durationMs,
      lastBytes: stored.bytes,
      expectedBy: new Date("2026-02-06T03:00:00Z"),
      runs: { success: 1, failure: 0, skipped: 0 },
    });
  });

  test("after a failure is still the success before it, and that one is due since", () => {
    const known = monitor();
    known.finished(run("2026-02-05T02:00:00Z"));
    known.finished({ ...failed, startedAt: new Date("2026-02-06T02:00:00Z"), durationMs: 5 });
    expect(known.state()).toMatchObject({
      lastSuccess: new Date("2026-02-05T02:00:00Z"),
      lastStatus: "failure",
      lastDurationMs: 5,
      lastBytes: stored.bytes,
      expectedBy: new Date("2026-02-06T03:00:00Z"),
      runs: { success: 1, failure: 1, skipped: 0 },
    });
  });

  test("after a run that was skipped is as it was, but for the count", () => {
    const known = monitor();
    const before = known.state();
    known.finished("skipped");
    expect(known.state()).toEqual({ ...before, runs: { ...before.runs, skipped: 1 } });
  });

  test("while runs are on is that there are", () => {
    const known = monitor();
    const seen = (["begin", "begin", "end", "end"] as const).map((step) => {
      known[step]();
      return known.running;
    });
    expect(seen).toEqual([true, true, true, false]);
  });

  test("of the next run is told", () => {
    const known = monitor();
    expect(known.state().nextRun).toBeNull();
    known.next = new Date("2026-02-02T02:00:00Z");
    expect(known.state().nextRun).toEqual(new Date("2026-02-02T02:00:00.000Z"));
  });

  test("of a schedule that has no more runs is that none is due", () => {
    expect(monitor("0 0 2 1 1 * 2020").state().expectedBy).toBeNull();
    expect(monitor("0 0 2 2 2 * 2026").state().expectedBy).toEqual(new Date("2026-02-02T03:00:00Z"));
  });
});

describe("a backup found on the remote", () => {
  const found = (timeMs: number | null, latestMs: number | null) => ({
    name: "x",
    bytes: 7,
    timeMs,
    latestMs,
  });
  const second = Date.parse("2026-01-31T02:00:00Z");
  const day = [Date.parse("2026-02-01T00:00:00Z"), Date.parse("2026-02-01T23:59:59Z")] as const;

  test.each<[string, ReturnType<typeof found>, string | null, string]>([
    [
      "with its time counts from then on",
      found(second, second),
      "2026-01-31T02:00:00Z",
      "2026-02-01T03:00:00Z",
    ],
    ["with its day alone counts up to now", found(...day), "2026-02-01T00:00:00Z", "2026-02-02T03:00:00Z"],
    ["without a time counts for nothing", found(null, null), null, "2026-02-02T03:00:00Z"],
  ])("%s", (_, backup, lastSuccess, expectedBy) => {
    const known = monitor();
    known.recalled(backup, startedAt);
    const state = known.state();
    expect(state.lastSuccess).toEqual(lastSuccess === null ? null : new Date(lastSuccess));
    expect([state.expectedBy, state.lastStatus, state.lastBytes]).toEqual([
      new Date(expectedBy),
      "pending",
      lastSuccess === null ? null : 7,
    ]);
  });

  test("is nothing to a process that has made one since", () => {
    const known = monitor();
    known.finished(run("2026-02-01T11:00:00Z"));
    known.recalled(found(second, second), startedAt);
    expect(known.state()).toMatchObject({
      lastSuccess: new Date("2026-02-01T11:00:00Z"),
      lastBytes: stored.bytes,
    });
  });
});

function monitor(expression = "0 2 * * *"): Monitor {
  return new Monitor(resolve(uri), timetableOf(expression, "UTC"), startedAt);
}

function run(at: string): BackupResult {
  return { ...stored, startedAt: new Date(at) };
}
