import { afterEach, describe, expect, test } from "bun:test";
import { DbstashError } from "../../src/errors.ts";
import { askHealth } from "../../src/commands/healthcheck.ts";
import { type HealthServer, startHealthServer } from "../../src/daemon/health.ts";
import { type HealthState } from "../../src/daemon/monitor.ts";

const state: HealthState = {
  engine: "redis",
  database: "cache",
  startedAt: new Date("2026-02-01T00:00:00Z"),
  lastSuccess: new Date("2026-02-07T02:00:00Z"),
  lastStatus: "success",
  running: false,
  nextRun: new Date("2026-02-08T02:00:00Z"),
  expectedBy: new Date("2026-02-08T03:00:00Z"),
  lastDurationMs: 1000,
  lastBytes: 5,
  runs: { success: 1, failure: 0, skipped: 0 },
};
const now = (): Date => new Date("2026-02-07T12:00:00Z");

const servers: Pick<HealthServer, "stop">[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

function started(of: () => HealthState = () => state): HealthServer {
  const server = startHealthServer(0, of, now);
  servers.push(server);
  return server;
}

/** A server on this machine that is not dbstash's. */
function stranger(answer: () => Response | Promise<Response>): number {
  const server = Bun.serve({ port: 0, fetch: answer });
  servers.push({ stop: () => server.stop(true) });
  return server.port ?? 0;
}

function ask(port: number, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, init);
}

describe("the health server", () => {
  test("answers healthz and readyz with JSON", async () => {
    const { port } = started();
    for (const [path, status] of [
      ["/healthz", "healthy"],
      ["/readyz", "ready"],
      ["/healthz?probe=1", "healthy"],
    ] as const) {
      const response = await ask(port, path);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await response.json()).toMatchObject({ status, last_backup: "2026-02-07T02:00:00.000Z" });
    }
  });

  test("answers metrics as Prometheus' text format", async () => {
    const response = await ask(started().port, "/metrics");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await response.text()).toContain(
      '\ndbstash_last_backup_bytes{engine="redis",database="cache"} 5\n',
    );
  });

  test("asks for the state at every request", async () => {
    let current = state;
    const { port } = started(() => current);
    expect((await ask(port, "/readyz")).status).toBe(200);
    current = { ...state, lastStatus: "failure" };
    const response = await ask(port, "/readyz");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ status: "not ready", reason: "the last backup failed" });
  });

  test.each(["/healthz", "/readyz", "/metrics"])("answers HEAD %s with the headers alone", async (path) => {
    const { port } = started();
    const [head, whole] = [await ask(port, path, { method: "HEAD" }), await ask(port, path)];
    expect(head.status).toBe(200);
    expect(head.headers.get("content-type")).toBe(whole.headers.get("content-type"));
    expect(await head.text()).toBe("");
  });

  test.each(["/", "/health", "/healthz/", "/metrics/x", "/%2e"])("does not know %s", async (path) => {
    expect((await ask(started().port, path)).status).toBe(404);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("does not take %s", async (method) => {
    const response = await ask(started().port, "/healthz", { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  test("names the setting when its port is in use, and says what to do", () => {
    const { port } = started();
    let thrown: unknown;
    try {
      servers.push(startHealthServer(port, () => state, now));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DbstashError);
    expect((thrown as DbstashError).message).toBe(`HEALTH_PORT (--health-port): port ${port} is in use`);
    expect((thrown as DbstashError).hint).toBe("choose another port, or 0 for no health server");
  });

  test("frees its port when it stops, whoever is still connected", async () => {
    const { port, stop } = started();
    using idle = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    expect(idle.readyState).toBe(1);
    await stop();
    const again = startHealthServer(port, () => state, now);
    servers.push(again);
    expect((await ask(port, "/healthz")).status).toBe(200);
  });
});

describe("the health check", () => {
  test("is good when the process answers, whatever its backups do", async () => {
    const { port } = started(() => ({ ...state, lastStatus: "failure" }));
    const { ok, detail } = await askHealth(port);
    expect(detail).toStartWith(`port ${port} is healthy: {"status":"healthy"`);
    expect(ok).toBe(true);
  });

  test("is bad when nothing listens", async () => {
    const { port, stop } = started();
    await stop();
    expect(await askHealth(port)).toEqual({
      ok: false,
      detail: `port ${port} can't be reached (ECONNREFUSED)`,
    });
  });

  test.each([
    ["an error", () => new Response('{"status":"healthy"}', { status: 500 }), "answered 500"],
    ["a redirect", () => Response.redirect("/healthz", 302), "answered 302"],
    ["another page", () => new Response("<html>"), "is not dbstash's: it gave some other answer"],
    [
      "a page without end",
      () => new Response("x".repeat(70_000)),
      "is not dbstash's: its answer does not end",
    ],
  ])("is bad when the port gives %s", async (_, answer, detail) => {
    const port = stranger(answer);
    expect(await askHealth(port)).toEqual({ ok: false, detail: `port ${port} ${detail}` });
  });

  test("is bad after two seconds without an answer", async () => {
    const port = stranger(() => new Promise<Response>(() => {}));
    const startedMs = performance.now();
    expect(await askHealth(port)).toEqual({ ok: false, detail: `port ${port} gave no answer within 2 s` });
    expect(performance.now() - startedMs).toBeWithin(1950, 4000);
  });

  test("asks this machine itself, never a proxy of the environment", async () => {
    const { port } = started();
    const proxied: string[] = [];
    const proxy = stranger(() => {
      proxied.push("asked");
      return new Response("proxy");
    });
    const program = `
      const { askHealth } = await import(${JSON.stringify(`${import.meta.dir}/../../src/commands/healthcheck.ts`)});
      console.log(JSON.stringify(await askHealth(${port})));`;
    const proxyUrl = `http://127.0.0.1:${proxy}`;
    const child = Bun.spawn([process.execPath, "-e", program], {
      env: { HTTP_PROXY: proxyUrl, http_proxy: proxyUrl, ALL_PROXY: proxyUrl },
      stdout: "pipe",
    });
    expect(JSON.parse(await child.stdout.text())).toMatchObject({ ok: true });
    expect(await child.exited).toBe(0);
    expect(proxied).toEqual([]);
  });
});
