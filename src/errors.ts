/** How a process of dbstash ends: the one table that `--help` and the README print. */
export const exitCodes = {
  stored: { code: 0, meaning: "backup stored" },
  failed: { code: 1, meaning: "backup failed, or was proven bad; nothing new stands under a final name" },
  usage: { code: 2, meaning: "usage or configuration error; nothing was run" },
  incomplete: {
    code: 3,
    meaning: "backup stored, but a later step failed or its verification could not be carried out",
  },
  skipped: { code: 4, meaning: "skipped; another run holds the lock" },
  interrupted: { code: 130, meaning: "interrupted by SIGINT; nothing was published" },
  terminated: { code: 143, meaning: "stopped by SIGTERM; nothing was published" },
} as const;

/** One problem told to a person: a sentence, and what to do about it where that is known. */
export interface Problem {
  readonly message: string;
  readonly hint?: string;
}

/** An expected failure. Its message is a sentence for the user and never holds a secret in clear. */
export class DbstashError extends Error {
  override readonly name: string = "DbstashError";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
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

/** A person, or an init system, asked dbstash to stop. */
export class Interrupted extends DbstashError {
  override readonly name = "Interrupted";
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
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
    return thrown.hint === undefined
      ? { message: thrown.message }
      : { message: thrown.message, hint: thrown.hint };
  }
  return { message: thrown instanceof Error ? thrown.message : String(thrown) };
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

/** The exit code of what kept the program from its work. */
export function exitCodeOfError(error: unknown): number {
  if (error instanceof Interrupted)
    return exitCodes[error.signal === "SIGINT" ? "interrupted" : "terminated"].code;
  return error instanceof UsageError ? exitCodes.usage.code : exitCodes.failed.code;
}

/** The exit code of a look at a stored backup: `good`, `bad` (or not there), or that nobody could tell. */
export function exitCodeOfVerdict(outcome: "good" | "bad" | "unchecked"): number {
  return { good: exitCodes.stored, bad: exitCodes.failed, unchecked: exitCodes.incomplete }[outcome].code;
}
