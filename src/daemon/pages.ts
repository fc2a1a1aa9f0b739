import { metrics } from "./metrics.ts";
import type { HealthState, RowState } from "./monitor.ts";

type Json = string | number | boolean | null | readonly Json[] | { readonly [field: string]: Json };

/** An answer of the health server, before it is written as JSON. */
export interface HealthAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, Json>>;
}

/** A page of the health server. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What stands at a path; null where nothing does. */
export function pageAt(path: string, state: HealthState, now: Date): Page | null {
  switch (path) {
    case "/healthz":
      return json(healthz(state));
    case "/readyz":
      return json(readyz(state, now));
    case "/metrics":
      return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: metrics(state) };
    default:
      return null;
  }
}

function json({ status, body }: HealthAnswer): Page {
  return { status, type: "application/json", body: `${JSON.stringify(body)}\n` };
}

/** `/healthz`: the process lives. Whether its backups do is told, but is `/readyz`'s matter. */
export function healthz(state: HealthState): HealthAnswer {
  return {
    status: 200,
    body: {
      status: "healthy",
      engine: state.engine,
      database: state.database,
      last_backup: rfc3339(newest(state)),
      last_status: state.lastStatus,
      next_backup: rfc3339(state.nextRun),
      running: state.running,
    },
  };
}

/** `/readyz`: 503 when the last backup of a database in a place failed, or its next one is overdue. */
export function readyz(state: HealthState, now: Date): HealthAnswer {
  const backups = state.rows.map((row) => ({ row, reason: reasonOf(row, now) }));
  const missed = backups.filter(({ reason }) => reason !== null);
  const [first, ...more] = missed;
  const where = state.rows.length === 1 ? "" : `${first?.row.database} in ${first?.row.place}: `;
  const rest = more.length === 0 ? "" : `, and ${more.length} more`;
  return {
    status: first === undefined ? 200 : 503,
    body: {
      status: first === undefined ? "ready" : "not ready",
      reason: first === undefined ? null : `${where}${first.reason}${rest}`,
      last_backup: rfc3339(newest(state)),
      last_status: state.lastStatus,
      backups: backups.map(({ row, reason }) => ({
        database: row.database,
        place: row.place,
        status: reason === null ? "ready" : "not ready",
        reason,
        last_backup: rfc3339(row.lastSuccess),
        last_status: row.lastStatus,
        due: rfc3339(row.expectedBy),
      })),
    },
  };
}

/** Whether all is as the schedule wants it. */
export function isReady(state: HealthState, now: Date): boolean {
  return state.rows.every((row) => reasonOf(row, now) === null);
}

function reasonOf({ lastStatus, expectedBy }: RowState, now: Date): string | null {
  if (lastStatus === "failure") return "the last backup failed";
  if (expectedBy !== null && now > expectedBy) return `a backup was due by ${rfc3339(expectedBy)}`;
  return null;
}

function newest({ rows }: HealthState): Date | null {
  const times = rows.flatMap(({ lastSuccess }) => lastSuccess?.getTime() ?? []);
  return times.length === 0 ? null : new Date(Math.max(...times));
}

function rfc3339(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
