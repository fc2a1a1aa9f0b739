import { describe, expect, test } from "bun:test";
import { oldMetrics, withOld } from "../../../src/daemon/carried.ts";
import { metrics } from "../../../src/daemon/metrics.ts";
import type { HealthState } from "../../../src/daemon/monitor.ts";
import { fresh, freshRow, row, state } from "./states.ts";

/** A run of today, which failed and knows nothing of yesterday. */
const failed: HealthState = {
  ...fresh,
  lastStatus: "failure",
  runs: { success: 0, failure: 1, skipped: 0 },
  rows: [{ ...freshRow, lastStatus: "failure", lastDurationMs: 5 }],
};

function carried(old: HealthState | string, now: HealthState, isOnce = true): HealthState {
  const found = oldMetrics(typeof old === "string" ? old : metrics(old), now);
  if (found.kind !== "ours") throw new Error(found.kind);
  return withOld(now, found.samples, isOnce);
}

describe("from the file before", () => {
  test("come the last success, its size, and the counts of runs that were processes of their own", () => {
    expect(carried(state, failed)).toEqual({
      ...failed,
      runs: { success: 6, failure: 2, skipped: 2 },
      rows: [{ ...failed.rows[0], lastSuccess: row.lastSuccess, lastBytes: row.lastBytes }] as never,
    });
  });

  test("come no counts where one process makes all runs", () => {
    expect(carried(state, failed, false).runs).toEqual(failed.runs);
  });

  test("comes nothing that this process knows better", () => {
    const newer = {
      ...state,
      rows: [{ ...row, lastSuccess: new Date("2026-03-01T00:00:00Z"), lastBytes: 9 }],
    };
    expect(carried(state, newer).rows).toEqual(newer.rows);
  });

  test("comes no success that never was", () => {
    expect(carried(fresh, failed).rows).toEqual(failed.rows);
  });

  test("comes each database in each place by itself", () => {
    const crm = { ...row, database: "crm", lastBytes: 3 };
    const [one, two, three] = [freshRow, { ...freshRow, place: "nas:b" }, { ...freshRow, database: "crm" }];
    const { rows } = carried({ ...state, rows: [row, crm] }, { ...failed, rows: [one, two, three] });
    expect(rows.map(({ lastBytes }) => lastBytes)).toEqual([row.lastBytes, null, 3]);
  });

  test("come all rows where the run failed before it knew of any", () => {
    const { rows } = carried(state, { ...failed, rows: [] });
    expect(rows).toEqual([
      { ...failed.rows[0], lastDurationMs: null, lastSuccess: row.lastSuccess, lastBytes: row.lastBytes },
    ] as never);
  });

  test.each(['a"b', "a\\b", "größe,x={y}", "} 1"])("comes what is named %j", (database) => {
    const rows = [{ ...row, database }];
    const { lastBytes } =
      carried({ ...state, rows }, { ...failed, rows: [{ ...freshRow, database }] }).rows[0] ?? {};
    expect(lastBytes).toBe(row.lastBytes);
  });

  test.each(["", "\n"])("that is empty comes nothing", (text) => {
    expect(carried(text, failed)).toEqual(failed);
  });
});

test.each<[string, string, string]>([
  [
    "another database",
    metrics({ ...state, database: "crm", rows: [{ ...row, database: "crm" }] }),
    "another job's",
  ],
  ["another engine", metrics({ ...state, engine: "mysql" }), "another job's"],
  ["another place", metrics({ ...state, places: ["b:"], rows: [{ ...row, place: "b:" }] }), "another job's"],
  ["a template of its own", metrics({ ...state, template: "x-{ts}" }), "another job's"],
  ["another program", 'apt_upgrades_pending{origin="x"} 3\n', "another program's"],
  ["a person", "to do\n", "another program's"],
])("what %s wrote is not overwritten", (_, text, kind) => {
  expect(oldMetrics(text, state).kind).toBe(kind as never);
});
