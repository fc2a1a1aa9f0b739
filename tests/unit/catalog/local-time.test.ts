import { describe, expect, test } from "bun:test";
import {
  dayBounds,
  instantsOf,
  offsetsOnEarthMs,
  readLocal,
  readOffset,
  writeLocal,
  writeOffset,
  writeRfc3339,
  zoneOffsets,
} from "../../../src/catalog/local-time.ts";

const at = (text: string): number => Date.parse(`${text}Z`);
const minutes = (count: number): number => count * 60_000;

test.each([
  ["UTC", "2026-07-01T00:00", 0],
  ["Europe/Berlin", "2026-01-01T00:00", 60],
  ["Europe/Berlin", "2026-07-01T00:00", 120],
  ["Europe/Berlin", "2026-03-29T00:59", 60],
  ["Europe/Berlin", "2026-03-29T01:00", 120],
  ["Asia/Kathmandu", "2026-01-01T00:00", 345],
  ["America/St_Johns", "2026-01-01T00:00", -210],
  ["Pacific/Kiritimati", "2026-01-01T00:00", 840],
])("the offset of %s at %s is %d minutes", (zone, time, offset) => {
  expect(zoneOffsets(zone)(at(time))).toBe(minutes(offset));
});

test("a zone that is none is refused", () => {
  expect(() => zoneOffsets("Mars/Base")).toThrow(RangeError);
});

describe("the instants at which clocks show a time", () => {
  test.each([
    ["Europe/Berlin", "2026-02-07T02:30", ["2026-02-07T01:30"]],
    ["Europe/Berlin", "2026-03-29T02:30", []],
    ["Europe/Berlin", "2026-10-25T02:30", ["2026-10-25T00:30", "2026-10-25T01:30"]],
    ["Pacific/Apia", "2011-12-30T12:00", []],
    ["UTC", "2026-03-29T02:30", ["2026-03-29T02:30"]],
  ])("of %s, %s", (zone, local, instants) => {
    const found = instantsOf(at(local), zoneOffsets(zone)).toSorted((a, b) => a - b);
    expect(found.map((ms) => new Date(ms).toISOString().slice(0, 16))).toEqual(instants);
  });
});

describe("the first and the last second of a day", () => {
  test.each([
    ["UTC", "2026-02-07", "2026-02-07T00:00:00", "2026-02-07T23:59:59"],
    ["Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00", "2026-03-29T21:59:59"],
    ["Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00", "2026-10-25T22:59:59"],
    ["America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00", "2018-11-05T01:59:59"],
  ])("in %s, %s", (zone, day, first, last) => {
    expect(dayBounds(at(`${day}T00:00`), zoneOffsets(zone))).toEqual({
      firstMs: at(first),
      lastMs: at(last),
    });
  });

  test("are none where the zone left the day out", () => {
    expect(dayBounds(at("2011-12-30T00:00"), zoneOffsets("Pacific/Apia"))).toBeNull();
  });
});

describe("a local time", () => {
  test.each([
    ["2026-02-07", "020000", "2026-02-07T02:00:00"],
    ["2024-02-29", "235959", "2024-02-29T23:59:59"],
  ])("%s %s is read as it is written", (date, time, text) => {
    expect(readLocal({ date, time })).toBe(at(text));
    expect(writeLocal(at(text))).toEqual({ date, time });
  });

  test.each([
    ["2026-02-30", "020000"],
    ["2026-02-29", "020000"],
    ["2026-13-01", "020000"],
    ["2026-02-07", "240000"],
    ["2026-02-07", "026000"],
    ["2026-02-07", "0200"],
  ])("%s %s does not exist", (date, time) => {
    expect(readLocal({ date, time })).toBeNull();
  });
});

describe("an offset", () => {
  test("of anywhere on Earth is read as it is written", () => {
    expect(offsetsOnEarthMs.filter((ms) => readOffset(writeOffset(ms)) !== ms)).toEqual([]);
    expect([offsetsOnEarthMs[0], offsetsOnEarthMs.at(-1)].map((ms) => writeOffset(ms ?? 0))).toEqual([
      "-1200",
      "+1400",
    ]);
    expect([0, minutes(330), minutes(-210)].map(writeOffset)).toEqual(["Z", "+0530", "-0330"]);
  });

  test.each(["", "z", "+0000", "-0000", "+2400", "+0560", "0530", "+05:30"])("%p is none", (text) => {
    expect(readOffset(text)).toBeNull();
  });
});

test.each([
  ["UTC", "2026-02-07T02:00:00.000Z", "2026-02-07T02:00:00.000Z"],
  ["Europe/Berlin", "2026-07-07T22:30:05.120Z", "2026-07-08T00:30:05.120+02:00"],
  ["America/St_Johns", "2026-02-07T02:00:00.000Z", "2026-02-06T22:30:00.000-03:30"],
])("a time in %s: %s is %s", (zone, utc, local) => {
  expect(writeRfc3339(Date.parse(utc), zoneOffsets(zone))).toBe(local);
  expect(new Date(local).toISOString()).toBe(utc);
});
