import { exitCodes, type Problem } from "../errors.ts";
import { humanBytes, humanDuration } from "../human.ts";
import { backupsOf, failuresOf, type RunResult, summaryOf } from "../result.ts";
import {
  type Ending,
  type MessageField,
  type Notification,
  notification,
  type Parts,
} from "./notification.ts";
import { clip } from "./outgoing.ts";
import type { Failures } from "./past.ts";

const signs = {
  success: ["✅", "stored"],
  warning: ["⚠️", "stored, with warnings"],
  failure: ["❌", "failed"],
} as const satisfies Record<Ending, readonly [sign: string, verb: string]>;

/** How a result is to be shown: a stored backup with a failed later step is neither a success nor a failure. */
export function endingOf(result: RunResult): Ending {
  if (result.status === "failure") return "failure";
  return result.exitCode === exitCodes.incomplete.code || result.warnings.length > 0 ? "warning" : "success";
}

/**
 * The message about a run.
 * @param host the machine it ran on, null where that has no name
 * @param before the failures that a stored backup ends; null where there are none
 */
export function notificationOf(
  result: RunResult,
  host: string | null,
  before: Failures | null = null,
): Notification {
  const ending = endingOf(result);
  const [sign, verb] = signs[ending];
  const finishedAt = new Date(result.startedAt.getTime() + result.durationMs);
  const isAgain = before !== null && ending !== "failure";
  const { message, fields: facts } = summaryOf(result);
  const { error, ...others } = facts;
  const { subject, verb: told } = subjectOf(result, isAgain ? inWords(before, verb) : verb);
  return notification({
    ending,
    title: [`${sign} backup of `, subject, ` (${result.engine}) ${told}`],
    finishedAt,
    fields: [
      short("Engine", result.engine),
      short("backups" in result ? "Databases" : "Database", result.database),
      short("Backups", countsOf(result)),
      short("Host", host),
      short("Size", result.bytes === null ? null : humanBytes(result.bytes)),
      short("Duration", humanDuration(result.durationMs)),
      short("Finished", shownTime(finishedAt)),
      long("Remote path", pathsOf(result)),
      long("Warnings", result.warnings.join("\n")),
      long("Backup id", result.backupId),
    ],
    error: reasonsOf(result),
    facts: {
      time: finishedAt.toISOString(),
      msg: message,
      engine: result.engine,
      database: result.database,
      backup_id: result.backupId,
      ...others,
      status: ending,
      ...(error === undefined ? {} : { error: error.message }),
      ...(isAgain ? { failures_before: before.count, failing_since: before.since.toISOString() } : {}),
      host,
    },
  });
}

/** `shop … failed`, or `40 databases … failed for 2 of them`. */
function subjectOf(result: RunResult, verb: string): { readonly subject: string; readonly verb: string } {
  const count = backupsOf(result).length;
  if (!("backups" in result) || count === 0) return { subject: result.database, verb };
  const failed = failuresOf(result).length;
  const isPartly = failed > 0 && failed < count;
  return {
    subject: count === 1 ? "1 database" : `${count} databases`,
    verb: isPartly ? `${verb} for ${failed} of them` : verb,
  };
}

/** Where it lies: in each place that has it, a line each; where none has, where it was to lie first. */
function pathsOf(result: RunResult): string {
  const places = "backups" in result ? [] : result.places;
  const stored = places.flatMap(({ isStored, remotePath }) => (isStored ? [remotePath] : []));
  return stored.length > 1 ? stored.join("\n") : result.remotePath;
}

/** `38 stored, 2 failed`; null for a run that makes one backup. */
function countsOf(result: RunResult): string | null {
  if (!("backups" in result)) return null;
  const failed = failuresOf(result).length;
  return `${result.backups.length - failed} stored${failed === 0 ? "" : `, ${failed} failed`}`;
}

/** About so much of what went wrong fits into the message of any platform. */
const reasonsLength = 1500;
const shortestReason = 80;

/** The cause of a failure; of several databases those that failed, a line for what failed alike. */
function reasonsOf(result: RunResult): Problem | null {
  const failed = failuresOf(result);
  if (result.error === null || !("backups" in result) || failed.length === 0) return result.error;
  const groups = Map.groupBy(failed, ({ error }) => error?.message ?? "");
  // The names of the last ones matter more than the last words of a reason.
  const share = Math.max(shortestReason, Math.floor(reasonsLength / groups.size));
  const lines = [...groups].map(
    ([reason, alike]) => `${alike.map(({ database }) => database).join(", ")}: ${clip(reason, share)}`,
  );
  return { ...result.error, message: lines.join("\n") };
}

/** Whom a message without a run is about. */
export interface About {
  readonly engine: string;
  /** Null where it is not known. */
  readonly database: string | null;
  readonly host: string | null;
  readonly now: Date;
}

/** The message that so many runs of a schedule in a row were skipped. */
export function notificationOfSkips(about: About, count: number): Notification {
  return notificationAbout(about, {
    ending: "warning",
    verb: `skipped ${count} times in a row`,
    error: {
      message: "another run of this job is still on, or holds its lock",
      hint: "BACKUP_TIMEOUT (--backup-timeout) ends a run that takes too long",
    },
    facts: {
      msg: "backup skipped",
      status: "skipped",
      exit_code: exitCodes.skipped.code,
      skipped: count,
    },
  });
}

/** The message that wrong settings keep a run from beginning. */
export function notificationOfSettings(about: About, problems: readonly Problem[]): Notification {
  const lines = problems.flatMap(({ message, hint }) => [
    message,
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
  ]);
  return notificationAbout(about, {
    ending: "failure",
    verb: "can't run: its settings are wrong",
    error: { message: lines.join("\n") },
    facts: { msg: "backup not run: wrong settings", status: "failure", exit_code: exitCodes.usage.code },
  });
}

/** The message by which `check --notify` finds out whether messages arrive. */
export function notificationOfTest(about: About): Notification {
  return notificationAbout(about, {
    ending: "success",
    verb: "is told of here: this is a test",
    error: null,
    facts: { msg: "test", status: "test" },
  });
}

interface PartsAbout extends Pick<Parts, "ending" | "error" | "facts"> {
  /** What is said of the backup. */
  readonly verb: string;
}

function notificationAbout(about: About, { ending, verb, error, facts }: PartsAbout): Notification {
  const { engine, database, host, now } = about;
  return notification({
    ending,
    title: [`${signs[ending][0]} backup of `, database ?? "a database", ` (${engine}) ${verb}`],
    error,
    finishedAt: now,
    fields: [
      short("Engine", engine),
      short("Database", database),
      short("Host", host),
      short("Time", shownTime(now)),
    ],
    facts: {
      time: now.toISOString(),
      engine,
      database,
      ...facts,
      ...(error === null ? {} : { error: error.message }),
      ...(error?.hint === undefined ? {} : { hint: error.hint }),
      host,
    },
  });
}

function short(label: string, value: string | null): MessageField | null {
  return value === null ? null : { label, value, short: true };
}

function long(label: string, value: string): MessageField {
  return { label, value, short: false };
}

function shownTime(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

/** `stored again, after 3 failures since 2026-02-04T02:00:00Z`. */
function inWords({ count, since }: Failures, verb: string): string {
  const failures = count === 1 ? "a failure at" : `${count} failures since`;
  return `${verb.replace("stored", "stored again")}, after ${failures} ${shownTime(since)}`;
}
