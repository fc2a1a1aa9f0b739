import { expect, test } from "bun:test";
import { table } from "../../../src/commands/table.ts";

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
