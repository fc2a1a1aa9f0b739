import { describe, expect, test } from "bun:test";
import { LineSplitter, Tail } from "../../../src/process/lines.ts";

describe("lines of a tool", () => {
  const split = (...parts: string[]) => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (const part of parts) splitter.push(new TextEncoder().encode(part));
    splitter.end();
    return lines;
  };

  test.each<[string[], string[]]>([
    [["a\nb\n"], ["a", "b"]],
    [
      ["a", "b\nc"],
      ["ab", "c"],
    ],
    [["1 %\r2 %\r\nend"], ["1 %", "2 %", "end"]],
    [[], []],
  ])("%j are %j", (parts, lines) => {
    expect(split(...parts)).toEqual(lines);
  });

  test("a line without an end does not grow for ever", () => {
    expect(split("x".repeat(20_000), "y".repeat(20_000))[0]).toHaveLength(12_288);
    expect(split("x".repeat(16_384))[0]).toHaveLength(16_384);
  });

  test("a line that is cut ends well before a secret that lies across the cut", () => {
    const secret = "s3cret".repeat(100);
    const line = `${"x".repeat(16_384 - 300)}${secret}`;
    for (const end of ["", "\n"]) expect(split(line, end)[0]).toBe("x".repeat(12_288));
  });

  test("a tail keeps the last lines, without blank ones", () => {
    const tail = new Tail(2);
    for (const line of ["a", " ", "b", "c"]) tail.add(line);
    expect(tail.lines).toEqual(["b", "c"]);
  });
});
