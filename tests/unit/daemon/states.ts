import type { HealthState, RowState } from "../../../src/daemon/monitor.ts";

export const row: RowState = {
  database: "shop",
  place: "s3:backups",
  lastSuccess: new Date("2026-02-07T02:03:12Z"),
  lastStatus: "success",
  lastError: null,
  failingSince: null,
  goneSince: null,
  expectedBy: new Date("2026-02-08T03:00:00Z"),
  lastDurationMs: 192_250,
  lastBytes: 1_610_612_736,
};

/** Of a daemon that has backed up. */
export const state: HealthState = {
  engine: "pg",
  database: "shop",
  places: ["s3:backups"],
  template: null,
  startedAt: new Date("2026-02-01T00:00:00.500Z"),
  lastStatus: "success",
  lastRun: new Date("2026-02-07T02:03:12Z"),
  lostSince: null,
  lastError: null,
  lastWarnings: [],
  running: false,
  nextRun: new Date("2026-02-08T02:00:00Z"),
  runs: { success: 6, failure: 1, skipped: 2 },
  rows: [row],
};

export const freshRow: RowState = {
  ...row,
  lastSuccess: null,
  lastStatus: "pending",
  expectedBy: null,
  lastDurationMs: null,
  lastBytes: null,
};

/** Of one that has just started. */
export const fresh: HealthState = {
  ...state,
  lastStatus: "pending",
  lastRun: null,
  lastWarnings: null,
  nextRun: null,
  runs: { success: 0, failure: 0, skipped: 0 },
  rows: [freshRow],
};
