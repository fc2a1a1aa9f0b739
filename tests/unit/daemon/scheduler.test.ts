import { describe, expect, test } from "bun:test";
import { runSchedule, timetableOf } from "../../../src/daemon/scheduler.ts";
import { fakeClock, record } from "./schedule-record.ts";

describe("a schedule", () => {
  test("waits in pieces short enough to see the clock being set", async () => {
    const { waits } = await record("0 2 * * *", "UTC", "2026-02-01T03:00:00Z", "2026-02-02T02:00:00Z");
    expect(Math.max(...waits)).toBeLessThanOrEqual(3_600_000);
    expect(waits.length).toBeGreaterThan(22);
  });

  test("comes to one run when the machine slept over several scheduled times", async () => {
    let slept = false;
    const { runs } = await record("0 * * * *", "UTC", "2026-02-01T00:10:00Z", "2026-02-01T07:30:00Z", {
      onWait: (clock) => {
        if (slept || clock.nowMs < Date.parse("2026-02-01T01:30:00Z")) return;
        slept = true;
        clock.nowMs = Date.parse("2026-02-01T05:20:00Z");
      },
    });
    expect(runs.map((time) => time.slice(11, 16))).toEqual(["01:00", "05:20", "06:00", "07:00"]);
  });

  test("runs once when the clock is set back a little just after a run", async () => {
    let corrected = false;
    const { runs } = await record("0 2 * * *", "UTC", "2026-02-01T00:00:00Z", "2026-02-01T12:00:00Z", {
      onWait: (clock) => {
        if (corrected || clock.nowMs <= Date.parse("2026-02-01T02:00:00Z")) return;
        corrected = true;
        clock.nowMs = Date.parse("2026-02-01T01:59:00Z");
      },
    });
    expect(corrected).toBe(true);
    expect(runs).toHaveLength(1);
  });

  test("goes by a clock that was wrong by months and is set right", async () => {
    let corrected = false;
    const { runs } = await record("0 2 * * *", "UTC", "2026-09-01T00:00:00Z", "2026-09-01T00:30:00Z", {
      onWait: (clock) => {
        if (!corrected) clock.nowMs = Date.parse("2026-02-01T01:00:00Z");
        corrected = true;
        if (clock.nowMs > Date.parse("2026-02-01T03:00:00Z"))
          clock.nowMs = Date.parse("2026-09-02T00:00:00Z");
      },
    });
    expect(runs[0]).toBe("2026-02-01T02:00:00.000Z");
  });

  test("does not run twice when a wait ends early", async () => {
    const { runs } = await record("0 2 * * *", "UTC", "2026-02-01T01:59:00Z", "2026-02-01T02:30:00Z", {
      onWait: (clock, ms) => {
        if (ms > 10) clock.nowMs -= 5;
      },
    });
    expect(runs).toEqual(["2026-02-01T02:00:00.000Z"]);
  });

  test("leaves out and counts what comes due while a run is on", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let begun = 0;
    const { skipped } = await record("0 * * * *", "UTC", "2026-02-01T00:30:00Z", "2026-02-01T05:30:00Z", {
      run: () => {
        begun += 1;
        return promise;
      },
      onWait: (clock) => {
        if (clock.nowMs >= Date.parse("2026-02-01T05:30:00Z")) resolve();
      },
    });
    expect([begun, skipped]).toEqual([1, 4]);
  });

  test("lets runs overlap where that is allowed", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let begun = 0;
    const { skipped } = await record("0 * * * *", "UTC", "2026-02-01T00:30:00Z", "2026-02-01T05:30:00Z", {
      overlap: true,
      run: () => {
        begun += 1;
        return promise;
      },
      onWait: (clock) => {
        if (clock.nowMs >= Date.parse("2026-02-01T05:30:00Z")) resolve();
      },
    });
    expect([begun, skipped]).toEqual([5, 0]);
  });

  test("begins with a run when asked to, and then goes by the timetable", async () => {
    const { runs } = await record("0 * * * *", "UTC", "2026-02-01T00:30:00Z", "2026-02-01T02:30:00Z", {
      onStart: true,
    });
    expect(runs.map((time) => time.slice(11, 16))).toEqual(["00:30", "01:00", "02:00"]);
  });

  test.each([
    ["rejects", () => Promise.reject(new Error("no"))],
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
  ])("goes on after a run that %s", async (_, run) => {
    const { errors } = await record("0 * * * *", "UTC", "2026-02-01T00:30:00Z", "2026-02-01T03:30:00Z", {
      run,
    });
    expect(errors).toHaveLength(3);
  });

  test("ends when it is stopped, but not before the run that is on", async () => {
    const stop = new AbortController();
    const order: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const ended = runSchedule(
      {
        timetable: timetableOf("0 2 * * *", "UTC"),
        clock: {
          now: () => new Date("2026-02-01T00:00:00Z"),
          wait: (_, signal) =>
            new Promise((done) => signal.addEventListener("abort", () => done(), { once: true })),
        },
        onStart: true,
        overlap: false,
        onSkip: () => undefined,
        onNext: () => undefined,
        onError: () => undefined,
        run: async () => {
          await promise;
          order.push("run ended");
        },
      },
      stop.signal,
    ).then(() => order.push("schedule ended"));
    stop.abort();
    await Promise.resolve();
    resolve();
    await ended;
    expect(order).toEqual(["run ended", "schedule ended"]);
  });

  test("runs nothing when it is stopped before it starts", async () => {
    let begun = 0;
    await runSchedule(
      {
        timetable: timetableOf("* * * * * *", "UTC"),
        clock: fakeClock("2026-02-01T00:00:00Z").clock,
        onStart: true,
        overlap: false,
        onSkip: () => undefined,
        onNext: () => undefined,
        onError: () => undefined,
        run: async () => {
          begun += 1;
        },
      },
      AbortSignal.abort(),
    );
    expect(begun).toBe(0);
  });

  test("tells when the next run is, and that there is none any more", async () => {
    const stop = new AbortController();
    const announced: (string | null)[] = [];
    const time = fakeClock("2026-02-01T00:00:00Z");
    await runSchedule(
      {
        timetable: timetableOf("0 0 2 1 3 * 2026", "UTC"),
        clock: time.clock,
        onStart: false,
        overlap: false,
        onSkip: () => undefined,
        onError: () => undefined,
        onNext: (at) => {
          announced.push(at?.toISOString() ?? null);
          if (at === null) stop.abort();
        },
        run: async () => undefined,
      },
      stop.signal,
    );
    expect(announced).toEqual(["2026-03-01T02:00:00.000Z", null]);
  });
});
