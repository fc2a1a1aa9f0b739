import type { Problem } from "../../errors.ts";
import type { Judgement } from "../engine.ts";

/** What mongodump goes on without, and its warnings. */
export const mongoRemarks = /appears to have been dropped|namespace with DB .* does not exist|\bwarning\b/i;

/** Warnings of what is in the backup all the same. */
const harmless = /unsupported URI parameter|password provided directly|couldn't get version/i;

/** What mongodump says at exit 0 of what is not in its dump. */
export function judgeRemarks(remarks: string): Judgement {
  const lines = remarks.split("\n").filter((line) => mongoRemarks.test(line));
  // A line begins with the time.
  const sentences = lines.map((line) => line.replace(/^\S+\t/, ""));
  return {
    problems: [],
    warnings: sentences
      .filter((sentence) => harmless.test(sentence))
      .map((words) => ({ message: words, words })),
    leftOut: sentences.filter((sentence) => !harmless.test(sentence)).map(told),
  };
}

function told(words: string): Problem {
  const dropped = /the collection (.+) appears to have been dropped/.exec(words)?.[1];
  if (dropped === undefined) return { message: `mongodump warns: ${words}`, words };
  return {
    message: `a collection was dropped during the dump, and is not in it: ${dropped}`,
    words: dropped,
  };
}
