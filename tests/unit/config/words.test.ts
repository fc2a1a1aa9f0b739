import { expect, test } from "bun:test";
import { splitWords } from "../../../src/config/words.ts";

test.each<[string, string[]]>([
  ["", []],
  ["  -a   -b ", ["-a", "-b"]],
  ["--where='id > 1'", ["--where=id > 1"]],
  [`"a b"c'd e'`, ["a bcd e"]],
  ["a\\ b", ["a b"]],
  ["''", [""]],
  ["-T log_* -T 'x?'", ["-T", "log_*", "-T", "x?"]],
  ["$HOME ${HOME} '$HOME'", ["$HOME", "$HOME", "$HOME"]],
  ["'it'\\''s'", ["it's"]],
])("%j is split as %j", (line, words) => {
  expect(splitWords(line)).toEqual(words);
});

test.each([
  ["-T a && rm x", "has the shell operator &&"],
  ["a > b", "has the shell operator >"],
  ["a; b", "has the shell operator ;"],
  ["(a)", "has the shell operator ("],
  ["a # b", "has a # that begins a comment"],
  ["it's", "has a quote that is not closed"],
  ['"a\\"', "has a quote that is not closed"],
])("%s is refused, since no shell runs it", (line, message) => {
  expect(() => splitWords(line)).toThrow(message);
});
