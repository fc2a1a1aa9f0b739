import { expect, test } from "bun:test";
import { humanAge, table } from "../../../src/commands/table.ts";

test("a table has its columns below each other, and nothing at the end of a row", () => {
  expect(
    table(
      [
        ["A", "B", "C"],
        ["long", "1", ""],
        ["x", "100", "y"],
      ],
      [1],
    ),
  ).toBe("A       B  C\nlong    1\nx     100  y\n");
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
  [86_400_000 + 3_599_999, "1 d"],
])("an age of %d ms is %s", (ms, text) => {
  expect(humanAge(ms)).toBe(text);
});
