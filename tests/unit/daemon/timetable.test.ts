import { describe, expect, test } from "bun:test";
import { timetableOf } from "../../../src/daemon/scheduler.ts";
import { record } from "./schedule-record.ts";

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
