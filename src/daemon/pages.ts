import { metrics } from "./metrics.ts";
import type { HealthState } from "./monitor.ts";

/** An answer of the health server, before it is written as JSON. */
export interface HealthAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, string | boolean | null>>;
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
      last_backup: rfc3339(state.lastSuccess),
      last_status: state.lastStatus,
      next_backup: rfc3339(state.nextRun),
      running: state.running,
    },
  };
}

/** `/readyz`: 503 when the last backup failed or the next one is overdue. */
export function readyz(state: HealthState, now: Date): HealthAnswer {
  const isOverdue = state.expectedBy !== null && now > state.expectedBy;
  let reason: string | null = null;
  if (state.lastStatus === "failure") reason = "the last backup failed";
  else if (isOverdue) reason = `a backup was due by ${rfc3339(state.expectedBy)}`;
  return {
    status: reason === null ? 200 : 503,
    body: {
      status: reason === null ? "ready" : "not ready",
      reason,
      last_backup: rfc3339(state.lastSuccess),
      last_status: state.lastStatus,
    },
  };
}

function rfc3339(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
