import { type Attempt, backUp, type BackupDoors } from "./backup.ts";
import { formatName, newUuid } from "./catalog/naming.ts";
import { DbstashError, toProblem } from "./errors.ts";
import type { Job } from "./job/job.ts";
import { notify, type TellDoors } from "./notify/notify.ts";
import { startLimits } from "./pipeline/limits.ts";
import type { BackupResult } from "./result.ts";
import { type HookDoors, hookVariables, runHook } from "./run/hooks.ts";
import { withJobLock } from "./run/locks.ts";
import { Outcome, summarise } from "./run/outcome.ts";

/** After a timeout or a signal the post hook still gets this long. */
const lastHookMs = 60_000;

/** The world as a run may touch it. */
export interface RunDoors extends BackupDoors, HookDoors, TellDoors {
  /** Tells of an error that nobody caught, until the function it returns is called. */
  readonly onUncaught: (tell: (error: DbstashError) => void) => () => void;
}

/**
 * One run, under the job's lock: pre hook → backup → post hook → notification → summary line.
 * Never throws: whatever happens becomes the result.
 * @param interrupt a person's stop; obeyed until the end of input was given
 * @returns `skipped` where another run holds the lock
 */
export async function runOnce(
  job: Job,
  doors: RunDoors,
  interrupt: AbortSignal,
): Promise<BackupResult | "skipped"> {
  return withJobLock(job, doors, () =>
    withAttempt(job, doors, interrupt, async (attempt, own) => {
      const { outcome, log } = attempt;
      log.info("backup started", { file: attempt.name });
      try {
        await preHook(attempt, own);
        await backUp(attempt, own);
      } catch (error) {
        outcome.fail(error);
      }
      if (outcome.dumpBegan) await postHook(attempt, own);
      const result = outcome.result(own.now());
      await notify(job, own, result);
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
  const warn = (message: string): void => {
    outcome.warn(message);
    log.warn(message);
  };
  const signals = { stop, limit: limits.signal };
  try {
    return await use(
      { job, backupId, startedAt, name, log, limits, signals, outcome, warn },
      { ...doors, log },
    );
  } finally {
    forget();
    limits.end();
    doors.progress.end();
  }
}

/** @throws DbstashError when it fails: then nothing is dumped */
async function preHook(attempt: Attempt, doors: RunDoors): Promise<void> {
  const command = attempt.job.settings.hookPreBackup;
  if (command === null) return;
  const { warn, signals } = attempt;
  const variables = identityVariables(attempt);
  await runHook({ title: "HOOK_PRE_BACKUP", command, variables, warn }, doors, signals.stop);
}

/** Learns of both outcomes; a failure of its own is a warning. */
async function postHook(attempt: Attempt, doors: RunDoors): Promise<void> {
  const command = attempt.job.settings.hookPostBackup;
  if (command === null) return;
  const { outcome, warn, signals } = attempt;
  const variables = { ...identityVariables(attempt), ...hookVariables(outcome.result(doors.now())) };
  const stop = signals.stop.aborted ? lastHookSignal() : signals.stop;
  try {
    await runHook({ title: "HOOK_POST_BACKUP", command, variables, warn }, doors, stop);
  } catch (error) {
    const { message } = toProblem(error);
    warn(error === stop.reason ? `HOOK_POST_BACKUP was ended: ${message}` : message);
  }
}

function identityVariables({ job, backupId }: Attempt): Record<string, string> {
  return {
    DBSTASH_BACKUP_ID: backupId,
    DBSTASH_ENGINE: job.engine.name,
    DBSTASH_DATABASE: job.naming.database,
  };
}

function lastHookSignal(): AbortSignal {
  const controller = new AbortController();
  const reason = new DbstashError(`it took longer than ${lastHookMs / 1000} s`);
  setTimeout(() => controller.abort(reason), lastHookMs).unref();
  return controller.signal;
}
