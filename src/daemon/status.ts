import type { Problem } from "../errors.ts";
import type { PlaceStock, Stock } from "./inventory.ts";
import type { HealthState, RowState } from "./monitor.ts";
import { missedSince } from "./pages.ts";

/** How something is: `waiting` where there has been nothing yet that could be good or bad. */
export type Health = "good" | "waiting" | "warned" | "bad";

/** From what needs a person most to what needs none. */
const order: readonly Health[] = ["bad", "warned", "waiting", "good"];

/** One database in one place. */
export interface CopyStatus {
  readonly place: string;
  readonly health: Health;
  /** Why it is bad, and since when. */
  readonly missed: Missed | null;
  readonly lastSuccess: Date | null;
  /** Null where the place could not be listed yet. */
  readonly stock: Stock | null;
}

/** What is wrong with a backup. */
export interface Missed {
  readonly kind: "failed" | "gone" | "overdue";
  readonly since: Date;
  readonly error: Problem | null;
}

/** One database in all places. */
export interface DatabaseStatus {
  readonly database: string;
  readonly health: Health;
  /** Of the newest stored backup in any place. */
  readonly lastSuccess: Date | null;
  readonly bytes: number | null;
  /** How long the last run took for it. */
  readonly durationMs: number | null;
  readonly copies: readonly CopyStatus[];
}

/** One place. */
export interface PlaceStatus {
  readonly place: string;
  readonly listedAt: Date | null;
  readonly trouble: PlaceStock["trouble"];
  readonly count: number;
  readonly bytes: number;
}

const emptyStock: Stock = { count: 0, bytes: 0, going: null, sizes: [] };

/** All that a person wants to see at a glance. */
export interface Status {
  readonly health: Health;
  /** Those that need somebody first. */
  readonly databases: readonly DatabaseStatus[];
  readonly places: readonly PlaceStatus[];
  /** The failure of a run that did not come to know its databases. */
  readonly runFailed: { readonly since: Date; readonly error: Problem | null } | null;
  /** What the last run warned of. */
  readonly warnings: readonly string[];
  /** Whether the schedule has no further run. */
  readonly isOver: boolean;
}

/** How all is, out of what the process knows. @param stocks what the places hold, in the order of the settings */
export function statusOf(state: HealthState, stocks: readonly PlaceStock[], now: Date): Status {
  const { places } = state;
  const listed = new Map(places.map((place, at) => [place, stocks[at]]));
  const stockOf = ({ place, database }: RowState): Stock | null => {
    const known = listed.get(place);
    return known?.listedAt == null ? null : (known.stocks.get(database) ?? emptyStock);
  };
  const groups = Map.groupBy(state.rows, ({ database }) => database);
  const databases = [...groups].map(([database, rows]) =>
    databaseOf(
      database,
      rows.map((row) => ({ row, stock: stockOf(row) })),
      now,
    ),
  );
  const runFailed =
    state.rows.length === 0 && state.lostSince !== null
      ? { since: state.lostSince, error: state.lastError }
      : null;
  const warnings = state.lastWarnings ?? [];
  const told = places.map((place, at) => placeOf(place, stocks[at]));
  const isOver = state.nextRun === null;
  const isWarned = isOver || warnings.length > 0 || told.some(({ trouble }) => trouble !== null);
  const all = databases.map(({ health }) => health);
  return {
    health: worst([
      ...(all.length === 0 ? (["waiting"] as const) : all),
      ...(runFailed === null ? [] : (["bad"] as const)),
      ...(isWarned ? (["warned"] as const) : []),
    ]),
    databases: databases.toSorted(
      (a, b) => order.indexOf(a.health) - order.indexOf(b.health) || (a.database < b.database ? -1 : 1),
    ),
    places: told,
    runFailed,
    warnings,
    isOver,
  };
}

function databaseOf(
  database: string,
  known: readonly { readonly row: RowState; readonly stock: Stock | null }[],
  now: Date,
): DatabaseStatus {
  const copies = known.map(({ row, stock }): CopyStatus => {
    const missed = missedOf(row, now);
    const health = missed !== null ? "bad" : row.lastSuccess === null ? "waiting" : "good";
    return { place: row.place, health, missed, lastSuccess: row.lastSuccess, stock };
  });
  const [newest] = known.map(({ row }) => row).toSorted((a, b) => msOf(b.lastSuccess) - msOf(a.lastSuccess));
  return {
    database,
    health: worst(copies.map(({ health }) => health)),
    lastSuccess: newest?.lastSuccess ?? null,
    bytes: newest?.lastBytes ?? null,
    durationMs: newest?.lastDurationMs ?? null,
    copies,
  };
}

function missedOf(row: RowState, now: Date): Missed | null {
  const missed = missedSince(row, now);
  return missed === null ? null : { ...missed, error: missed.kind === "failed" ? row.lastError : null };
}

function placeOf(place: string, stock: PlaceStock | undefined): PlaceStatus {
  const held = [...(stock?.stocks.values() ?? [])];
  return {
    place,
    listedAt: stock?.listedAt ?? null,
    trouble: stock?.trouble ?? null,
    count: held.reduce((sum, { count }) => sum + count, 0),
    bytes: held.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function worst(healths: readonly Health[]): Health {
  return order.find((health) => healths.includes(health)) ?? "good";
}

function msOf(date: Date | null): number {
  return date?.getTime() ?? 0;
}
