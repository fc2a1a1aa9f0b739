import type { HealthState } from "../../../src/daemon/monitor.ts";

/** Of a daemon that has backed up. */
export const state: HealthState = {
  engine: "pg",
  database: "shop",
  startedAt: new Date("2026-02-01T00:00:00.500Z"),
  lastSuccess: new Date("2026-02-07T02:03:12Z"),
  lastStatus: "success",
  running: false,
  nextRun: new Date("2026-02-08T02:00:00Z"),
  expectedBy: new Date("2026-02-08T03:00:00Z"),
  lastDurationMs: 192_250,
  lastBytes: 1_610_612_736,
  runs: { success: 6, failure: 1, skipped: 2 },
};

/** Of one that has just started. */
export const fresh: HealthState = {
  ...state,
  lastSuccess: null,
  lastStatus: "pending",
  nextRun: null,
  expectedBy: null,
  lastDurationMs: null,
  lastBytes: null,
  runs: { success: 0, failure: 0, skipped: 0 },
};
