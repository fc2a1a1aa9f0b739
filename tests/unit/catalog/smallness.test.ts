import { describe, expect, test } from "bun:test";
import type { Backup } from "../../../src/catalog/catalog.ts";
import { backupsBefore, isSmall, medianOf } from "../../../src/catalog/smallness.ts";

test.each([
  [[5], 5],
  [[9, 1, 5], 5],
  [[1, 2], 1.5],
  [[4, 1, 3, 2], 2.5],
  [[1, 1, 1, 1000, 1000], 1],
])("the median of %j is %d", (numbers, median) => {
  expect(medianOf(numbers)).toBe(median);
});

test.each<[number, number[], number, boolean]>([
  [49, [100], 50, true],
  [50, [100], 50, false],
  [51, [100], 50, false],
  [0, [100], 1, true],
  [99, [100], 100, true],
  [1, [100], 0, false],
  [1, [], 100, false],
  [1, [0], 100, false],
  // One odd backup decides nothing, on either side.
  [60, [100, 100, 100, 100, 9], 50, false],
  [40, [100, 100, 100, 100, 9], 50, true],
  [60, [100, 100, 9000, 100, 100], 50, false],
])("%d bytes after %j by %d %% are too few: %p", (bytes, others, percent, expected) => {
  expect(isSmall(bytes, others, percent)).toBe(expected);
});

describe("a backup is compared with", () => {
  const at = (day: number | null, name = `b${day}`): Backup => {
    const timeMs = day === null ? null : Date.UTC(2026, 1, day);
    return { name, bytes: 1, timeMs, latestMs: timeMs };
  };
  const newestFirst = [9, 8, 7, 6, 5, 4, 3, 2].map((day) => at(day));

  test.each<[string, Backup[], string, string[]]>([
    ["up to five before it", newestFirst, "b8", ["b7", "b6", "b5", "b4", "b3"]],
    ["fewer where there are no more", newestFirst, "b4", ["b3", "b2"]],
    ["nothing where it is the first", newestFirst, "b2", []],
    ["none of the future, nor without a time", [at(20), at(9), at(8), at(null)], "b9", ["b8"]],
    ["one of the same second", [at(9, "x"), at(9)], "x", ["b9"]],
    ["all where a listing does not show it yet", [at(9), at(8)], "b10", ["b9", "b8"]],
  ])("%s", (_, backups, name, before) => {
    expect(backupsBefore(backups, name).map((each) => each.name)).toEqual(before);
  });
});
