import { describe, expect, test } from "bun:test";
import { healthz, readyz } from "../../../src/daemon/pages.ts";
import type { HealthState } from "../../../src/daemon/monitor.ts";
import { fresh, state } from "./states.ts";

describe("healthz", () => {
  test("is 200 with the last backup and its status", () => {
    expect(healthz(state)).toEqual({
      status: 200,
      body: {
        status: "healthy",
        engine: "pg",
        database: "shop",
        last_backup: "2026-02-07T02:03:12.000Z",
        last_status: "success",
        next_backup: "2026-02-08T02:00:00.000Z",
        running: false,
      },
    });
  });

  test("is 200 before the first backup and after a failed one", () => {
    expect(healthz(fresh)).toMatchObject({
      status: 200,
      body: { last_backup: null, last_status: "pending" },
    });
    expect(healthz({ ...state, lastStatus: "failure" })).toMatchObject({ status: 200 });
  });
});

test.each([
  ["after a success", state, "2026-02-07T12:00:00Z", 200, null],
  ["at the moment a backup is due", state, "2026-02-08T03:00:00Z", 200, null],
  [
    "when one is overdue",
    state,
    "2026-02-08T03:00:00.001Z",
    503,
    "a backup was due by 2026-02-08T03:00:00.000Z",
  ],
  [
    "when one is overdue although it runs",
    { ...state, running: true },
    "2026-02-08T04:00:00Z",
    503,
    "a backup was due by 2026-02-08T03:00:00.000Z",
  ],
  [
    "after a failure",
    { ...state, lastStatus: "failure" },
    "2026-02-07T12:00:00Z",
    503,
    "the last backup failed",
  ],
  ["before the first", fresh, "2026-02-07T12:00:00Z", 200, null],
  [
    "when the first is overdue",
    { ...fresh, expectedBy: state.expectedBy },
    "2026-02-09T00:00:00Z",
    503,
    "a backup was due by 2026-02-08T03:00:00.000Z",
  ],
] as [string, HealthState, string, number, string | null][])("readyz %s", (_, of, now, status, reason) => {
  expect(readyz(of, new Date(now))).toMatchObject({
    status,
    body: { status: status === 200 ? "ready" : "not ready", reason, last_status: of.lastStatus },
  });
});
