import { type Attempt, backUp, type BackupDoors } from "./backup.ts";
import { formatName, newUuid } from "./catalog/naming.ts";
import type { Redact } from "./config/secret.ts";
import { DbstashError, toProblem, withSentence } from "./errors.ts";
import type { Job } from "./job/job.ts";
import { notify } from "./notify/notify.ts";
import { startPing } from "./notify/ping.ts";
import type { TellDoors } from "./notify/telling.ts";
import { graceAfter, seconds, startLimits, type TimeLimit, timeLimit } from "./pipeline/limits.ts";
import type { BackupResult } from "./result.ts";
import { type HookDoors, hookVariables, runHook } from "./run/hooks.ts";
import { withJobLock } from "./run/locks.ts";
import { Outcome, summarise } from "./run/outcome.ts";

/** After a timeout or a signal the post hook still gets this long. */
const lastHookMs = 60_000;

/** The world as a run may touch it. */
export interface RunDoors extends BackupDoors, HookDoors, TellDoors {
  readonly redact: Redact;
  /** Aborted when somebody wants no more waiting. */
  readonly giveUp: AbortSignal;
  /** Tells of an error that nobody caught, until the function it returns is called. */
  readonly onUncaught: (tell: (error: DbstashError) => void) => () => void;
}

/**
 * One run, under the job's lock: pre hook → backup → post hook → ping and notification → summary line.
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
): Promise<BackupResult | "skipped"> {
  return withJobLock(job, doors, () =>
    withAttempt(job, doors, interrupt, async (attempt, own) => {
      const { outcome, log } = attempt;
      log.info("backup started", { file: attempt.name });
      const ping = startPing(job, attempt.backupId, own);
      try {
        if (refused !== null) throw refused;
        await preHook(attempt, own);
        await backUp(attempt, own);
      } catch (error) {
        outcome.fail(error);
      }
      if (outcome.dumpBegan) await postHook(attempt, own);
      const result = outcome.result(own.now());
      await Promise.all([ping.end(result), notify(job, own, result)]);
      summarise(log, result);
      return result;
    }),
  );
}

/** Names the backup, starts the run's clocks, and stops them again. */
async function withAttempt(
  job: Job,
  doors: RunDoors,
  interrupt: AbortSignal,
  use: (attempt: Attempt, own: RunDoors) => Promise<BackupResult>,
): Promise<BackupResult> {
  const backupId = Bun.randomUUIDv7();
  const startedAt = doors.now();
  const uuid = newUuid(crypto.getRandomValues(new Uint8Array(4)));
  const name = formatName(job.template, { ...job.naming, now: startedAt, uuid }) + job.naming.extension;
  const log = doors.log.with({ backup_id: backupId });
  const outcome = new Outcome(job, { backupId, startedAt, name }, doors.redact);
  const limits = startLimits(job.settings.backupTimeout, job.settings.backupStallTimeout);
  const crash = new AbortController();
  const forget = doors.onUncaught((error) => crash.abort(error));
  const stop = AbortSignal.any([interrupt, limits.signal, crash.signal]);
  const warn: Attempt["warn"] = (problem, place) =>
    log.warn(outcome.warn(typeof problem === "string" ? { message: problem } : problem, place));
  const signals = { stop, limit: limits.signal };
  try {
    return await use(
      { job, backupId, startedAt, name, log, limits, signals, outcome, warn },
      { ...doors, log },
    );
  } finally {
    forget();
    limits.end();
  }
}

/** @throws DbstashError when it fails: then nothing is dumped */
async function preHook(attempt: Attempt, doors: RunDoors): Promise<void> {
  const command = attempt.job.settings.hookPreBackup;
  if (command === null) return;
  const { warn, signals } = attempt;
  const { config } = attempt.job.places[0];
  const variables = identityVariables(attempt);
  const limit = hookLimit("HOOK_PRE_BACKUP", attempt);
  try {
    const stop = AbortSignal.any([signals.stop, limit.signal]);
    await runHook({ title: "HOOK_PRE_BACKUP", command, config, variables, warn }, doors, stop);
  } finally {
    limit.end();
  }
}

/** Learns of both outcomes; a failure of its own is a warning. A signal leaves it a minute, and so does a limit. */
async function postHook(attempt: Attempt, doors: RunDoors): Promise<void> {
  const command = attempt.job.settings.hookPostBackup;
  if (command === null) return;
  const { outcome, warn, signals } = attempt;
  const { config } = attempt.job.places[0];
  const variables = { ...identityVariables(attempt), ...hookVariables(outcome.result(doors.now())) };
  const limit = hookLimit("HOOK_POST_BACKUP", attempt);
  const reason = new DbstashError(`it went on for ${seconds(lastHookMs)} after the run was to end`);
  const grace = graceAfter(signals.stop, lastHookMs, doors.giveUp, reason);
  const stop = AbortSignal.any([grace.signal, limit.signal]);
  try {
    await runHook({ title: "HOOK_POST_BACKUP", command, config, variables, warn }, doors, stop);
  } catch (error) {
    const problem = toProblem(error);
    warn(error === stop.reason ? withSentence("HOOK_POST_BACKUP was ended", problem) : problem);
  } finally {
    limit.end();
    grace.end();
  }
}

function hookLimit(title: string, { job }: Attempt): TimeLimit {
  const { hookTimeout } = job.settings;
  const hint = "HOOK_TIMEOUT (--hook-timeout) sets this limit";
  return timeLimit(hookTimeout, new DbstashError(`${title} took longer than ${seconds(hookTimeout)}`, hint));
}

function identityVariables({ job, backupId }: Attempt): Record<string, string> {
  return {
    DBSTASH_BACKUP_ID: backupId,
    DBSTASH_ENGINE: job.engine.name,
    DBSTASH_DATABASE: job.naming.database,
  };
}
