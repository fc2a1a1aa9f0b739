import type { Backup } from "../catalog/catalog.ts";
import type { EngineName } from "../kinds.ts";
import { type BackupResult, backupsOf, type RunResult } from "../result.ts";
import type { Timetable } from "./scheduler.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How a run, or a database in a place, ended last; `pending` before that. */
export type LastStatus = "success" | "failure" | "pending";

/** What is known of one database in one place. */
export interface RowState {
  readonly database: string;
  /** The remote without parameters. */
  readonly place: string;
  /** The last stored backup, of this process or read back from the place; null when none is known. */
  readonly lastSuccess: Date | null;
  /** How the last finished run ended for it; a skipped one leaves it as it was. */
  readonly lastStatus: LastStatus;
  /** By when the next success is due: the first scheduled time after the last one (or the start), and `graceMs`. */
  readonly expectedBy: Date | null;
  readonly lastDurationMs: number | null;
  readonly lastBytes: number | null;
}

/** What a process knows about its runs, as plain facts. */
export interface HealthState {
  readonly engine: EngineName;
  /** What the job backs up, in a word. */
  readonly database: string;
  /** The first of the places. */
  readonly place: string;
  /** The template of names where it is not the one that most jobs have: it tells two jobs of one place apart. */
  readonly template: string | null;
  readonly startedAt: Date;
  readonly lastStatus: LastStatus;
  /** When the last finished run began. */
  readonly lastRun: Date | null;
  readonly lastWarnings: number | null;
  readonly running: boolean;
  readonly nextRun: Date | null;
  /** Runs by how they ended. */
  readonly runs: { readonly success: number; readonly failure: number; readonly skipped: number };
  /** By place and database. */
  readonly rows: readonly RowState[];
}

/** Whose runs they are. */
export interface Watched {
  readonly engine: EngineName;
  /** What the job backs up, in a word. */
  readonly database: string;
  /** The databases that are known from the start. */
  readonly databases: readonly string[];
  /** The remotes without parameters, in the order of the settings. */
  readonly places: readonly [string, ...string[]];
  readonly template: string | null;
}

/** What became of one database in one place. */
export interface Ending {
  readonly database: string;
  /** Its number among the places. */
  readonly place: number;
  readonly status: BackupResult["status"];
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly bytes: number | null;
  readonly name: string | null;
}

/** One database in one place. */
interface Row {
  readonly database: string;
  readonly place: number;
  lastSuccess: Date | null;
  /** Up to when the last success counts: a name with the date alone says no more than the day. */
  covered: Date;
  /** The name of the last success. */
  lastName: string | null;
  lastStatus: LastStatus;
  /** When the run of that status began. */
  lastRunMs: number;
  lastDurationMs: number | null;
  lastBytes: number | null;
}

/** What a process knows about its runs, kept for the health server and the file of metrics. */
export class Monitor {
  readonly #watched: Watched;
  readonly #placeNames: readonly string[];
  readonly #timetable: Timetable;
  readonly #startedAt: Date;
  readonly #runs = { success: 0, failure: 0, skipped: 0 };
  readonly #rows = new Map<string, Row>();
  #lastStatus: LastStatus = "pending";
  #lastRun: Date | null = null;
  #lastWarnings: number | null = null;
  #on = 0;
  next: Date | null = null;

  constructor(watched: Watched, timetable: Timetable, startedAt: Date) {
    this.#watched = watched;
    this.#placeNames = distinct(watched.places);
    this.#timetable = timetable;
    this.#startedAt = startedAt;
    this.named(watched.databases, startedAt);
  }

  get running(): boolean {
    return this.#on > 0;
  }

  begin(): void {
    this.#on += 1;
  }

  end(): void {
    this.#on -= 1;
  }

  skipped(): void {
    this.#runs.skipped += 1;
  }

  /** What there is to back up: of other databases no backup is expected any more, of new ones from now on. */
  named(databases: readonly string[], now: Date): void {
    for (const [key, { database }] of this.#rows) if (!databases.includes(database)) this.#rows.delete(key);
    for (const database of databases)
      for (const place of this.#watched.places.keys()) this.#row(database, place, now);
  }

  /** A run has ended. @param endings what became of each database in each place; none where it did not come that far */
  finished(result: RunResult, endings: readonly Ending[]): void {
    this.#runs[result.status] += 1;
    this.#lastStatus = result.status;
    this.#lastRun = result.startedAt;
    this.#lastWarnings = result.warnings.length;
    const isOfAll = result.status === "failure" && endings.every(({ status }) => status === "success");
    for (const row of isOfAll ? this.#rows.values() : []) {
      row.lastStatus = "failure";
      row.lastRunMs = result.startedAt.getTime();
    }
    for (const ending of isOfAll ? [] : endings) {
      const row = this.#row(ending.database, ending.place, ending.startedAt);
      row.lastStatus = ending.status;
      row.lastRunMs = ending.startedAt.getTime();
      row.lastDurationMs = ending.durationMs;
      if (ending.status === "failure") continue;
      row.lastSuccess = ending.startedAt;
      row.covered = ending.startedAt;
      row.lastName = ending.name;
      row.lastBytes = ending.bytes;
    }
  }

  /**
   * The newest backup that a listing found of a database in a place. One that this process has made since knows better;
   * one that somebody else has made after a failure makes it good.
   */
  recalled(database: string, place: number, found: Backup, now: Date): void {
    const { name, timeMs, bytes } = found;
    if (timeMs === null) return;
    const latestMs = Math.min(found.latestMs ?? timeMs, now.getTime());
    const row = this.#row(database, place, this.#startedAt);
    // A name that is known already tells nothing new, unless its file was written anew.
    const [knownMs, sinceMs] = name === row.lastName ? [row.lastSuccess, timeMs] : [row.covered, latestMs];
    if (row.lastSuccess !== null && knownMs !== null && sinceMs <= knownMs.getTime()) return;
    if (row.lastStatus === "failure" && latestMs >= row.lastRunMs) row.lastStatus = "success";
    row.lastSuccess = new Date(timeMs);
    row.covered = new Date(latestMs);
    row.lastName = name;
    row.lastBytes = bytes;
  }

  state(): HealthState {
    const { engine, database, template } = this.#watched;
    return {
      engine,
      database,
      place: this.#placeNames[0] ?? "",
      template,
      startedAt: this.#startedAt,
      lastStatus: this.#lastStatus,
      lastRun: this.#lastRun,
      lastWarnings: this.#lastWarnings,
      running: this.running,
      nextRun: this.next,
      runs: { ...this.#runs },
      rows: [...this.#rows.values()].map((row) => this.#stateOf(row)),
    };
  }

  #stateOf(row: Row): RowState {
    const { database, place, lastSuccess, lastStatus, lastDurationMs, lastBytes } = row;
    const due = this.#timetable(row.covered);
    const following = due === null ? null : this.#timetable(due);
    const intervalMs = due === null || following === null ? Infinity : following.getTime() - due.getTime();
    return {
      database,
      place: this.#placeNames[place] ?? "",
      lastSuccess,
      lastStatus,
      expectedBy: due === null ? null : new Date(due.getTime() + graceMs(intervalMs, lastDurationMs)),
      lastDurationMs,
      lastBytes,
    };
  }

  /** @param from since when a backup of it is expected, where it is new */
  #row(database: string, place: number, from: Date): Row {
    const key = JSON.stringify([database, place]);
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row: Row = {
      database,
      place,
      lastSuccess: null,
      covered: from,
      lastName: null,
      lastStatus: "pending",
      lastRunMs: 0,
      lastDurationMs: null,
      lastBytes: null,
    };
    this.#rows.set(key, row);
    return row;
  }
}

/** What became of each of a run's databases in each of its places; nothing of one that was not begun. */
export function endingsOf(result: RunResult): Ending[] {
  return backupsOf(result).flatMap(({ places, database, startedAt, durationMs, fileName }) =>
    places.map(({ isStored, bytes }, place) => ({
      database,
      place,
      status: isStored ? ("success" as const) : ("failure" as const),
      startedAt,
      durationMs,
      bytes,
      name: fileName,
    })),
  );
}

/** Places that differ by their parameters alone are told apart by their number. */
function distinct(places: readonly string[]): string[] {
  return places.map((place, at) => {
    const before = places.slice(0, at).filter((each) => each === place).length;
    return before === 0 ? place : `${place} (${before + 1})`;
  });
}

/**
 * How long after its scheduled time a success may take before it is overdue: the time between two runs, up to an hour,
 * so that one lost run of a close schedule shows soon; and twice the last run, so that a growing database is no alarm.
 */
export function graceMs(intervalMs: number, lastDurationMs: number | null): number {
  return Math.max(Math.min(intervalMs, HOUR_MS), 2 * (lastDurationMs ?? 0), MINUTE_MS);
}
