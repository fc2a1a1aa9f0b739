import { expect, test } from "bun:test";
import { Standstill, standstillLimits, stoodStill } from "../../../src/pipeline/standstill.ts";

const minute = 60_000;

test.each([
  ["a patient server leaves a place the run's own limit", 30 * minute, false, 30 * minute, 30 * minute],
  ["a server that gives up leaves it less while it dumps", 30 * minute, true, 45_000, 30 * minute],
  ["unless the run's own limit is smaller", 10_000, true, 10_000, 10_000],
  ["such a server's limit holds without one of the run, too", 0, true, 45_000, 0],
  ["no limit is none", 0, false, 0, 0],
])("%s", (_, stallMs, isImpatient, duringMs, afterMs) => {
  expect(standstillLimits(stallMs, isImpatient)).toEqual({ duringMs, afterMs });
});

test("a place stands still while it is waited for and takes nothing, and not before", () => {
  const clock = new Standstill(0);
  expect(clock.look(1000, false, 0)).toBe(0);
  expect(clock.look(2000, true, 0)).toBe(1000);
  expect(clock.look(3000, true, 10)).toBe(0);
  expect(clock.look(5000, true, 10)).toBe(2000);
  // The others have caught up: it is no more at fault.
  expect(clock.look(6000, false, 10)).toBe(0);
  expect(clock.look(7000, true, 10)).toBe(1000);
});

test("a place that is out says whose limit it was", () => {
  const limits = { duringMs: 45_000, afterMs: 30 * minute };
  expect(stoodStill(45_000, limits)).toMatchObject({
    message: "it stood still: not one byte was taken for 45 s",
    hint: expect.stringContaining("the server drops a dump"),
  });
  expect(stoodStill(30 * minute, limits).hint).toContain("BACKUP_STALL_TIMEOUT");
});
