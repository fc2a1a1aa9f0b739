import { describe, expect, test } from "bun:test";
import type { RowState } from "../../../src/daemon/monitor.ts";
import { healthz, isReady, pageAt, readyz } from "../../../src/daemon/pages.ts";
import { fresh, freshRow, row, state } from "./states.ts";

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

  test("tells the newest backup of all", () => {
    const rows = [row, { ...row, place: "b", lastSuccess: new Date("2026-02-08T00:00:00Z") }, freshRow];
    expect(healthz({ ...state, rows }).body["last_backup"]).toBe("2026-02-08T00:00:00.000Z");
  });
});

test.each<[string, RowState, string, number, string | null]>([
  ["after a success", row, "2026-02-07T12:00:00Z", 200, null],
  ["at the moment a backup is due", row, "2026-02-08T03:00:00Z", 200, null],
  [
    "when one is overdue",
    row,
    "2026-02-08T03:00:00.001Z",
    503,
    "a backup was due by 2026-02-08T03:00:00.000Z",
  ],
  [
    "after a failure",
    { ...row, lastStatus: "failure" },
    "2026-02-07T12:00:00Z",
    503,
    "the last backup failed",
  ],
  [
    "when the last backup is not there any more",
    { ...row, goneSince: new Date("2026-02-07T11:00:00Z") },
    "2026-02-07T12:00:00Z",
    503,
    "the last backup is not there any more",
  ],
  ["before the first", freshRow, "2026-02-07T12:00:00Z", 200, null],
  [
    "when the first is overdue",
    { ...freshRow, expectedBy: row.expectedBy },
    "2026-02-09T00:00:00Z",
    503,
    "a backup was due by 2026-02-08T03:00:00.000Z",
  ],
])("readyz %s", (_, of, now, status, reason) => {
  const known = { ...state, rows: [of], lastStatus: of.lastStatus };
  expect(readyz(known, new Date(now))).toMatchObject({
    status,
    body: { status: status === 200 ? "ready" : "not ready", reason, last_status: of.lastStatus },
  });
  expect(isReady(known, new Date(now))).toBe(status === 200);
});

describe("readyz of several", () => {
  const now = new Date("2026-02-07T12:00:00Z");
  const missing = { ...row, place: "nas:b", expectedBy: new Date("2026-01-20T03:00:00Z") };
  const failed = { ...row, database: "crm", lastStatus: "failure" as const };

  test("names the place that has been missing for weeks, though the other is fine", () => {
    const { status, body } = readyz({ ...state, rows: [row, missing] }, now);
    expect(status).toBe(503);
    expect(body["reason"]).toBe("shop in nas:b: a backup was due by 2026-01-20T03:00:00.000Z");
    expect(body["backups"]).toMatchObject([
      { database: "shop", place: "s3:backups", status: "ready", reason: null },
      { database: "shop", place: "nas:b", status: "not ready", due: "2026-01-20T03:00:00.000Z" },
    ]);
  });

  test("names the first and counts the others", () => {
    const { body } = readyz({ ...state, rows: [row, failed, missing] }, now);
    expect(body["reason"]).toBe("crm in s3:backups: the last backup failed, and 1 more");
  });
});

test.each([
  ["/healthz", "application/json"],
  ["/readyz", "application/json"],
  ["/metrics", "text/plain; version=0.0.4; charset=utf-8"],
])("%s is a page", (path, type) => {
  expect(pageAt(path, state, new Date(0))).toMatchObject({ type, body: expect.stringMatching(/\n$/) });
});

test.each(["/", "", "/health", "/healthz/", "*"])("%p is none", (path) => {
  expect(pageAt(path, state, new Date(0))).toBeNull();
});

test("readyz is 503 where runs have failed before any database was known", () => {
  const lost = { ...fresh, rows: [], lastStatus: "failure" as const, lostSince: state.lastRun };
  expect(readyz(lost, new Date("2026-02-07T12:00:00Z"))).toMatchObject({
    status: 503,
    body: { reason: "the last run failed", backups: [] },
  });
  expect(isReady(lost, new Date("2026-02-07T12:00:00Z"))).toBe(false);
  expect(readyz({ ...fresh, rows: [] }, new Date("2026-02-07T12:00:00Z")).status).toBe(200);
});
