import { describe, expect, test } from "bun:test";
import {
  advise,
  DbstashError,
  exitCodeOfError,
  exitCodeOfRun,
  exitCodeOfVerdict,
  Interrupted,
  toProblem,
  UsageError,
} from "../../src/errors.ts";

const usage = new UsageError([{ message: "one is wrong" }, { message: "two is wrong", hint: "mend it" }]);

describe("what was thrown, as a problem", () => {
  test.each<[string, unknown, { message: string; hint?: string }]>([
    ["ours", new DbstashError("no such remote"), { message: "no such remote" }],
    ["ours with a hint", new DbstashError("a", "b"), { message: "a", hint: "b" }],
    ["several", usage, { message: "one is wrong; two is wrong" }],
    ["a signal", new Interrupted("SIGINT"), { message: "stopped by SIGINT" }],
    ["somebody else's error", new TypeError("x is undefined"), { message: "x is undefined" }],
    ["a string", "gone", { message: "gone" }],
    ["nothing", undefined, { message: "undefined" }],
  ])("%s", (_, thrown, problem) => {
    const { message, hint } = toProblem(thrown);
    expect(hint === undefined ? { message } : { message, hint }).toEqual(problem);
  });
});

describe("the exit code", () => {
  test.each<[string, Parameters<typeof exitCodeOfRun>[0], number]>([
    ["stored", { isStored: true, isWarned: false, error: null }, 0],
    ["stored, with a later step that failed", { isStored: true, isWarned: true, error: null }, 3],
    ["stored, and thrown after it", { isStored: true, isWarned: true, error: new Interrupted("SIGTERM") }, 3],
    ["failed", { isStored: false, isWarned: false, error: new DbstashError("no") }, 1],
    ["failed, after a warning", { isStored: false, isWarned: true, error: new DbstashError("no") }, 1],
    ["failed by a fault of ours", { isStored: false, isWarned: false, error: new TypeError("no") }, 1],
    ["interrupted", { isStored: false, isWarned: false, error: new Interrupted("SIGINT") }, 130],
    ["terminated", { isStored: false, isWarned: true, error: new Interrupted("SIGTERM") }, 143],
    ["wrong settings", { isStored: false, isWarned: false, error: usage }, 2],
  ])("of a run that is %s", (_, ending, code) => {
    expect(exitCodeOfRun(ending)).toBe(code);
  });

  test.each<[string, unknown, number]>([
    ["wrong settings", usage, 2],
    ["a signal", new Interrupted("SIGTERM"), 143],
    ["a failure", new DbstashError("no"), 1],
    ["anything else", "no", 1],
  ])("of a program that %s kept from its work", (_, error, code) => {
    expect(exitCodeOfError(error)).toBe(code);
  });

  test.each([
    ["good", 0],
    ["bad", 1],
    ["unchecked", 3],
  ] as const)("of a stored backup that is %s", (outcome, code) => {
    expect(exitCodeOfVerdict(outcome)).toBe(code);
  });
});

test.each([
  ["disk full", "make room"],
  ["disk full, permission denied", "make room"],
  ["permission denied", "ask"],
  ["something else", null],
])("the first advice that fits %p is %p", (words, hint) => {
  const table = [
    [/disk full/, "make room"],
    [/denied/, "ask"],
  ] as const;
  expect(advise(words, table)).toBe(hint);
});
