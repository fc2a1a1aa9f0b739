import { formatName, newUuid } from "../catalog/naming.ts";
import type { Redact } from "../config/secret.ts";
import type { Problem, Warn } from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { Place } from "../job/place.ts";
import type { Logger } from "../logger.ts";
import { type StallClock, stallClock, type StopSignals } from "../pipeline/limits.ts";
import { Outcome, type RunIdentity } from "./outcome.ts";
import type { RunOutcome } from "./run-outcome.ts";

/** One run, as what its backups share: its first try's id and name, its clocks, and where to tell what comes of it. */
export interface Run extends RunIdentity {
  readonly job: Job;
  readonly log: Logger;
  readonly signals: StopSignals;
  readonly outcome: RunOutcome;
  /** Takes a warning of the run. */
  readonly warn: Warn;
}

/** One backup to make, and where to tell what comes of it. */
export interface Attempt extends RunIdentity {
  readonly job: Job;
  readonly log: Logger;
  readonly stall: StallClock;
  readonly signals: StopSignals;
  readonly outcome: Outcome;
  /** Takes a warning of the backup, or of one of its places: it is stored all the same. */
  readonly warn: (problem: string | Problem, place?: Place) => void;
}

/** A new id, and the name that the template makes of this moment. */
export function newIdentity(job: Job, startedAt: Date): RunIdentity {
  const uuid = newUuid(crypto.getRandomValues(new Uint8Array(4)));
  const stem = formatName(job.template, { ...job.naming, now: startedAt, uuid });
  return { backupId: Bun.randomUUIDv7(), startedAt, name: stem + job.naming.extension };
}

/** A try at one backup of a run: its own id, name and stall clock, below the run's limits. */
export function newAttempt(run: Run, job: Job, identity: RunIdentity, redact: Redact): Attempt {
  const { backupId } = identity;
  const log = run.log.with({ backup_id: backupId, database: job.naming.database });
  const stall = stallClock(job.settings.backupStallTimeout);
  const outcome = new Outcome(job, identity, redact);
  const stop = AbortSignal.any([run.signals.stop, stall.signal]);
  const limit = AbortSignal.any([run.signals.limit, stall.signal]);
  const warn: Attempt["warn"] = (problem, place) =>
    log.warn(outcome.warn(typeof problem === "string" ? { message: problem } : problem, place));
  return { ...identity, job, log, stall, signals: { stop, limit }, outcome, warn };
}

/** Takes warnings into a run's outcome, and into the log. */
export function warnOf(log: Logger, outcome: RunOutcome): Warn {
  return (problem) => log.warn(outcome.warn(typeof problem === "string" ? { message: problem } : problem));
}
