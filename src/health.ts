import { DbstashError } from "./errors.ts";
import { metrics } from "./metrics.ts";
import type { EngineName } from "./result.ts";

/** What the long-lived process knows about itself, as plain facts. */
export interface HealthState {
  readonly engine: EngineName;
  readonly database: string;
  readonly startedAt: Date;
  /** The last stored backup, of this process or read back from the remote; null when none is known. */
  readonly lastSuccess: Date | null;
  /** How the last finished run ended; a skipped one leaves it as it was. */
  readonly lastStatus: "success" | "failure" | "pending";
  readonly running: boolean;
  readonly nextRun: Date | null;
  /** By when the next success is due: the first scheduled time after the last one (or the start), and `graceMs`. */
  readonly expectedBy: Date | null;
  readonly lastDurationMs: number | null;
  readonly lastBytes: number | null;
  /** Runs of this process by how they ended. */
  readonly runs: { readonly success: number; readonly failure: number; readonly skipped: number };
}

/** An answer of the health server, before it is written as JSON. */
export interface HealthAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, string | boolean | null>>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * How long after its scheduled time a success may take before it is overdue: the time between two runs, up to an hour,
 * so that one lost run of a close schedule shows soon; and twice the last run, so that a growing database is no alarm.
 */
export function graceMs(intervalMs: number, lastDurationMs: number | null): number {
  return Math.max(Math.min(intervalMs, HOUR_MS), 2 * (lastDurationMs ?? 0), MINUTE_MS);
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

/** A running health server. */
export interface HealthServer {
  readonly port: number;
  /** Closes it and its connections. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts the health server on every address of this machine, IPv4 and IPv6; `port` 0 takes a free one.
 * `state` is asked at every request. Throws a DbstashError when the port can't be had.
 */
export function startHealthServer(port: number, state: () => HealthState, now: () => Date): HealthServer {
  const json = ({ status, body }: HealthAnswer): Response =>
    new Response(`${JSON.stringify(body)}\n`, {
      status,
      headers: { "content-type": "application/json", ...fresh },
    });
  const pages = new Map<string, () => Response>([
    ["/healthz", () => json(healthz(state()))],
    ["/readyz", () => json(readyz(state(), now()))],
    [
      "/metrics",
      () => {
        const type = "text/plain; version=0.0.4; charset=utf-8";
        return new Response(metrics(state()), { headers: { "content-type": type, ...fresh } });
      },
    ],
  ]);
  try {
    const server = Bun.serve({
      port,
      development: false,
      // Outside development Bun shares a port by default: a second process would get half of the requests.
      reusePort: false,
      fetch: ({ method, url }) => {
        const page = pages.get(new URL(url).pathname);
        if (page === undefined) return new Response("not found\n", { status: 404 });
        if (method === "GET" || method === "HEAD") return page();
        return new Response("method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });
      },
    });
    return { port: server.port ?? port, stop: () => server.stop(true) };
  } catch (thrown) {
    throw portProblem(port, thrown);
  }
}

const fresh = { "cache-control": "no-store" };

function portProblem(port: number, thrown: unknown): unknown {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const hint = "choose another port, or 0 for no health server";
  const message = `HEALTH_PORT (--health-port): port ${port}`;
  if (code === "EADDRINUSE") return new DbstashError(`${message} is in use`, hint);
  if (code === "EACCES") return new DbstashError(`${message} may not be opened by this user`, hint);
  return thrown;
}
