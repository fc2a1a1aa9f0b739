import { type Advice, advise, type Problem } from "../errors.ts";
import type { Answered, ProbeOutcome } from "./engine.ts";

/** So many names of what is wrong are told; the rest is counted. */
const mostNames = 5;
/** Lines of a client's words that are quoted. */
const quotedLines = 4;

/** What dump tools say of a server that takes the connection and stays silent, after a limit of their own. */
const wordsOfSilence = "timeout expired; i/o timeout";

/** What has nothing wrong with it. */
export function allWell(found: string | null): Answered {
  return { found, problems: [], warnings: [], leftOut: [], untried: [] };
}

/** An answer of problems alone. */
export function nothingBut(...problems: readonly Problem[]): Answered {
  return { ...allWell(null), problems };
}

/** What is told of a client that did not get its answer. */
export function unanswered(
  { isLate, stderr, stdout }: Pick<ProbeOutcome, "isLate" | "stderr" | "stdout">,
  what: string,
  advice: readonly Advice[],
): Problem {
  // redis-cli tells errors where it tells answers.
  const lines = (stderr.trim() === "" ? stdout : stderr).split("\n").filter((line) => line.trim() !== "");
  const words = lines.slice(-quotedLines).join("; ");
  const hint = advise(words, advice) ?? (isLate ? advise(wordsOfSilence, advice) : null);
  const sentence = isLate ? `${what}: there was no answer in time` : what;
  return {
    message: words === "" ? sentence : `${sentence}: ${words}`,
    ...(words === "" ? {} : { words }),
    ...(hint === null ? {} : { hint }),
  };
}

/** `3 tables (a, b, c)`: a count with the first names of what is counted. */
export function counted(names: readonly string[], one: string, several: string): string {
  const shown = names.slice(0, mostNames).join(", ");
  const more = names.length > mostNames ? ", …" : "";
  return `${names.length} ${names.length === 1 ? one : several} (${shown}${more})`;
}
