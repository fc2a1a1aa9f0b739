import type { Answered, Judgement, Remark } from "../engine/engine.ts";
import type { CheckEnding, Problem } from "../errors.ts";

/** One thing that was looked at, and what was found. */
export interface CheckLine {
  /** What it is about, in a word or two: `connection`. */
  readonly topic: string;
  readonly found: Problem;
  readonly ending: CheckEnding;
  /** It could not be tried, and a run may fail by it. */
  readonly isUntried?: true;
}

/** Takes a line as soon as it is known. */
export type Tell = (line: CheckLine) => void;

/** Something that is as it should be. */
export function well(topic: string, message: string): CheckLine {
  return { topic, found: { message }, ending: "well" };
}

/** Something that was not tried, or costs a run nothing. */
export function open(topic: string, found: Remark): CheckLine {
  return { topic, found: typeof found === "string" ? { message: found } : found, ending: "open" };
}

/** Something that could not be tried, and by which a run may fail. */
export function untried(topic: string, found: Remark): CheckLine {
  return { ...open(topic, found), isUntried: true };
}

/** Something because of which a run would fail, be stored with warnings, or not begin. */
export function bad(
  topic: string,
  found: Problem,
  ending: Exclude<CheckEnding, "well" | "open"> = "failed",
): CheckLine {
  return { topic, found, ending };
}

/** Whether a run would not end with 0 because of it. */
export function isBad({ ending }: CheckLine): boolean {
  return ending !== "well" && ending !== "open";
}

/**
 * The lines of several places as one run takes them: where one place can have the backup, what keeps it from another is
 * a warning of the run.
 */
export function ofAllPlaces(places: readonly (readonly CheckLine[])[]): CheckLine[] {
  const isUsable = places.some((lines) => lines.every(({ ending }) => ending !== "failed"));
  const lines = places.flat();
  if (!isUsable) return lines;
  return lines.map((line) => (line.ending === "failed" ? { ...line, ending: "incomplete" } : line));
}

/** What an engine has found, as a run takes it: problems end it, what is left out is a warning of the run. */
export function linesOf(topic: string, judgement: Judgement | Answered): CheckLine[] {
  const { problems, leftOut, warnings } = judgement;
  const found = "found" in judgement ? judgement.found : null;
  const notTried = "untried" in judgement ? judgement.untried : [];
  return [
    ...(found === null ? [] : [well(topic, found)]),
    ...problems.map((problem) => bad(topic, problem)),
    ...leftOut.map((remark) =>
      bad(topic, typeof remark === "string" ? { message: remark } : remark, "incomplete"),
    ),
    ...warnings.map((remark) => open(topic, remark)),
    ...notTried.map((remark) => untried(topic, remark)),
  ];
}
