import { DbstashError } from "./errors.ts";
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

/** `/metrics` in Prometheus' text format 0.0.4 (prometheus.io, "Exposition formats"). What is not known is left out. */
export function metrics(state: HealthState): string {
  const job = `engine="${escapeLabel(state.engine)}",database="${escapeLabel(state.database)}"`;
  const lines: string[] = [];
  const family = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    samples: [string, number | null][],
  ): void => {
    const known = samples.filter(([, value]) => value !== null);
    if (known.length === 0) return;
    lines.push(`# HELP dbstash_${name} ${help}`, `# TYPE dbstash_${name} ${type}`);
    for (const [labels, value] of known) lines.push(`dbstash_${name}{${job}${labels}} ${value}`);
  };
  const gauge = (name: string, help: string, value: number | null): void =>
    family(name, "gauge", help, [["", value]]);

  // Zero, and not left out: an alarm on the age of the last success must also fire when there never was one.
  const lastSuccess = seconds(state.lastSuccess) ?? 0;
  gauge(
    "last_success_timestamp_seconds",
    "Unix time of the last stored backup, 0 when none is known.",
    lastSuccess,
  );
  const succeeded = state.lastStatus === "pending" ? null : Number(state.lastStatus === "success");
  gauge("last_run_success", "Whether the last finished run stored a backup.", succeeded);
  const duration = state.lastDurationMs === null ? null : state.lastDurationMs / 1000;
  gauge("last_duration_seconds", "How long the last finished run took.", duration);
  gauge("last_backup_bytes", "Size of the last stored backup.", state.lastBytes);
  family("runs_total", "counter", "Runs since the process started, by how they ended.", [
    [',status="success"', state.runs.success],
    [',status="failure"', state.runs.failure],
    [',status="skipped"', state.runs.skipped],
  ]);
  gauge("running", "Whether a run is on.", Number(state.running));
  gauge("next_run_timestamp_seconds", "Unix time of the next scheduled run.", seconds(state.nextRun));
  gauge(
    "success_due_timestamp_seconds",
    "Unix time by which a backup must be stored.",
    seconds(state.expectedBy),
  );
  gauge("start_time_seconds", "Unix time at which the process started.", seconds(state.startedAt));
  return `${lines.join("\n")}\n`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function seconds(date: Date | null): number | null {
  return date === null ? null : date.getTime() / 1000;
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

/** What a running process said of itself. */
export interface HealthReport {
  readonly ok: boolean;
  /** A phrase for the terminal. */
  readonly detail: string;
}

const ASK_TIMEOUT_MS = 2000;
const LONGEST_ANSWER = 65_536;

/**
 * Asks the process on this machine for its `/healthz`; at most 2 s, never throws.
 * Not by `fetch`: that would ask a proxy from the environment, even for 127.0.0.1.
 */
export async function askHealth(port: number): Promise<HealthReport> {
  // Loaded only here: it takes 4 MB that a backup has no use for.
  const { get } = await import("node:http");
  return await new Promise((resolve) => {
    let body = "";
    const report = (ok: boolean, detail: string): void => {
      clearTimeout(timer);
      request.destroy();
      resolve({ ok, detail });
    };
    const request = get({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (response) => {
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > LONGEST_ANSWER)
          report(false, `port ${port} is not dbstash's: its answer does not end`);
      });
      response.on("end", () => {
        const { ok, detail } = judge(response.statusCode ?? 0, body);
        report(ok, `port ${port} ${detail}`);
      });
    });
    const timer = setTimeout(() => report(false, `port ${port} gave no answer within 2 s`), ASK_TIMEOUT_MS);
    request.on("error", (error: NodeJS.ErrnoException) => {
      report(false, `port ${port} can't be reached (${error.code ?? error.message})`);
    });
  });
}

function judge(status: number, body: string): HealthReport {
  if (status !== 200) return { ok: false, detail: `answered ${status}` };
  return body.includes('"status":"healthy"')
    ? { ok: true, detail: `is healthy: ${body.trim()}` }
    : { ok: false, detail: "is not dbstash's: it gave some other answer" };
}
