import type { Backup } from "../catalog/catalog.ts";
import type { Problem } from "../errors.ts";
import type { EngineName } from "../kinds.ts";
import type { RunResult } from "../result.ts";
import type { Ending } from "./endings.ts";
import { fail, type LastStatus, miss, newRow, recall, type Row, take } from "./row.ts";
import type { Timetable } from "./scheduler.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What is known of one database in one place. */
export interface RowState {
  readonly database: string;
  /** The remote without parameters. */
  readonly place: string;
  /** The last stored backup, of this process or read back from the place; null when none is known. */
  readonly lastSuccess: Date | null;
  /** How the last finished run ended for it; a skipped one leaves it as it was. */
  readonly lastStatus: LastStatus;
  /** Why it failed last; null unless that is its last status. */
  readonly lastError: Problem | null;
  /** When the first of the runs began that have failed for it in a row. */
  readonly failingSince: Date | null;
  /** Since when a listing does not show the last success any more; null where it does. */
  readonly goneSince: Date | null;
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
  /** In the order of the settings, told apart. */
  readonly places: readonly string[];
  /** The template of names where it is not the one that most jobs have: it tells two jobs of one place apart. */
  readonly template: string | null;
  readonly startedAt: Date;
  readonly lastStatus: LastStatus;
  /** When the last finished run began. */
  readonly lastRun: Date | null;
  /** Since when runs fail before they come to know their databases. */
  readonly lostSince: Date | null;
  /** The cause where it failed. */
  readonly lastError: Problem | null;
  /** What it warned of. */
  readonly lastWarnings: readonly string[] | null;
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
  #lastError: Problem | null = null;
  #lastWarnings: readonly string[] | null = null;
  /** The last runs, where they failed before they came to know their databases: for all that turn up, too. */
  #lost: { readonly since: Date; readonly last: Date; readonly error: Problem | null } | null = null;
  /** Those that there are to back up, as the settings or the server say; null where neither has said so yet. */
  #named: ReadonlySet<string> | null = null;
  #on = 0;
  #begun = 0;
  next: Date | null = null;

  constructor(watched: Watched, timetable: Timetable, startedAt: Date) {
    this.#watched = watched;
    this.#placeNames = distinct(watched.places);
    this.#timetable = timetable;
    this.#startedAt = startedAt;
    if (watched.databases.length > 0) this.named(watched.databases, startedAt);
  }

  get running(): boolean {
    return this.#on > 0;
  }

  /** How many runs have begun. */
  get begun(): number {
    return this.#begun;
  }

  begin(): void {
    this.#on += 1;
    this.#begun += 1;
  }

  end(): void {
    this.#on -= 1;
  }

  skipped(): void {
    this.#runs.skipped += 1;
  }

  /** What there is to back up: of other databases no backup is expected any more, of new ones from now on. */
  named(databases: readonly string[], now: Date): void {
    this.#named = new Set(databases);
    for (const [key, { database }] of this.#rows) if (!databases.includes(database)) this.#rows.delete(key);
    for (const database of databases)
      for (const place of this.#watched.places.keys()) this.#row(database, place, now);
  }

  /** A run has ended. @param endings what became of each database in each place; none where it did not come that far */
  finished(result: RunResult, endings: readonly Ending[]): void {
    this.#runs[result.status] += 1;
    this.#lastStatus = result.status;
    this.#lastRun = result.startedAt;
    this.#lastError = result.error;
    this.#lastWarnings = result.warnings;
    const { startedAt } = result;
    const isLost = result.status === "failure" && endings.length === 0;
    this.#lost = isLost
      ? { since: this.#lost?.since ?? startedAt, last: startedAt, error: result.error }
      : null;
    if (result.status === "failure" && endings.every(({ status }) => status === "success"))
      for (const row of this.#rows.values()) fail(row, startedAt, result.error);
    for (const ending of endings) {
      const { database, place } = ending;
      for (const each of place === null ? this.#watched.places.keys() : [place])
        take(this.#row(database, each, ending.startedAt), ending);
    }
  }

  /** The newest backup that a listing found of a database in a place; of one that was dropped nothing is told. */
  recalled(database: string, place: number, found: Backup, now: Date): void {
    const { timeMs } = found;
    if (this.#named !== null && !this.#named.has(database)) return;
    if (timeMs === null) return;
    // What one place has is missed in the others.
    for (const each of this.#watched.places.keys()) this.#row(database, each, this.#startedAt);
    recall(this.#row(database, place, this.#startedAt), found, timeMs, now);
  }

  /** A listing of a place has shown these names of a database, all that there are; none of one that it has nothing of. */
  listed(place: number, names: ReadonlyMap<string, ReadonlySet<string>>, now: Date): void {
    const none = new Set<string>();
    for (const row of this.#rows.values())
      if (row.place === place) miss(row, names.get(row.database) ?? none, now);
  }

  state(): HealthState {
    const { engine, database, template } = this.#watched;
    return {
      engine,
      database,
      places: this.#placeNames,
      template,
      startedAt: this.#startedAt,
      lastStatus: this.#lastStatus,
      lastRun: this.#lastRun,
      lostSince: this.#lost?.since ?? null,
      lastError: this.#lastError,
      lastWarnings: this.#lastWarnings,
      running: this.running,
      nextRun: this.next,
      runs: { ...this.#runs },
      rows: [...this.#rows.values()].map((row) => this.#stateOf(row)),
    };
  }

  #stateOf(row: Row): RowState {
    const { lastSuccess, lastStatus, lastError, failingSince, goneSince, lastDurationMs, lastBytes } = row;
    const due = this.#timetable(row.covered);
    const following = due === null ? null : this.#timetable(due);
    const intervalMs = due === null || following === null ? Infinity : following.getTime() - due.getTime();
    return {
      database: row.database,
      place: this.#placeNames[row.place] ?? "",
      lastSuccess,
      lastStatus,
      lastError,
      failingSince,
      goneSince,
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
    const row = newRow(database, place, from);
    if (this.#lost !== null) {
      const { since, last, error } = this.#lost;
      fail(row, last, error);
      row.failingSince = since;
    }
    this.#rows.set(key, row);
    return row;
  }
}

/** One of which nothing is known but how the last run ended. */
export function unknownRow(database: string, place: string, lastStatus: LastStatus): RowState {
  return {
    database,
    place,
    lastSuccess: null,
    lastStatus,
    lastError: null,
    failingSince: null,
    goneSince: null,
    expectedBy: null,
    lastDurationMs: null,
    lastBytes: null,
  };
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
