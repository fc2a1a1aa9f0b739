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
  /** Fields of the answer's head beside those that each answer has. */
  readonly headers?: Readonly<Record<string, string>>;
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
  const named = first === undefined ? null : `${where}${first.reason}${rest}`;
  const reason = isWithoutRows(state) ? "the last run failed" : named;
  return {
    status: reason === null ? 200 : 503,
    body: {
      status: reason === null ? "ready" : "not ready",
      reason,
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
  return !isWithoutRows(state) && state.rows.every((row) => missedSince(row, now) === null);
}

/** Whether a run has failed before any came to know of which databases there are. */
function isWithoutRows({ rows, lastStatus }: HealthState): boolean {
  return rows.length === 0 && lastStatus === "failure";
}

/** What is wrong with the backups of a database in a place, and since when; null where nothing is. */
export function missedSince(
  { lastStatus, failingSince, lastSuccess, goneSince, expectedBy }: RowState,
  now: Date,
): { readonly kind: "failed" | "gone" | "overdue"; readonly since: Date } | null {
  if (lastStatus === "failure") return { kind: "failed", since: failingSince ?? lastSuccess ?? now };
  if (goneSince !== null) return { kind: "gone", since: goneSince };
  return expectedBy !== null && now > expectedBy ? { kind: "overdue", since: expectedBy } : null;
}

function reasonOf(row: RowState, now: Date): string | null {
  const missed = missedSince(row, now);
  switch (missed?.kind) {
    case "failed":
      return "the last backup failed";
    case "gone":
      return "the last backup is not there any more";
    case "overdue":
      return `a backup was due by ${rfc3339(missed.since)}`;
    default:
      return null;
  }
}

function newest({ rows }: HealthState): Date | null {
  const times = rows.flatMap(({ lastSuccess }) => lastSuccess?.getTime() ?? []);
  return times.length === 0 ? null : new Date(Math.max(...times));
}

function rfc3339(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
