import { describe, expect, test } from "bun:test";
import { bad, type CheckLine, open, untried, well } from "../../../src/checks/line.ts";
import { answerOf, checkOfSettings, lineInWords } from "../../../src/commands/check.ts";
import { redactor } from "../../../src/config/secret.ts";
import { type CheckEnding, exitCodeOfCheck } from "../../../src/errors.ts";

const redact = redactor(["hunter2"]);

describe("a line of check", () => {
  test.each<[CheckLine, string]>([
    [well("place", "it answers"), "✓ place        it answers\n"],
    [open("retention", "off"), "– retention    off\n"],
    [
      bad("connection", { message: "it fails: pw hunter2", words: "pw hunter2", hint: "check it" }),
      "✗ connection   it fails: pw [secret]\n               hint: check it\n",
    ],
    [bad("hooks", { message: "one\ntwo" }, "incomplete"), "✗ hooks        one\n               two\n"],
  ])("%j", (line, text) => {
    expect(lineInWords(line, redact)).toBe(text);
  });
});

describe("what a run would end with", () => {
  test.each<[CheckEnding[], number]>([
    [[], 0],
    [["well", "open"], 0],
    [["well", "incomplete"], 3],
    [["incomplete", "failed", "incomplete"], 1],
    [["failed", "usage"], 2],
  ])("%j is %d", (endings, code) => {
    expect(exitCodeOfCheck(endings)).toBe(code);
  });
});

describe("the last line", () => {
  test.each<[CheckLine[], string]>([
    [[well("a", "b"), open("c", "d")], "all is well: a run would end with 0\n"],
    [
      [well("a", "b"), untried("c", "d")],
      "all is well as far as it could be tried: a run would end with 0\n",
    ],
    [[untried("c", "d"), bad("e", { message: "f" })], "1 wrong: a run would end with 1\n"],
  ])("of %j", (lines, text) => {
    expect(answerOf(lines, { isJson: false, redact }).text).toBe(text);
  });
});

describe("settings that keep a run from beginning", () => {
  const problems = [{ message: "A is wrong", hint: "mend it" }, { message: "B is wrong" }];

  test("are lines", () => {
    expect(checkOfSettings(problems, { isJson: false, redact })).toEqual({
      code: 2,
      text: "✗ settings     A is wrong\n               hint: mend it\n✗ settings     B is wrong\n2 wrong: a run would end with 2\n",
    });
  });

  test("are objects of the document", () => {
    const { code, text } = checkOfSettings(problems, { isJson: true, redact });
    expect(code).toBe(2);
    expect(JSON.parse(text)).toEqual({
      checks: [
        { topic: "settings", result: "failed", found: "A is wrong", hint: "mend it", exit_code: 2 },
        { topic: "settings", result: "failed", found: "B is wrong", hint: null, exit_code: 2 },
      ],
      exit_code: 2,
    });
  });
});
