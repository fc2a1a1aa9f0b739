import { parse, type ParseEntry } from "shell-quote";
import { DbstashError } from "../errors.ts";

/** A quote that opens outside of quotes and meets no second one; a backslash hides a character, but not from single quotes. */
const unclosedQuote = /^(?:[^'"\\]|\\[^]|\\$|'[^']*'|"(?:[^"\\]|\\[^])*")*(?:'[^']*|"(?:[^"\\]|\\[^])*\\?)$/;

/**
 * Splits a line of arguments as a shell would, without being one: quotes group, globs and `$NAME` stay as written.
 * @throws DbstashError for operators and comments, which a user would expect a shell to carry out, and a quote left open.
 */
export function splitWords(line: string): string[] {
  if (unclosedQuote.test(line)) throw new DbstashError("has a quote that is not closed");
  return entriesOf(line).map((word) => {
    if (typeof word === "string") return word;
    if ("comment" in word) throw new DbstashError("has a # that begins a comment", "put the word in quotes");
    if (word.op === "glob") return word.pattern;
    throw new DbstashError(
      `has the shell operator ${word.op}`,
      "no shell runs these arguments; put the word in quotes",
    );
  });
}

function entriesOf(line: string): ParseEntry[] {
  try {
    return parse(line, (name) => `$${name}`);
  } catch {
    // Its one complaint ("Bad substitution").
    throw new DbstashError("holds ${ without a name and a closing }", "put the word in single quotes");
  }
}

/** A piece of a word: what stands in quotes, or behind a backslash, means no more than itself. */
export interface WordPart {
  readonly text: string;
  readonly isQuoted: boolean;
}

/** Text in single quotes, in double quotes, behind a backslash, white space, or other text. */
const parts = /'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^]?)|(\s+)|([^\s'"\\]+)/g;

/**
 * The same words, of which each piece tells whether it was quoted.
 * @throws what `splitWords` throws, and DbstashError for forms of quoting that only some shells have
 */
export function splitQuoted(line: string): WordPart[][] {
  const plain = splitWords(line);
  const words: WordPart[][] = [];
  let word: WordPart[] | null = null;
  for (const [, single, double, escaped, blank, bare] of line.matchAll(parts)) {
    if (blank !== undefined) {
      word = null;
      continue;
    }
    if (word === null) words.push((word = []));
    const quoted = single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped;
    word.push({ text: quoted ?? bare ?? "", isQuoted: quoted !== undefined });
  }
  if (words.some((pieces, at) => pieces.map(({ text }) => text).join("") !== plain[at]))
    throw new DbstashError("holds $ in a form that is not read here", "put the word in single quotes");
  return words;
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
