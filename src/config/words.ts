import { parse } from "shell-quote";
import { DbstashError } from "../errors.ts";

/** A quote that opens outside of quotes and meets no second one; a backslash hides a character, but not from single quotes. */
const unclosedQuote = /^(?:[^'"\\]|\\[^]|\\$|'[^']*'|"(?:[^"\\]|\\[^])*")*(?:'[^']*|"(?:[^"\\]|\\[^])*\\?)$/;

/**
 * Splits a line of arguments as a shell would, without being one: quotes group, globs and `$NAME` stay as written.
 * @throws DbstashError for operators and comments, which a user would expect a shell to carry out, and a quote left open.
 */
export function splitWords(line: string): string[] {
  if (unclosedQuote.test(line)) throw new DbstashError("has a quote that is not closed");
  return parse(line, (name) => `$${name}`).map((word) => {
    if (typeof word === "string") return word;
    if ("comment" in word) throw new DbstashError("has a # that begins a comment", "put the word in quotes");
    if (word.op === "glob") return word.pattern;
    throw new DbstashError(
      `has the shell operator ${word.op}`,
      "no shell runs these arguments; put the word in quotes",
    );
  });
}

/**
 * Words that go to another program as flags.
 * @throws DbstashError for `"--transfers 2"`, which the program would take for one flag of that name
 */
export function checkedFlags(words: readonly string[]): readonly string[] {
  const flag = words.map((word) => /^(--[^\s=]+)\s/.exec(word)?.[1]).find((name) => name !== undefined);
  if (flag === undefined) return words;
  throw new DbstashError(
    `has ${flag} and what follows it as one word`,
    `close the quotes before the blank, or write ${flag}=…`,
  );
}
