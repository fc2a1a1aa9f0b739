import { expect, test } from "bun:test";
import { Remarks } from "../../../src/pipeline/remarks.ts";

function told(pattern: RegExp | null, lines: readonly string[]): Remarks {
  const remarks = new Remarks(pattern);
  for (const line of lines) remarks.add(line);
  return remarks;
}

test("remarks are those lines that the engine wants to see, however much is said after them", () => {
  const ordinary = Array.from({ length: 20_000 }, (_, index) => `dumping table ${index}`);
  const remarks = told(/warning|detail/, ["tool: warning: a:", "tool: detail: b", ...ordinary]);
  expect(remarks.toString()).toBe("tool: warning: a:\ntool: detail: b");
  expect(remarks.overflow).toBeNull();
});

test("an engine that judges no line gets none", () => {
  expect(told(null, ["tool: warning: a"]).toString()).toBe("");
});

test.each([
  ["many", Array.from({ length: 1000 }, (_, index) => `w ${index}`), 200, 800],
  ["long", Array.from({ length: 10 }, () => `w ${"x".repeat(16_000)}`), 4, 6],
])("of %s remarks the first are kept and the others counted", (_, lines, kept, lost) => {
  const remarks = told(/^w /, lines);
  expect(remarks.toString().split("\n")).toEqual(lines.slice(0, kept));
  expect(remarks.overflow).toBe(`the dump tool had ${lost} more lines of warnings, which are not shown`);
});
