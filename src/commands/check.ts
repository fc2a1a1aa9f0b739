import { type CheckDoors, examine } from "../checks/examine.ts";
import type { CheckLine } from "../checks/line.ts";
import type { Redact } from "../config/secret.ts";
import { type CheckEnding, exitCodeOfCheck, type Problem, shown } from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { Answer } from "./answer.ts";
import { forPeople, nextRuns } from "./dry-run.ts";

/** How a check is told. */
export interface CheckReport {
  readonly isJson: boolean;
  readonly redact: Redact;
  /** Takes lines of text as they come; with JSON there is one document at the end. */
  readonly print: (text: string) => void;
}

/**
 * Tries everything that a run will need, and prints a line for each thing.
 * @param sends whether a message is really sent
 * @returns exit code: what a run would end with; and what is not yet printed
 * @throws the signal's reason
 */
export async function checkJob(
  job: Job,
  doors: CheckDoors,
  sends: boolean,
  report: CheckReport,
): Promise<Answer> {
  const lines: CheckLine[] = [];
  const tell = (line: CheckLine): void => {
    lines.push(line);
    if (!report.isJson) report.print(lineInWords(line, report.redact));
  };
  const runs = nextRuns(job, false, doors.now()).map((run) => ({ ...run, time: forPeople(run.time) }));
  await examine(job, doors, { sends, runs }, tell);
  return answerOf(lines, report);
}

/** What is told where settings keep a check, as a run, from beginning. */
export function checkOfSettings(
  problems: readonly Problem[],
  report: Pick<CheckReport, "isJson" | "redact">,
): Answer {
  const lines = problems.map((found): CheckLine => ({ topic: "settings", found, ending: "usage" }));
  const { code, text } = answerOf(lines, report);
  const said = report.isJson ? [] : lines.map((line) => lineInWords(line, report.redact));
  return { code, text: said.join("") + text };
}

/** The exit code, and what is told at the end. */
export function answerOf(
  lines: readonly CheckLine[],
  { isJson, redact }: Pick<CheckReport, "isJson" | "redact">,
): Answer {
  const code = exitCodeOfCheck(lines.map(({ ending }) => ending));
  if (isJson) return { code, text: asJson(lines, code, redact) };
  const wrong = lines.filter(({ ending }) => marks[ending].sign === "✗").length;
  const isTried = lines.every(({ isUntried }) => isUntried !== true);
  const well = isTried ? "all is well" : "all is well as far as it could be tried";
  const sum =
    wrong === 0 ? `${well}: a run would end with 0` : `${wrong} wrong: a run would end with ${code}`;
  return { code, text: `${sum}\n` };
}

const marks: Readonly<Record<CheckEnding, { readonly sign: string; readonly word: string }>> = {
  well: { sign: "✓", word: "ok" },
  open: { sign: "–", word: "open" },
  incomplete: { sign: "✗", word: "failed" },
  failed: { sign: "✗", word: "failed" },
  usage: { sign: "✗", word: "failed" },
};

/** So wide is the longest topic. */
const topicWidth = 11;

/** `✗ rights      …`, and its hint below. */
export function lineInWords({ topic, found, ending }: CheckLine, redact: Redact): string {
  const { message, hint } = shown(found, redact);
  const indent = " ".repeat(topicWidth + 4);
  const text = message.trimEnd().replaceAll("\n", `\n${indent}`);
  const advice = hint === undefined ? "" : `${indent}hint: ${hint}\n`;
  return `${marks[ending].sign} ${topic.padEnd(topicWidth)}  ${text}\n${advice}`;
}

function asJson(lines: readonly CheckLine[], code: number, redact: Redact): string {
  const checks = lines.map(({ topic, found, ending }) => {
    const { message, hint = null } = shown(found, redact);
    return { topic, result: marks[ending].word, found: message, hint, exit_code: exitCodeOfCheck([ending]) };
  });
  return `${JSON.stringify({ checks, exit_code: code }, null, 2)}\n`;
}
