import { describe, expect, test } from "bun:test";
import { type Clock, runSchedule, type ScheduleParts, timetableOf } from "../../src/daemon/scheduler.ts";

/** A clock whose waits pass at once; `onWait` may set it. */
function fakeClock(start: string, onWait: (clock: { nowMs: number }, ms: number) => void = () => undefined) {
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
async function record(
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

describe("a daily job where clocks change", () => {
  test.each([
    ["Europe/Berlin", "30 2 * * *", "2026-03-29", ["01:00"], "left out: at the gap's end"],
    ["Europe/Berlin", "30 2 * * *", "2026-10-25", ["00:30"], "comes twice: the first time"],
    ["Europe/Berlin", "0 2,14 * * *", "2026-03-29", ["01:00", "12:00"], "also beside another hour"],
    ["Europe/Berlin", "0 2,14 * * *", "2026-10-25", ["00:00", "13:00"], "also beside another hour"],
    ["Europe/Berlin", "15,45 2 * * *", "2026-03-29", ["01:00"], "two left out are one run"],
    ["Europe/Berlin", "15,45 2 * * *", "2026-10-25", ["00:15", "00:45"], "each the first time"],
    ["Europe/Berlin", "0 3 * * *", "2026-03-29", ["01:00"], "at the gap's end itself"],
    ["Europe/Berlin", "0 3 * * *", "2026-10-25", ["02:00"], "after the repeated hour"],
    ["Europe/Berlin", "30 2 * * SUN", "2026-03-29", ["01:00"], "by the weekday"],
    ["America/New_York", "30 2 * * *", "2026-03-08", ["07:00"], "west of Greenwich"],
    ["America/New_York", "30 1 * * *", "2026-11-01", ["05:30"], "west of Greenwich"],
    ["Australia/Lord_Howe", "15 2 * * *", "2026-10-03", ["15:30"], "a gap of half an hour"],
    ["America/Sao_Paulo", "0 0 * * *", "2018-11-04", ["03:00"], "at midnight"],
    ["UTC", "30 2 * * *", "2026-03-29", ["02:30"], "a zone without change"],
    ["Europe/Berlin", "@daily", "2026-03-29", ["22:00"], "a nickname"],
  ])("%s, %s on %s runs at %p (%s)", async (timeZone, expression, day, times) => {
    const start = new Date(Date.parse(day) - 1000).toISOString();
    const { runs } = await record(expression, timeZone, start, `${day}T23:59:00Z`);
    expect(runs.map((time) => time.slice(11, 16))).toEqual(times);
  });

  test("02:30 in Berlin runs once a day all through the year", async () => {
    const { runs } = await record(
      "30 2 * * *",
      "Europe/Berlin",
      "2026-01-01T00:00:00Z",
      "2027-01-01T00:00:00Z",
    );
    const day = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Berlin" });
    expect(new Set(runs.map((time) => day.format(new Date(time)))).size).toBe(365);
    expect(runs).toHaveLength(365);
  });

  test("a start within the repeated hour waits for the next day", () => {
    const next = timetableOf("30 2 * * *", "Europe/Berlin");
    for (const time of ["00:30", "00:45", "01:00", "01:29", "01:30", "01:31"])
      expect(next(new Date(`2026-10-25T${time}:00Z`))?.toISOString()).toBe("2026-10-26T01:30:00.000Z");
  });
});

test.each([
  ["2026-03-28T23:30:00Z", ["00:00", "01:00", "02:00", "03:00"]],
  ["2026-10-24T23:30:00Z", ["00:00", "01:00", "02:00", "03:00"]],
])("an hourly job runs every hour where clocks change (from %s)", (start, times) => {
  const next = timetableOf("0 * * * *", "Europe/Berlin");
  let at = new Date(start);
  const found = times.map(() => {
    at = next(at) ?? at;
    return at.toISOString().slice(11, 16);
  });
  expect(found).toEqual(times);
});

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
