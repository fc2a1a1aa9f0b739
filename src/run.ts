import { backUp, type BackupDoors } from "./backup.ts";
import type { Redact } from "./config/secret.ts";
import { DbstashError, toProblem, withSentence } from "./errors.ts";
import type { Job } from "./job/job.ts";
import { notify } from "./notify/notify.ts";
import { startPing } from "./notify/ping.ts";
import type { TellDoors } from "./notify/telling.ts";
import { graceAfter, runLimit, seconds, type TimeLimit, timeLimit } from "./pipeline/limits.ts";
import { backupsOf, type RunResult } from "./result.ts";
import { newAttempt, newIdentity, type Run, warnOf } from "./run/attempt.ts";
import { type HookDoors, hookVariables, runHook } from "./run/hooks.ts";
import { withJobLock } from "./run/locks.ts";
import { summarise, unbegunResult } from "./run/outcome.ts";
import { RunOutcome } from "./run/run-outcome.ts";
import { backUpAll, mayPass, type Try } from "./run/tries.ts";

/** After a timeout or a signal the post hook still gets this long. */
const lastHookMs = 60_000;

/** The world as a run may touch it. */
export interface RunDoors extends Omit<BackupDoors, "onDump">, HookDoors, TellDoors {
  readonly redact: Redact;
  /** Aborted when somebody wants no more waiting. */
  readonly giveUp: AbortSignal;
  /** Tells of an error that nobody caught, until the function it returns is called. */
  readonly onUncaught: (tell: (error: DbstashError) => void) => () => void;
}

/**
 * One run, under the job's lock: pre hook → backups → post hook → ping and notification → summary line.
 * Never throws: whatever happens becomes the result.
 * @param interrupt a person's stop; obeyed until the end of input was given
 * @param refused why it can't be made, known before: then it fails of it, before the pre hook
 * @returns `skipped` where another run holds the lock
 */
export async function runOnce(
  job: Job,
  doors: RunDoors,
  interrupt: AbortSignal,
  refused: DbstashError | null = null,
): Promise<RunResult | "skipped"> {
  return withJobLock(job, doors, () =>
    withRun(job, doors, interrupt, async (run, own) => {
      const { outcome, log } = run;
      log.info("backup started", { file: run.name });
      const ping = startPing(job, run.backupId, own);
      try {
        if (refused !== null) throw refused;
        await preHook(run, own);
        await makeBackups(run, [job], own);
      } catch (error) {
        outcome.fail(error);
      }
      if (outcome.dumpBegan) await postHook(run, own);
      const result = outcome.result(own.now());
      await Promise.all([ping.end(result), notify(job, own, result)]);
      summarise(log.with({ backup_id: result.backupId }), result);
      return result;
    }),
  );
}

/** Names the run, starts its clocks, and stops them again. */
async function withRun(
  job: Job,
  doors: RunDoors,
  interrupt: AbortSignal,
  use: (run: Run, own: RunDoors) => Promise<RunResult>,
): Promise<RunResult> {
  const identity = newIdentity(job, doors.now());
  const log = doors.log.with({ backup_id: identity.backupId });
  const outcome = new RunOutcome(job, identity, doors.redact, false);
  const limit = runLimit(job.settings.backupTimeout);
  const crash = new AbortController();
  const forget = doors.onUncaught((error) => crash.abort(error));
  const stop = AbortSignal.any([interrupt, limit.signal, crash.signal]);
  const signals = { stop, limit: limit.signal };
  try {
    const run = { ...identity, job, log, signals, outcome, warn: warnOf(log, outcome) };
    return await use(run, { ...doors, log });
  } finally {
    forget();
    limit.end();
  }
}

/** Makes the run's backups, each by itself; what comes of them goes into the run's outcome. */
async function makeBackups(run: Run, jobs: readonly Job[], doors: RunDoors): Promise<void> {
  const { outcome, signals } = run;
  const backupDoors = { ...doors, onDump: () => outcome.dumpBegins() };
  const make = async (job: Job, tryNumber: number): Promise<Try> => {
    const identity = tryNumber === 1 ? run : newIdentity(job, doors.now());
    const attempt = newAttempt(run, job, identity, doors.redact);
    try {
      await backUp(attempt, { ...backupDoors, log: attempt.log });
    } catch (error) {
      attempt.outcome.fail(error);
    }
    return {
      result: attempt.outcome.result(doors.now()),
      mayPass: mayPass(job, attempt.outcome.thrown),
    };
  };
  const unbegun = (job: Job, reason: unknown) => unbegunResult(job, run, reason, doors.redact);
  await backUpAll(run, jobs, { make, unbegun, parallel: 1, enough: signals.stop });
}

/** @throws DbstashError when it fails: then nothing is dumped */
async function preHook(run: Run, doors: RunDoors): Promise<void> {
  const command = run.job.settings.hookPreBackup;
  if (command === null) return;
  const { warn, signals } = run;
  const { config } = run.job.places[0];
  const variables = identityVariables(run);
  const limit = hookLimit("HOOK_PRE_BACKUP", run);
  try {
    const stop = AbortSignal.any([signals.stop, limit.signal]);
    await runHook({ title: "HOOK_PRE_BACKUP", command, config, variables, results: [], warn }, doors, stop);
  } finally {
    limit.end();
  }
}

/** Learns of both outcomes; a failure of its own is a warning. A signal leaves it a minute, and so does a limit. */
async function postHook(run: Run, doors: RunDoors): Promise<void> {
  const command = run.job.settings.hookPostBackup;
  if (command === null) return;
  const { outcome, warn, signals } = run;
  const { config } = run.job.places[0];
  const result = outcome.result(doors.now());
  const variables = { ...identityVariables(run), ...hookVariables(result) };
  const limit = hookLimit("HOOK_POST_BACKUP", run);
  const reason = new DbstashError(`it went on for ${seconds(lastHookMs)} after the run was to end`);
  const grace = graceAfter(signals.stop, lastHookMs, doors.giveUp, reason);
  const stop = AbortSignal.any([grace.signal, limit.signal]);
  try {
    const hook = { title: "HOOK_POST_BACKUP", command, config, variables, warn } as const;
    await runHook({ ...hook, results: backupsOf(result) }, doors, stop);
  } catch (error) {
    const problem = toProblem(error);
    warn(error === stop.reason ? withSentence("HOOK_POST_BACKUP was ended", problem) : problem);
  } finally {
    limit.end();
    grace.end();
  }
}

function hookLimit(title: string, { job }: Run): TimeLimit {
  const { hookTimeout } = job.settings;
  const hint = "HOOK_TIMEOUT (--hook-timeout) sets this limit";
  return timeLimit(hookTimeout, new DbstashError(`${title} took longer than ${seconds(hookTimeout)}`, hint));
}

function identityVariables({ job, backupId }: Run): Record<string, string> {
  return {
    DBSTASH_BACKUP_ID: backupId,
    DBSTASH_ENGINE: job.engine.name,
    DBSTASH_DATABASE: job.naming.database,
  };
}
