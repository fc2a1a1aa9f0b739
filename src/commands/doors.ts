import { hostname, tmpdir } from "node:os";
import { hookEnvironment, toolEnvironment } from "../config/child-environment.ts";
import { type Redact, redactor, visible } from "../config/secret.ts";
import {
  exitCodeOfError,
  type Problem,
  sentenceOf,
  shown,
  toProblem,
  UsageError,
  type Warn,
} from "../errors.ts";
import type { Job } from "../job/job.ts";
import { systemDoors } from "../notify/webhook.ts";
import type { Output } from "../output.ts";
import type { Libc } from "../process/libc.ts";
import { lockFolders } from "../process/lock.ts";
import type { WorkshopDoors } from "../process/workshop.ts";
import type { RunDoors } from "../run.ts";
import type { Signals, Uncaught } from "../signals.ts";
import type { Answer, LookDoors } from "./answer.ts";
import { openLog } from "./log.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** What the process itself has: its two streams, its signals, its clock, and the errors that nobody caught. */
export interface Process {
  readonly libc: Libc;
  readonly out: Output;
  readonly err: Output;
  readonly signals: Signals;
  readonly uncaught: Uncaught;
  readonly now: () => Date;
  readonly uid: number;
}

/** What commands that look at places are given. @param env the variables of this process and of `--env-file` */
export function lookDoors(job: Job, env: Variables, { err, libc, signals, now, uid }: Process): LookDoors {
  const redact = redactor(job.secrets);
  const warn: Warn = (problem) => err.write(`warning: ${sentenceOf(problem, redact)}\n`);
  return {
    ...workshopDoors(libc, env),
    warn,
    redact,
    now,
    lockFolders: lockFolders(env, tempRoot(env), uid),
    signal: signals.first,
  };
}

/** What runs are given. @param env the variables of this process and of `--env-file` */
export function runDoors(job: Job, redact: Redact, env: Variables, own: Process): RunDoors {
  const { libc, out, err, signals, uncaught, now, uid } = own;
  const isTerminal = (fd: number): boolean => libc.isTerminal(fd);
  return {
    ...workshopDoors(libc, env),
    ...openLog(job, { out, err, isTerminal, mayColour: !env["NO_COLOR"], redact, now }),
    redact,
    now,
    hookEnv: hookEnvironment(env),
    lockFolders: lockFolders(env, tempRoot(env), uid),
    notify: systemDoors,
    stop: signals.first,
    giveUp: signals.second,
    host: hostname(),
    onUncaught: (tell) => uncaught.listen(tell),
  };
}

function workshopDoors(libc: Libc, env: Variables): WorkshopDoors {
  return { libc, toolEnv: toolEnvironment(env), tempRoot: tempRoot(env) };
}

function tempRoot(env: Variables): string {
  return env["TMPDIR"] || tmpdir();
}

/** Prints what a command found. @returns its exit code */
export function print({ out }: Process, { text, code }: Answer): number {
  out.print(visible(text));
  return code;
}

/** Tells what kept the program from running: to stderr, as sentences, all at once. @returns the exit code */
export function report(error: unknown, err: Output, redact: Redact = visible): number {
  const problems: readonly Problem[] = error instanceof UsageError ? error.problems : [toProblem(error)];
  for (const problem of problems) {
    const { message, hint } = shown(problem, redact);
    err.write(visible(`error: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`));
  }
  return exitCodeOfError(error);
}
