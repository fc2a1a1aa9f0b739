import type { FoundBackups, PlaceStock } from "../../../src/daemon/inventory.ts";
import { stockOf } from "../../../src/daemon/inventory.ts";
import type { HealthState, RowState } from "../../../src/daemon/monitor.ts";
import type { PageFacts } from "../../../src/daemon/status-page.ts";
import { row, state } from "./states.ts";

/** When the pages of these tests are made. */
export const now = new Date("2026-02-07T12:00:00Z");

export const facts: PageFacts = {
  engine: "PostgreSQL",
  job: "shop",
  version: "1.0.0",
  running: false,
  lastRun: state.lastRun,
  nextRun: state.nextRun,
  retention: "keeps 7 daily and 4 weekly; the newest always stays",
  timeZone: "UTC",
  now,
  offsetAt: () => 0,
};

const daysMs = 86_400_000;

const retention: FoundBackups["retention"] = {
  maxFiles: 5,
  maxDays: 0,
  minFiles: 1,
  keep: { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  timeZone: "UTC",
};

/** A place that was listed a minute ago, with so many backups of each database, a day apart, that grow. */
export function listed(databases: readonly string[], count = 6): PlaceStock {
  const backups = Array.from({ length: count }, (_, age) => {
    const timeMs = Date.parse("2026-02-07T02:03:12Z") - age * daysMs;
    return { name: `b${age}`, timeMs, latestMs: timeMs, bytes: (count - age) * 1_000_000 };
  });
  return {
    listedAt: new Date(now.getTime() - 60_000),
    trouble: null,
    stocks: new Map(databases.map((database) => [database, stockOf({ database, backups, retention }, now)])),
  };
}

export const unlisted: PlaceStock = { listedAt: null, trouble: null, stocks: new Map() };

export const missingPlace: PlaceStock = {
  ...listed(["shop"], 2),
  trouble: {
    problem: { message: "nas:b can't be listed: no route to host", hint: "is it on?" },
    since: new Date("2026-02-05T02:00:00Z"),
  },
};

/** A row whose last runs failed. */
export function failing(database: string, message: string, place = row.place): RowState {
  const lastError = { message, hint: "look at the server" };
  return {
    ...row,
    database,
    place,
    lastStatus: "failure",
    lastError,
    failingSince: new Date("2026-02-05T02:00:00Z"),
  };
}

/** One of which a backup was due days ago. */
export function overdue(database: string, place = row.place): RowState {
  return { ...row, database, place, expectedBy: new Date("2026-02-04T03:00:00Z") };
}

export function stateOf(rows: readonly RowState[], of: Partial<HealthState> = {}): HealthState {
  return { ...state, rows, places: [...new Set(rows.map(({ place }) => place))], ...of };
}
