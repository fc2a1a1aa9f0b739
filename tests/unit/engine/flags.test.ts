import { expect, test } from "bun:test";
import { findConflicts } from "../../../src/engine/flags.ts";

const flags = [
  { pattern: /^(-f.*|--file(=.*)?)$/, consequence: "a file" },
  { pattern: /^(-F|--format=)d$/, consequence: "a folder" },
];

test.each<[string, string[]]>([
  ["", []],
  ["--file=x", ["--file=x: a file"]],
  ["--file x", ["--file: a file"]],
  ["-fx -f x", ["-fx: a file", "-f: a file"]],
  ["-Fd", ["-Fd: a folder"]],
  ["-F d", ["-F d: a folder"]],
  ["--format d", ["--format d: a folder"]],
  ["--format=d", ["--format=d: a folder"]],
  ["--format c -F c", []],
  ["-F -v d", []],
  ["x --files file d", []],
  ["--table --file", ["--file: a file"]],
])("%p holds %j", (words, found) => {
  const conflicts = findConflicts(words.split(" "), flags);
  expect(conflicts.map(({ flag, consequence }) => `${flag}: ${consequence}`)).toEqual(found);
});

test("a flag whose value says nothing is never tried together with the next word", () => {
  const alone = [
    { pattern: /^-q?V$/, consequence: "a text", isAlone: true, refusal: "leave it out" },
  ] as const;
  const found = { consequence: "a text", refusal: "leave it out" };
  expect(findConflicts(["-q", "V", "-V", "-qV"], alone)).toEqual([
    { flag: "-V", ...found },
    { flag: "-qV", ...found },
  ]);
});
