import { DbstashError } from "../errors.ts";
import { describeExit, type Exit } from "./exit.ts";
import type { Tail } from "./lines.ts";

/** Lines of a tool's messages that an error quotes. */
const quotedLines = 4;

/** mongodump draws its progress among its messages, every three seconds; age asks to report what it has said. */
const noise = /\[[#.]{10,}\]|^age: report unexpected/;

/** What a tool said last, on one line and without its progress; empty where it said nothing. */
export function quoted(messages: Tail): string {
  const said = messages.lines.filter((line) => !noise.test(line));
  return said.slice(-quotedLines).join("; ");
}

/**
 * The error of a process that did not end as it should: who, how, and its own words.
 * @param exit null for one that never ended by itself
 */
export function processFailure(
  title: string,
  exit: Exit | null,
  words: string,
  hint: string | null,
): DbstashError {
  const how = exit === null ? "stopped" : describeExit(exit);
  return new DbstashError(`${title} failed (${how})`, hint ?? undefined, words);
}
