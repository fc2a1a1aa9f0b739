import type { Backup } from "../catalog/catalog.ts";
import type { Problem } from "../errors.ts";
import type { Ending } from "./endings.ts";

/** How a run, or a database in a place, ended last; `pending` before that. */
export type LastStatus = "success" | "failure" | "pending";

/** What a process keeps of one database in one place. */
export interface Row {
  readonly database: string;
  readonly place: number;
  lastSuccess: Date | null;
  /** Up to when the last success counts: a name with the date alone says no more than the day. */
  covered: Date;
  /** The name of the last success. */
  lastName: string | null;
  lastStatus: LastStatus;
  lastError: Problem | null;
  failingSince: Date | null;
  /** The name of one that stands there and is damaged: a listing does not see that. */
  damagedName: string | null;
  /** Since when a listing does not show the last success any more. */
  goneSince: Date | null;
  /** When the run of that status began. */
  lastRunMs: number;
  lastDurationMs: number | null;
  lastBytes: number | null;
}

/** One of which nothing is known. @param from since when a backup of it is expected */
export function newRow(database: string, place: number, from: Date): Row {
  return {
    database,
    place,
    lastSuccess: null,
    covered: from,
    lastName: null,
    lastStatus: "pending",
    lastError: null,
    failingSince: null,
    damagedName: null,
    goneSince: null,
    lastRunMs: 0,
    lastDurationMs: null,
    lastBytes: null,
  };
}

/** A run has ended for it. */
export function take(row: Row, ending: Ending): void {
  const { startedAt } = ending;
  if (ending.isDamaged) row.damagedName = ending.name;
  // What was refused took no time at all.
  row.lastDurationMs = ending.durationMs > 0 ? ending.durationMs : null;
  if (ending.status === "failure") return fail(row, startedAt, ending.error);
  succeed(row);
  row.lastRunMs = startedAt.getTime();
  row.lastSuccess = startedAt;
  row.covered = startedAt;
  row.lastName = ending.name;
  row.lastBytes = ending.bytes;
}

/** A run has failed for it. */
export function fail(row: Row, runAt: Date, error: Problem | null): void {
  row.lastStatus = "failure";
  row.lastRunMs = runAt.getTime();
  row.lastError = error;
  row.failingSince ??= runAt;
}

/**
 * A listing has found this as its newest backup. One that this process has made since knows better; one that somebody
 * else has made after a failure makes it good.
 * @param timeMs of the backup
 */
export function recall(row: Row, { name, latestMs, bytes }: Backup, timeMs: number, now: Date): void {
  if (name === row.damagedName) return;
  const coveredMs = Math.min(latestMs ?? timeMs, now.getTime());
  // A name that is known already tells nothing new, unless its file was written anew.
  const [knownMs, sinceMs] = name === row.lastName ? [row.lastSuccess, timeMs] : [row.covered, coveredMs];
  if (row.lastSuccess !== null && knownMs !== null && sinceMs <= knownMs.getTime()) return;
  if (row.lastStatus === "failure" && coveredMs >= row.lastRunMs) succeed(row);
  row.goneSince = null;
  row.lastSuccess = new Date(timeMs);
  row.covered = new Date(coveredMs);
  row.lastName = name;
  // Some storages do not tell it.
  row.lastBytes = bytes < 0 ? null : bytes;
}

/** A storage's listing may lag behind what was stored: so long it tells nothing against it. */
const lagMs = 60_000;

/** A listing has shown these names, all that there are. */
export function miss(row: Row, names: ReadonlySet<string>, now: Date): void {
  const { lastName, lastSuccess } = row;
  if (lastName === null || lastSuccess === null) return;
  const storedMs = lastSuccess.getTime() + (row.lastDurationMs ?? 0);
  if (names.has(lastName)) row.goneSince = null;
  else if (now.getTime() - storedMs > lagMs) row.goneSince ??= now;
}

function succeed(row: Row): void {
  row.goneSince = null;
  row.lastStatus = "success";
  row.lastError = null;
  row.failingSince = null;
  row.damagedName = null;
}
