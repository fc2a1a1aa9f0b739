import { afterEach, describe, expect, test } from "bun:test";
import { DbstashError } from "../../src/errors.ts";
import { askHealth } from "../../src/commands/healthcheck.ts";
import { type HealthServer, startHealthServer } from "../../src/daemon/health.ts";
import { type HealthState } from "../../src/daemon/monitor.ts";
import { pageAt } from "../../src/daemon/pages.ts";
import { row, state as known } from "../unit/daemon/states.ts";

const state: HealthState = {
  ...known,
  engine: "redis",
  database: "cache",
  rows: [{ ...row, database: "cache", lastBytes: 5, lastSuccess: new Date("2026-02-07T02:00:00Z") }],
};
const failing: HealthState = { ...state, rows: [{ ...row, lastStatus: "failure" }] };
const now = (): Date => new Date("2026-02-07T12:00:00Z");

const servers: { stop(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

function started(of: () => HealthState = () => state, address: string | null = null, port = 0): HealthServer {
  const server = startHealthServer({ address, port, page: async (path) => pageAt(path, of(), now()), now });
  servers.push(server);
  return server;
}

/** Says all it has to say at once, and then only listens. */
const halfCloser = `const socket = require("net").connect({ port: Number(process.argv[1]), host: "127.0.0.1", allowHalfOpen: true });
socket.end("GET / HTTP/1.1\\r\\n\\r\\n"); socket.pipe(process.stdout);`;

/** A server on this machine that is not dbstash's. */
function stranger(answer: () => Response | Promise<Response>): number {
  const server = Bun.serve({ port: 0, fetch: answer });
  servers.push({ stop: () => server.stop(true) });
  return server.port ?? 0;
}

function thrownBy(start: () => unknown): unknown {
  try {
    return start();
  } catch (error) {
    return error;
  }
}

/** A client that says what it likes, and all that it is answered until the end. */
async function connected(port: number) {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const end = (): void => resolve(text);
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: (_, bytes) => void (text += bytes.toString()), end, close: end, error: end },
  });
  servers.push({ stop: () => socket.terminate() });
  return { socket, answer: promise };
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
      '\ndbstash_last_backup_bytes{engine="redis",database="cache",place="s3:backups"} 5\n',
    );
  });

  test("asks for the state at every request", async () => {
    let current = state;
    const { port } = started(() => current);
    expect((await ask(port, "/readyz")).status).toBe(200);
    current = failing;
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
    const thrown = thrownBy(() => started(() => state, null, port));
    expect(thrown).toBeInstanceOf(DbstashError);
    expect((thrown as DbstashError).message).toBe(`HEALTH_PORT (--health-port): port ${port} is in use`);
    expect((thrown as DbstashError).hint).toBe("choose another port, or 0 for no health server");
  });

  test("listens at one address alone when told to", async () => {
    const { port } = started(() => state, "127.0.0.2");
    expect((await fetch(`http://127.0.0.2:${port}/healthz`)).status).toBe(200);
    expect(await ask(port, "/healthz").catch(() => "refused")).toBe("refused");
    expect(await askHealth(port, "127.0.0.2")).toMatchObject({ ok: true });
    expect(thrownBy(() => started(() => state, "127.0.0.2", port))).toMatchObject({
      message: `HEALTH_PORT (--health-port): port ${port} is in use at 127.0.0.2`,
    });
  });

  test.each([
    ["0.0.0.0", "127.0.0.1"],
    ["::", "127.0.0.1"],
    ["::1", "[::1]"],
  ])("at %s is found by who asks %s, and by the check", async (address, host) => {
    const { port } = started(() => state, address);
    expect((await fetch(`http://${host}:${port}/healthz`)).status).toBe(200);
    expect(await askHealth(port, address)).toMatchObject({ ok: true });
  });

  test("names the setting when its address is not this machine's", () => {
    expect(thrownBy(() => started(() => state, "192.0.2.1"))).toMatchObject({
      message: "HEALTH_ADDRESS (--health-address): 192.0.2.1 is no address of this machine",
      hint: expect.stringContaining("ip address"),
    });
  });

  test.each([
    ["a letter at a time", [..."GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"], "200 OK"],
    ["as old clients do", ["GET /healthz HTTP/1.0\r\n\r\n"], "200 OK"],
    ["with a body that nobody reads", ["POST /healthz HTTP/1.1\r\n\r\n", "x".repeat(100_000)], "405"],
    ["without an end", ["GET /healthz HTTP/1.1\r\nx: ", "y".repeat(9000)], "431"],
    ["in another language", ["\x16\x03\x01\r\n\r\n"], "400"],
  ])("takes a request that comes %s", async (_, pieces, status) => {
    const { socket, answer } = await connected(started().port);
    for (const piece of pieces) {
      socket.write(piece);
      await Bun.sleep(0);
    }
    expect((await answer).slice(9, 9 + status.length)).toBe(status);
    socket.terminate();
  });

  test("closes who has not asked in five seconds", async () => {
    const { socket, answer } = await connected(started().port);
    const startedMs = performance.now();
    socket.write("GET /healthz HTTP/1.1\r\n");
    expect(await answer).toBe("");
    expect(performance.now() - startedMs).toBeWithin(4900, 7000);
  }, 10_000);

  test("closes who has waited longest when a 33rd comes, and answers the others", async () => {
    const { port } = started();
    const first = await connected(port);
    const others = [];
    for (let count = 0; count < 31; count += 1) others.push(await connected(port));
    const last = await connected(port);
    expect(await first.answer).toBe("");
    for (const { socket, answer } of [...others, last]) {
      socket.write("HEAD /readyz HTTP/1.1\r\n\r\n");
      expect(await answer).toStartWith("HTTP/1.1 200 OK\r\n");
    }
  });

  test("answers with 500 where a page can't be made, and goes on", async () => {
    const page = async (path: string) => {
      if (path === "/broken") throw new Error("a mistake");
      return { status: 200, type: "text/plain", body: "well" };
    };
    const server = startHealthServer({ address: null, port: 0, page, now });
    servers.push(server);
    const broken = await ask(server.port, "/broken");
    expect([broken.status, await broken.text()]).toEqual([500, "this page can't be drawn\n"]);
    expect(await (await ask(server.port, "/")).text()).toBe("well");
  });

  test("answers a client that has closed its own half, also where the page takes its time", async () => {
    const made = Promise.withResolvers<void>();
    const page = async () => {
      await made.promise;
      return { status: 200, type: "text/plain", body: "late" };
    };
    const server = startHealthServer({ address: null, port: 0, page, now });
    servers.push(server);
    const child = Bun.spawn(["node", "-e", halfCloser, String(server.port)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const answer = new Response(child.stdout).text();
    setTimeout(() => made.resolve(), 300);
    expect(await answer).toEndWith("late");
  });

  test("gives a long answer whole to who reads slowly", async () => {
    const body = "x".repeat(20_000_000);
    const page = async () => ({ status: 200, type: "text/plain", body });
    const server = startHealthServer({ address: null, port: 0, page, now });
    servers.push(server);
    const response = await ask(server.port, "/");
    await Bun.sleep(200);
    expect((await response.text()).length).toBe(body.length);
  });

  test("frees its port when it stops, whoever is still connected", async () => {
    const { port, stop } = started();
    using idle = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    expect(idle.readyState).toBe(1);
    stop();
    started(() => state, null, port);
    expect((await ask(port, "/healthz")).status).toBe(200);
  });
});

describe("the health check", () => {
  test("is good when the process answers, whatever its backups do", async () => {
    const { port } = started(() => failing);
    const { ok, detail } = await askHealth(port);
    expect(detail).toStartWith(`port ${port} is healthy: {"status":"healthy"`);
    expect(ok).toBe(true);
  });

  test("is bad when nothing listens", async () => {
    const { port, stop } = started();
    stop();
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
