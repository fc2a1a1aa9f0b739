import { expect, test } from "bun:test";
import { humanAge, humanBytes, humanDuration } from "../../src/human.ts";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [10 * 1024, "10.0 KiB"],
  [1023.9 * 1024, "1023.9 KiB"],
  [1024 ** 2 - 1, "1.0 MiB"],
  [5.25 * 1024 ** 3, "5.3 GiB"],
  [48 * 1024 ** 3, "48.0 GiB"],
  [3 * 1024 ** 5, "3.0 PiB"],
])("%i bytes read as %s", (bytes, expected) => {
  expect(humanBytes(bytes)).toBe(expected);
});

test.each([
  [0, "0 ms"],
  [850, "850 ms"],
  [4200, "4.2 s"],
  [59_940, "59.9 s"],
  [59_999, "1m 0s"],
  [192_000, "3m 12s"],
  [3_605_000, "1h 0m 5s"],
])("%i ms read as %s", (durationMs, expected) => {
  expect(humanDuration(durationMs)).toBe(expected);
});

test.each([
  [-5, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_599_999, "59 min"],
  [3_600_000, "1 h"],
  [5_400_000, "1 h 30 min"],
  [86_400_000, "1 d"],
  [90_000_000, "1 d 1 h"],
  [273_600_000, "3 d 4 h"],
  [86_400_000 + 3_599_999, "1 d"],
])("an age of %d ms is %s", (ms, text) => {
  expect(humanAge(ms)).toBe(text);
});
