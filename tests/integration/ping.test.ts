import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import type { DbstashResult } from "../support/dbstash.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { startWebhook, type Webhook, type WebhookRequest } from "../support/webhook.ts";
import { localPlace, startFaultRun, tools } from "./places.ts";

const { describe, test } = needs("rclone-current");

const uuid = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";

interface Told {
  readonly dump?: string;
  readonly env?: Record<string, string>;
  /** Below the receiver's address. */
  readonly path?: string;
  /** Sent once the dump is on. */
  readonly signal?: NodeJS.Signals;
}

/** A run whose pings this receiver gets; `HC` in its environment stands for the receiver. */
async function runTold(
  receiver: Webhook,
  { dump = "echo data", env = {}, path, signal }: Told,
): Promise<DbstashResult> {
  using place = localPlace();
  using fakes = tools({ pg_dump: `: >"$FAKE_DIR/begun"; ${dump}` });
  const PING_URL = `${receiver.url}${path ?? `/ping/${uuid}`}`;
  const running = startFaultRun({ place, tools: fakes, env: { PING_URL, ...env } });
  if (signal !== undefined) {
    await waitFor("the dump", () => existsSync(join(fakes.dir, "begun")));
    running.signal(signal);
  }
  const result = await running.exited;
  await waitUntilGone(running.id);
  return result;
}

const told = ({ method, path }: WebhookRequest): string => `${method} ${path}`;
const idOf = ({ lines }: DbstashResult): string =>
  String(lines.find(({ msg }) => msg === "backup started")?.["backup_id"]);
const warnings = ({ lines }: DbstashResult): unknown[] =>
  lines
    .filter(({ level, msg }) => level === "warn" && msg.includes("ping"))
    .map(({ ping, error }) => [ping, error]);

describe("Healthchecks hears of the start, then of the end, with the run's id:", () => {
  const outcomes: [string, number, Told, string, RegExp][] = [
    ["stored", 0, {}, "", /^✅ backup of app \(pg\) stored\n\n(.+\n)*Duration: \d/],
    ["failed", 1, { dump: "echo boom >&2; exit 1" }, "/fail", /^❌ backup of app \(pg\) failed\n\n.*boom/],
    [
      "stored with warnings",
      3,
      { env: { HOOK_POST_BACKUP: "exit 7" } },
      "/fail",
      /^⚠️ backup of app \(pg\) stored, with warnings\n(.*\n)*Warnings: HOOK_POST_BACKUP/,
    ],
    ["hung up", 129, { dump: "exec sleep 600", signal: "SIGHUP" }, "/fail", /stopped by SIGHUP/],
    ["interrupted", 130, { dump: "exec sleep 600", signal: "SIGINT" }, "/fail", /stopped by SIGINT/],
    ["terminated", 143, { dump: "exec sleep 600", signal: "SIGTERM" }, "/fail", /stopped by SIGTERM/],
  ];
  for (const [title, code, run, suffix, body] of outcomes)
    test(`${title} (${code})`, async () => {
      await using receiver = startWebhook();
      const result = await runTold(receiver, run);
      expect(result.exitCode).toBe(code);
      const id = idOf(result);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
      expect(receiver.requests.map(told)).toEqual([
        `POST /ping/${uuid}/start?rid=${id}`,
        `POST /ping/${uuid}${suffix}?rid=${id}`,
      ]);
      expect(receiver.requests[0]?.body).toBe("");
      expect(receiver.requests[1]?.body).toMatch(body);
      expect(receiver.requests[1]?.headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(result.lastLine?.["exit_code"]).toBe(code);
      expect(result.stdout + result.stderr).not.toContain(uuid);
    });

  test("a run that is skipped (4) says nothing: the one that holds the lock does", async () => {
    await using receiver = startWebhook();
    using place = localPlace();
    using fakes = tools({
      pg_dump: ': >"$FAKE_DIR/begun"; until [ -e "$FAKE_DIR/go" ]; do sleep 0.05; done; echo data',
    });
    const env = { PING_URL: `${receiver.url}/${uuid}`, XDG_RUNTIME_DIR: fakes.dir };
    const first = startFaultRun({ place, tools: fakes, env });
    await waitFor("the dump", () => existsSync(join(fakes.dir, "begun")));
    const second = await startFaultRun({ place, tools: fakes, env }).exited;
    await Bun.write(join(fakes.dir, "go"), "");
    const result = await first.exited;
    expect([second.exitCode, result.exitCode]).toEqual([4, 0]);
    expect(receiver.requests.map(told)).toEqual([
      `POST /${uuid}/start?rid=${idOf(result)}`,
      `POST /${uuid}?rid=${idOf(result)}`,
    ]);
  });

  const wrong: [string, Record<string, string>, RegExp][] = [
    ["in once mode", {}, /TZ \(--tz\)/],
    ["at the daemon's start", { BACKUP_SCHEDULE: "0 2 * * *" }, /TZ \(--tz\)/],
    ["in a schedule itself", { BACKUP_SCHEDULE: "61 2 * * *" }, /BACKUP_SCHEDULE \(--backup-schedule\)/],
  ];
  for (const [title, env, body] of wrong)
    test(`wrong settings (2) are a failure without a start, ${title}`, async () => {
      await using receiver = startWebhook();
      const result = await runTold(receiver, { env: { TZ: "Europe/Atlantis", ...env } });
      expect(result.exitCode).toBe(2);
      expect(receiver.requests.map(told)).toEqual([`POST /ping/${uuid}/fail`]);
      expect(receiver.requests[0]?.body).toMatch(body);
      expect(receiver.requests[0]?.body).toStartWith(
        "❌ backup of app (pg) can't run: its settings are wrong\n",
      );
    });

  test("a port that can't be had keeps the daemon from its work, which is told", async () => {
    await using receiver = startWebhook();
    const HEALTH_PORT = new URL(receiver.url).port;
    const env = { BACKUP_SCHEDULE: "0 2 * * *", HEALTH_PORT, HEALTH_ADDRESS: "127.0.0.1" };
    const result = await runTold(receiver, { env });
    expect(result.exitCode).toBe(2);
    expect(receiver.requests.map(told)).toEqual([`POST /ping/${uuid}/fail`]);
    expect(receiver.requests[0]?.body).toContain("HEALTH_PORT");
  });

  test("a dry run calls nobody, whatever is wrong", async () => {
    await using receiver = startWebhook();
    const codes = [
      (await runTold(receiver, { env: { DRY_RUN: "true" } })).exitCode,
      (await runTold(receiver, { env: { DRY_RUN: "true", TZ: "Europe/Atlantis" } })).exitCode,
    ];
    expect(codes).toEqual([0, 2]);
    expect(receiver.requests).toEqual([]);
  });
});

describe("Uptime Kuma", () => {
  const path = "/api/push/TOKENTOKEN?status=up&msg=OK&ping=";

  const outcomes: [string, number, Told, RegExp][] = [
    ["up", 0, {}, /^✅ backup of app \(pg\) stored: 5 B in \d/],
    ["down", 1, { dump: "echo boom >&2; exit 1" }, /^❌ backup of app \(pg\) failed: .*boom/],
    ["down", 3, { env: { HOOK_POST_BACKUP: "exit 7" } }, /^⚠️ .*: HOOK_POST_BACKUP/],
    ["down", 143, { dump: "exec sleep 600", signal: "SIGTERM" }, /stopped by SIGTERM/],
    ["down", 2, { env: { TZ: "Europe/Atlantis" } }, /settings are wrong: TZ/],
  ];
  for (const [status, code, run, msg] of outcomes)
    test(`gets one call, which says ${status}, of a run that ends with ${code}`, async () => {
      await using receiver = startWebhook();
      expect((await runTold(receiver, { ...run, path })).exitCode).toBe(code);
      expect(receiver.requests.map(({ method, body }) => [method, body])).toEqual([["GET", ""]]);
      const { pathname, searchParams } = new URL(receiver.requests[0]?.path ?? "", receiver.url);
      expect([pathname, searchParams.get("status")]).toEqual(["/api/push/TOKENTOKEN", status]);
      expect(searchParams.get("msg")).toMatch(msg);
      expect(searchParams.get("ping")).toMatch(code === 2 ? /^$/ : /^\d+$/);
    });
});

test("Cronitor gets run and complete of one series", async () => {
  // It is known by its host alone: the receiver is the proxy on the way there.
  await using receiver = startWebhook();
  const env = { PING_URL: "http://cronitor.link/p/KEYKEYKEY/nightly?env=prod", http_proxy: receiver.url };
  const result = await runTold(receiver, { env });
  expect(result.exitCode).toBe(0);
  const calls = receiver.requests.map(({ method, headers, path }) => {
    const { pathname, searchParams } = new URL(path, receiver.url);
    const { env: kept, state, series, status_code: code } = Object.fromEntries(searchParams);
    return [method, headers["host"], pathname, kept, state, series, code];
  });
  const id = idOf(result);
  expect(calls).toEqual([
    ["GET", "cronitor.link", "/p/KEYKEYKEY/nightly", "prod", "run", id, undefined],
    ["GET", "cronitor.link", "/p/KEYKEYKEY/nightly", "prod", "complete", id, "0"],
  ]);
});

describe("a receiver", () => {
  test("that answers 500 is tried again at the end, and costs a warning", async () => {
    await using receiver = startWebhook();
    receiver.script([{ status: 500, body: `no ${uuid} here` }]);
    const result = await runTold(receiver, {});
    expect([result.exitCode, result.lastLine?.["status"]]).toEqual([0, "success"]);
    const kinds = receiver.requests.map(({ path }) => (path.includes("/start") ? "start" : "end"));
    // A run that takes longer than the first pause has its start told again.
    expect(kinds.join(" ")).toMatch(/^(start ){1,3}end end end$/);
    expect(warnings(result)).toEqual([
      ["start", "the ping's address answered 500: no [secret] here"],
      ["success", "the ping's address answered 500: no [secret] here"],
    ]);
    expect(result.stdout).not.toContain(uuid);
  }, 40_000);

  test("that is busy at first hears of the end all the same", async () => {
    await using receiver = startWebhook();
    receiver.script([{}, { status: 429, headers: { "retry-after": "1" } }, {}]);
    const result = await runTold(receiver, {});
    expect(result.exitCode).toBe(0);
    const [, busy, taken] = receiver.requests;
    expect(busy?.path).toBe(taken?.path ?? "");
    expect((taken?.atMs ?? 0) - (busy?.atMs ?? 0)).toBeWithin(900, 5000);
    expect(warnings(result)).toEqual([]);
  });

  test("that sends elsewhere is not followed, which the log tells", async () => {
    await using elsewhere = startWebhook();
    await using receiver = startWebhook();
    receiver.script([{ status: 301, headers: { location: elsewhere.url } }]);
    const result = await runTold(receiver, {});
    expect(result.exitCode).toBe(0);
    expect(elsewhere.requests).toEqual([]);
    expect(receiver.requests).toHaveLength(2);
    const words = "the ping's address answered with a redirect (301), which is not followed";
    expect(warnings(result)).toEqual([
      ["start", words],
      ["success", words],
    ]);
  });

  test("that is not there costs a warning", async () => {
    const receiver = startWebhook();
    await receiver.stop();
    const result = await runTold(receiver, {});
    expect(result.exitCode).toBe(0);
    expect(warnings(result)).toEqual([
      ["start", "the ping's address can't be reached (ECONNREFUSED)"],
      ["success", "the ping's address can't be reached (ECONNREFUSED)"],
    ]);
  }, 40_000);

  test("that hangs at the start does not hold up the dump, and the end is told after its try of 10 s", async () => {
    await using receiver = startWebhook();
    receiver.script([{ hang: true }, {}]);
    const result = await runTold(receiver, {});
    const at = (message: string): number =>
      Date.parse(result.lines.find(({ msg }) => msg === message)?.time ?? "");
    expect(result.exitCode).toBe(0);
    expect(at("backup verified") - at("backup started")).toBeLessThan(6000);
    const [start, end] = receiver.requests;
    expect([start?.path.includes("/start"), end?.path.includes("/start")]).toEqual([true, false]);
    expect((end?.atMs ?? 0) - (start?.atMs ?? 0)).toBeWithin(9000, 13_000);
    expect(warnings(result)).toEqual([["start", "the ping's address gave no answer within 10 s"]]);
  }, 40_000);

  test("that hangs holds up a run that was stopped for 3 s, in one try", async () => {
    await using receiver = startWebhook();
    receiver.script([{ hang: true }]);
    const startedMs = performance.now();
    const result = await runTold(receiver, { dump: "exec sleep 600", signal: "SIGTERM" });
    expect(result.exitCode).toBe(143);
    expect(receiver.requests).toHaveLength(2);
    expect(performance.now() - startedMs).toBeWithin(2900, 9000);
    expect(warnings(result)).toEqual([
      ["start", "sending was stopped"],
      ["failure", "sending was stopped"],
    ]);
  });
});

for (const [PING_URL = "", words] of [
  ["hc-ping.com/topsecretvalue", "must be a URL"],
  ["ftp://hc-ping.com/topsecretvalue", "must begin with https:// or http://"],
])
  test(`PING_URL=${PING_URL} is an error at the start that does not show it`, async () => {
    await using receiver = startWebhook();
    const result = await runTold(receiver, { env: { PING_URL } });
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain(`error: PING_URL (--ping-url) ${words}\n`);
    expect(result.stdout + result.stderr).not.toContain("topsecret");
    expect(receiver.requests).toEqual([]);
  });
