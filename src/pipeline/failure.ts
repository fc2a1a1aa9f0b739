import type { Review } from "../engine/engine.ts";
import { DbstashError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { describeExit, type Exit } from "../process/exit.ts";
import type { Tail } from "../process/lines.ts";

/** Lines of a tool's messages that an error quotes. */
const quotedLines = 4;

/** mongodump draws its progress among its messages, every three seconds. */
const progressBar = /\[[#.]{10,}\]/;

/** What a tool said last, on one line and without its progress; empty where it said nothing. */
export function quoted(messages: Tail): string {
  const said = messages.lines.filter((line) => !progressBar.test(line));
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
  const said = words === "" ? "" : `: ${words}`;
  return new DbstashError(`${title} failed (${how})${said}`, hint ?? undefined);
}

/** Tells the warnings of an engine. @throws DbstashError with the first problem it found */
export function heed({ problems, warnings }: Review, log: Logger): void {
  for (const warning of new Set(warnings)) log.warn(warning);
  const [problem] = problems;
  if (problem !== undefined) throw new DbstashError(problem.message, problem.hint);
}
