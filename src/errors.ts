/** How a process of dbstash ends: the one table that `--help` and the README print. */
export const exitCodes = {
  stored: { code: 0, meaning: "backup stored, in every place" },
  failed: {
    code: 1,
    meaning:
      "backup failed, of several at least one, or proven bad; nothing new stands but what is named as damaged",
  },
  usage: { code: 2, meaning: "usage or configuration error; nothing was run" },
  incomplete: {
    code: 3,
    meaning:
      "backup stored, but not everywhere, or a step failed, something was left out, or it was not checked",
  },
  skipped: { code: 4, meaning: "skipped; another run holds the lock" },
  hungUp: {
    code: 129,
    meaning: "stopped by SIGHUP, such as by a closed terminal; what was on was not published",
  },
  interrupted: { code: 130, meaning: "interrupted by SIGINT; what was on was not published" },
  terminated: { code: 143, meaning: "stopped by SIGTERM; what was on was not published" },
} as const;

/** One problem told to a person: a sentence, and what to do about it where that is known. */
export interface Problem {
  /** The whole sentence: our own words, names and paths, and at its end `words`. */
  readonly message: string;
  /** The foreign end of the message: what a tool, a server or the system said. It may hold secrets. */
  readonly words?: string;
  readonly hint?: string;
}

/**
 * An expected failure. What it says itself is a sentence of ours, in which no secret stands and nothing is redacted;
 * what others have said goes into `words`, which follow behind a colon.
 */
export class DbstashError extends Error {
  override readonly name: string = "DbstashError";
  readonly hint: string | undefined;
  readonly words: string | undefined;

  constructor(sentence: string, hint?: string, words?: string) {
    super(words === undefined || words === "" ? sentence : `${sentence}: ${words}`);
    this.hint = hint;
    this.words = words === "" ? undefined : words;
  }
}

/** A wrong call or wrong settings: every problem found, so that one look mends them all. */
export class UsageError extends DbstashError {
  override readonly name = "UsageError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((problem) => problem.message).join("; "));
    this.problems = problems;
  }
}

/** The signals that ask dbstash to stop. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

const exitOfSignal = { SIGINT: "interrupted", SIGTERM: "terminated", SIGHUP: "hungUp" } as const;

/** A person, or an init system, asked dbstash to stop. */
export class Interrupted extends DbstashError {
  override readonly name = "Interrupted";
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

/**
 * What anything thrown says, as a problem.
 * Errors that are not ours (a bug, the file system) keep their own words.
 */
export function toProblem(thrown: unknown): Problem {
  if (thrown instanceof DbstashError) {
    const { message, words, hint } = thrown;
    return {
      message,
      ...(words === undefined ? {} : { words }),
      ...(hint === undefined ? {} : { hint }),
    };
  }
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  return { message: words, words };
}

/** Takes a warning: a sentence of ours, or a problem with foreign words at its end. */
export type Warn = (problem: string | Problem) => void;

/** A problem behind a sentence of ours: `<sentence>: <its message>`, of which its words stay foreign. */
export function withSentence(sentence: string, problem: Problem): Problem {
  return { ...problem, message: `${sentence}: ${problem.message}` };
}

/** A warning as one text fit to be shown. */
export function sentenceOf(problem: string | Problem, redact: (text: string) => string): string {
  return typeof problem === "string" ? problem : shown(problem, redact).message;
}

/** A problem as something to be thrown. */
export function errorOf({ message, words, hint }: Problem): DbstashError {
  if (words === undefined) return new DbstashError(message, hint);
  return new DbstashError(message.slice(0, -words.length).replace(/: $/, ""), hint, words);
}

/** A problem fit to be shown: only its foreign words pass the redactor. */
export function shown({ message, words, hint }: Problem, redact: (text: string) => string): Problem {
  const clear = words === undefined ? message : message.slice(0, -words.length) + redact(words);
  return hint === undefined ? { message: clear } : { message: clear, hint };
}

/** Words of a tool, and what to tell who meets them. */
export type Advice = readonly [pattern: RegExp, hint: string];

/** The first advice whose pattern a tool's words meet; null where there is none. */
export function advise(words: string, table: readonly Advice[]): string | null {
  return table.find(([pattern]) => pattern.test(words))?.[1] ?? null;
}

/** How a run ended, as far as its exit code goes. */
export interface RunEnding {
  readonly isStored: boolean;
  readonly isWarned: boolean;
  /** What was thrown, for one that is not stored. */
  readonly error: unknown;
}

/** The exit code of a run. */
export function exitCodeOfRun({ isStored, isWarned, error }: RunEnding): number {
  if (!isStored) return exitCodeOfError(error);
  return isWarned ? exitCodes.incomplete.code : exitCodes.stored.code;
}

/** How a run of several databases ended, as far as its exit code goes. */
export interface SeveralEnding {
  /** The signal that ended it early; what was stored before stands. */
  readonly signal: StopSignal | null;
  /** One backup failed at least, or the run before any. */
  readonly isFailed: boolean;
  /** Other runs hold the locks of all. */
  readonly isSkipped: boolean;
  readonly isWarned: boolean;
}

/** The exit code of a run of several databases. */
export function exitCodeOfSeveral({ signal, isFailed, isSkipped, isWarned }: SeveralEnding): number {
  if (signal !== null) return exitCodes[exitOfSignal[signal]].code;
  if (isSkipped) return exitCodes.skipped.code;
  if (isFailed) return exitCodes.failed.code;
  return isWarned ? exitCodes.incomplete.code : exitCodes.stored.code;
}

/** The exit code of what kept the program from its work. */
export function exitCodeOfError(error: unknown): number {
  if (error instanceof Interrupted) return exitCodes[exitOfSignal[error.signal]].code;
  return error instanceof UsageError ? exitCodes.usage.code : exitCodes.failed.code;
}

/**
 * What a run would come to because of one thing that `check` has tried: nothing wrong; not tried, or of no cost; stored
 * with warnings; failed; not begun.
 */
export type CheckEnding = "well" | "open" | "incomplete" | "failed" | "usage";

/** The exit code of `check`: what a run would end with. A wrong setting keeps it from beginning, a failure outweighs a warning. */
export function exitCodeOfCheck(endings: readonly CheckEnding[]): number {
  const worst = (["usage", "failed", "incomplete"] as const).find((ending) => endings.includes(ending));
  return exitCodes[worst ?? "stored"].code;
}

/** The exit code of a look at a stored backup: `good`, `bad` (or not there), or that nobody could tell. */
export function exitCodeOfVerdict(outcome: "good" | "bad" | "unchecked"): number {
  return { good: exitCodes.stored, bad: exitCodes.failed, unchecked: exitCodes.incomplete }[outcome].code;
}
