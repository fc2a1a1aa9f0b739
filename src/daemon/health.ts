import { DbstashError } from "../errors.ts";
import { metrics } from "./metrics.ts";
import type { HealthState } from "./monitor.ts";

/** An answer of the health server, before it is written as JSON. */
export interface HealthAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, string | boolean | null>>;
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
