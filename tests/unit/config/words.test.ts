import { expect, test } from "bun:test";
import { splitQuoted, splitWords } from "../../../src/config/words.ts";

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
  ["x ${}", "holds ${ without a name"],
  ["${x", "holds ${ without a name"],
])("%s is refused, since no shell runs it", (line, message) => {
  expect(() => splitWords(line)).toThrow(message);
});

test.each<[string, string[]]>([
  ["a* b", ["a*", "b"]],
  ["'a*' b", ["(a*)", "b"]],
  ['a"b*"c', ["a(b*)c"]],
  ["a\\*b\\ c", ["a(*)b( )c"]],
  ['"a\\*\\"\\$x"', ['(a\\*"$x)']],
  ["''", ["()"]],
  ["!x $y", ["!x", "$y"]],
])("of %j what is quoted is known", (line, words) => {
  const shown = splitQuoted(line).map((word) =>
    word.map(({ text, isQuoted }) => (isQuoted ? `(${text})` : text)).join(""),
  );
  expect(shown).toEqual(words);
});

test.each(["$'a'", "${x}", "x ${}"])("what only some shells read is refused: %s", (line) => {
  expect(() => splitQuoted(line)).toThrow();
});
