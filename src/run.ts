import { backUp } from "./backup.ts";
import type { Redact } from "./config/secret.ts";
import type { DbstashError } from "./errors.ts";
import type { Job } from "./job/job.ts";
import type { Logger } from "./logger.ts";
import { notify } from "./notify/notify.ts";
import { startPing } from "./notify/ping.ts";
import type { TellDoors } from "./notify/telling.ts";
import { runLimit } from "./pipeline/limits.ts";
import { Turns } from "./remote/turns.ts";
import type { RunResult } from "./result.ts";
import { type AroundDoors, postHook, preHook } from "./run/around.ts";
import { newAttempt, newIdentity, type Run, warnOf } from "./run/attempt.ts";
import { underLocks, withJobLock } from "./run/locks.ts";
import { type RunIdentity, summarise, summariseDatabase, unbegunResult } from "./run/outcome.ts";
import { noProgress } from "./run/progress.ts";
import { RunOutcome } from "./run/run-outcome.ts";
import type { BackupDoors } from "./run/sites.ts";
import { chooseDatabases, forgiveDropped } from "./run/several.ts";
import { askAgain, backUpAll, mayPass, type Try } from "./run/tries.ts";

/** The world as a run may touch it. */
export interface RunDoors extends Omit<BackupDoors, "onDump" | "held" | "turns">, AroundDoors, TellDoors {
  readonly redact: Redact;
  /** Tells of an error that nobody caught, until the function it returns is called. */
  readonly onUncaught: (tell: (error: DbstashError) => void) => () => void;
  /** Learns what a run came to, before anybody is told of it. */
  readonly onResult?: (result: RunResult, log: Logger) => void;
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
  return withJobLock(job, doors, (held) =>
    withRun(job, doors, interrupt, async (run, own) => {
      const { outcome, log } = run;
      log.info("backup started", job.settings.backupDatabases === null ? { file: run.name } : {});
      const ping = startPing(job, run.backupId, own);
      try {
        if (refused !== null) throw refused;
        await preHook(run, own);
        await makeBackups(run, { ...own, held, turns: new Turns() });
      } catch (error) {
        outcome.fail(error);
      }
      if (outcome.dumpBegan) await postHook(run, own);
      const result = outcome.result(own.now());
      own.onResult?.(result, log);
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
  const outcome = new RunOutcome(job, identity, doors.redact, job.settings.backupDatabases !== null);
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

/** The same, with what is held of the job's places, and what its backups share. */
type HeldDoors = RunDoors & Pick<BackupDoors, "held" | "turns">;

/** Makes the run's backups: the one, or one of each of several databases. */
async function makeBackups(run: Run, doors: HeldDoors): Promise<void> {
  const { job, outcome, signals } = run;
  const { backupDatabases, backupParallel } = job.settings;
  // Where a schedule is stopped what is on may end in its own time; nothing else is begun.
  const last = AbortSignal.any([signals.stop, doors.stop]);
  const unbegun = (each: Job, reason: unknown) => unbegunResult(each, run, reason, doors.redact);
  if (backupDatabases === null) {
    const make = (each: Job, tryNumber: number) =>
      makeOne(run, each, tryNumber === 1 ? run : newIdentity(job, doors.now()), doors);
    const [parallel, onEnded] = [1, () => undefined];
    return backUpAll(run, [job], { make, unbegun, onEnded, parallel, enough: signals.stop, last });
  }
  // What the pre hook has stopped waits for the post hook from here on.
  outcome.dumpBegins();
  const jobs = await askAgain(run, () => chooseDatabases(run, doors), last);
  const own = backupParallel === 1 ? doors : { ...doors, progress: noProgress };
  await backUpAll(run, jobs, {
    make: (each, tryNumber) => makeOneOfSeveral(run, each, tryNumber, own),
    unbegun,
    onEnded: ({ naming }, result) =>
      summariseDatabase(run.log.with({ backup_id: result.backupId, database: naming.database }), result),
    parallel: backupParallel,
    enough: last,
    last,
  });
  await forgiveDropped(run, jobs, doors);
}

/** Makes one backup. Never throws. */
async function makeOne(run: Run, job: Job, identity: RunIdentity, doors: HeldDoors): Promise<Try> {
  const attempt = newAttempt(run, job, identity, doors.redact);
  const { outcome, log } = attempt;
  try {
    await backUp(attempt, { ...doors, log, onDump: () => run.outcome.dumpBegins() });
  } catch (error) {
    outcome.fail(error);
  }
  return { result: outcome.result(doors.now()), mayPass: mayPass(job, outcome.causes) };
}

/** The same under the database's own lock, by which other jobs know it; all of the first try are named by the run's time. */
async function makeOneOfSeveral(
  run: Run,
  job: Job,
  tryNumber: number,
  doors: HeldDoors,
): Promise<Try | null> {
  const { database } = job.naming;
  const onHeld = (): null => {
    run.log.warn(run.outcome.skipped(database), { database });
    return null;
  };
  const onNone = (reason: string): void => run.log.debug("no lock can be had", { error: reason });
  return underLocks(job, doors, { onHeld, onNone }, (held) => {
    const startedAt = doors.now();
    const identity = newIdentity(job, tryNumber === 1 ? run.startedAt : startedAt);
    return makeOne(run, job, { ...identity, startedAt }, { ...doors, held: doors.held.union(held) });
  });
}
