import { describe, expect, test } from "bun:test";
import type { PingEvent } from "../../../src/notify/ping-service.ts";
import {
  pingMistake,
  pingOfResult,
  pingOfSettings,
  pingOfStart,
  pingServiceOf,
  pingOfTest,
} from "../../../src/notify/ping-services.ts";
import { notificationOfSettings } from "../../../src/notify/message.ts";
import { failed, message, stored, warned } from "./results.ts";

const run = stored.backupId;
const start = pingOfStart(run);
const [success, warning, failure] = [stored, warned, failed].map((result) =>
  pingOfResult(result, stored.backupId, "host"),
);

function requestOf(address: string, event: PingEvent | undefined) {
  const url = new URL(address);
  return event === undefined ? null : pingServiceOf(url).request(url, event);
}

test.each([
  ["https://hc-ping.com/5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278", "Healthchecks"],
  ["http://health.example:8000/ping/5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278", "Healthchecks"],
  ["https://anything.example/beat/x", "Healthchecks"],
  ["https://kuma.example/api/push/abcDEF123", "Uptime Kuma"],
  ["https://host.example/kuma/api/push/abcDEF123?status=up&msg=OK&ping=", "Uptime Kuma"],
  ["https://host.example/api/push/", "Healthchecks"],
  ["https://cronitor.link/p/key/nightly", "Cronitor"],
  ["https://cronitor.link.evil.example/p/key/nightly", "Healthchecks"],
])("%s is called the way of %s", (address, name) => {
  expect(pingServiceOf(new URL(address)).name).toBe(name);
});

describe("Healthchecks'", () => {
  test.each([
    ["https://hc-ping.com/UUID", start, `https://hc-ping.com/UUID/start?rid=${run}`],
    ["https://hc-ping.com/UUID", success, `https://hc-ping.com/UUID?rid=${run}`],
    ["https://hc-ping.com/UUID", failure, `https://hc-ping.com/UUID/fail?rid=${run}`],
    ["https://hc-ping.com/UUID", warning, `https://hc-ping.com/UUID/fail?rid=${run}`],
    [
      "https://hc-ping.com/key/shop?create=1",
      start,
      `https://hc-ping.com/key/shop/start?create=1&rid=${run}`,
    ],
    ["https://hc-ping.com/key/shop?create=1", success, `https://hc-ping.com/key/shop?create=1&rid=${run}`],
    ["https://hc-ping.com/UUID/#x", failure, `https://hc-ping.com/UUID/fail?rid=${run}`],
    ["https://u:p@hc.example/UUID", failure, `https://u:p@hc.example/UUID/fail?rid=${run}`],
  ])("suffixes go before a ?: %s", (address, event, url) => {
    expect(requestOf(address, event)).toMatchObject({ method: "POST", url });
  });

  const bodyOf = (event: PingEvent | undefined) => requestOf("https://hc-ping.com/UUID", event)?.body;

  test("posts say what happened", () => {
    expect(bodyOf(start)).toBe("");
    expect(bodyOf(success)).toBe(
      [
        "✅ backup of shop (pg) stored",
        "",
        "Engine: pg",
        "Database: shop",
        "Host: host",
        "Size: 1.5 GiB",
        "Duration: 3m 12s",
        "Finished: 2026-02-07T02:03:12Z",
        "Remote path: s3:backups/shop-20260207T020000Z.sql",
        `Backup id: ${run}`,
      ].join("\n"),
    );
    expect(bodyOf(failure)).toStartWith(
      '❌ backup of shop (pg) failed\n\npg_dump failed: relation "a<b>" & more\nhint: look at `the` server\n',
    );
    expect(bodyOf(warning)).toContain("\nWarnings: retention failed: no such bucket\npost hook failed\n");
  });

  test("have 10 kB at most", () => {
    const event = pingOfResult(
      { ...failed, error: { message: "漢😀".repeat(9000) } },
      stored.backupId,
      "host",
    );
    expect(Buffer.byteLength(bodyOf(event) ?? "")).toBeWithin(9990, 10_001);
  });
});

describe("Uptime Kuma's", () => {
  const address = "https://kuma.example/api/push/TOKEN?status=up&msg=OK&ping=";
  const query = (event: PingEvent | undefined) => {
    const request = requestOf(address, event);
    if (request === null) return null;
    const { origin, pathname, searchParams } = new URL(request.url);
    expect([request.method, request.body, origin + pathname]).toEqual([
      "GET",
      undefined,
      "https://kuma.example/api/push/TOKEN",
    ]);
    return Object.fromEntries(searchParams);
  };

  test("is not told of a start, which it would take for up", () => {
    expect(query(start)).toBeNull();
  });

  test("the query that was pasted is replaced", () => {
    expect(query(success)).toEqual({
      status: "up",
      msg: "✅ backup of shop (pg) stored: 1.5 GiB in 3m 12s",
      ping: "192000",
    });
    expect(query(failure)).toEqual({
      status: "down",
      msg: '❌ backup of shop (pg) failed: pg_dump failed: relation "a<b>" & more hint: look at `the` server',
      ping: "192000",
    });
    expect(query(warning)?.["msg"]).toBe(
      "⚠️ backup of shop (pg) stored, with warnings: retention failed: no such bucket; post hook failed",
    );
  });

  test("a time of more than a day, which it refuses, is left out", () => {
    expect(query(pingOfResult({ ...stored, durationMs: 86_400_000 }, stored.backupId, "h"))?.["ping"]).toBe(
      "86400000",
    );
    expect(query(pingOfResult({ ...stored, durationMs: 86_400_001 }, stored.backupId, "h"))?.["ping"]).toBe(
      "",
    );
  });
});

describe("Cronitor's", () => {
  const address = "https://cronitor.link/p/KEY/nightly?env=production&state=complete";
  const query = (event: PingEvent | undefined) => {
    const { url = "", method } = requestOf(address, event) ?? {};
    expect(method).toBe("GET");
    expect(url).toStartWith("https://cronitor.link/p/KEY/nightly?");
    return Object.fromEntries(new URL(url).searchParams);
  };

  test("run, complete and fail of one series", () => {
    expect(query(start)).toEqual({ env: "production", state: "run", series: run });
    expect(query(success)).toEqual({
      env: "production",
      state: "complete",
      series: run,
      message: "✅ backup of shop (pg) stored: 1.5 GiB in 3m 12s",
      metric: "duration:192",
      status_code: "0",
    });
    expect(query(failure)).toMatchObject({ state: "fail", series: run, status_code: "1" });
    expect(query(warning)).toMatchObject({ state: "fail", series: run, status_code: "3" });
  });
});

test.each(["https://kuma.example/api/push/TOKEN", "https://cronitor.link/p/KEY/nightly"])(
  "an address stays short enough for servers, and is whole: %s",
  (address) => {
    for (const text of ["x", "😀", "漢", "%", "\n", "\ud800"]) {
      const event = pingOfResult(
        { ...failed, error: { message: text.repeat(20_000) } },
        stored.backupId,
        "h",
      );
      const url = requestOf(address, event)?.url ?? "";
      expect(url.length).toBeLessThan(4000);
      const said = new URL(url).searchParams.get("msg") ?? new URL(url).searchParams.get("message") ?? "";
      expect(said.length).toBeLessThanOrEqual(2000);
      expect(said.replaceAll(text.toWellFormed(), "")).not.toContain("\ufffd");
    }
  },
);

test("wrong settings are a failure of no run", () => {
  const problems = [{ message: "TZ is wrong", hint: "use UTC" }, { message: "DB_PORT is wrong" }];
  const about = { engine: "pg", database: null, host: "h", now: new Date(0) };
  const event = pingOfSettings(notificationOfSettings(about, problems), problems);
  expect(event).toMatchObject({
    kind: "failure",
    runId: null,
    exitCode: 2,
    line: "❌ backup of a database (pg) can't run: its settings are wrong: TZ is wrong; DB_PORT is wrong",
  });
  expect(requestOf("https://hc-ping.com/UUID?create=1", event)?.url).toBe(
    "https://hc-ping.com/UUID/fail?create=1",
  );
  expect(event.text).toContain("TZ is wrong\nhint: use UTC\nDB_PORT is wrong\n");
});

test.each([
  ["https://hc-ping.com/UUID", "https://hc-ping.com/UUID/log"],
  ["https://kuma.example/api/push/TOKEN", undefined],
  ["https://cronitor.link/p/KEY/nightly", undefined],
])("a test changes nothing at %s", (address, url) => {
  expect(requestOf(address, pingOfTest(message(stored)))?.url).toBe(url);
});

const another = "holds another URL: there can be one alone";
const added = "ends in what a run adds by itself (/start, /fail and the like): leave that out";

test.each([
  ["https://hc-ping.com/UUID", null],
  ["hc-ping.com/UUID", "must be a URL"],
  ["UUID", "must be a URL"],
  ["ftp://hc-ping.com/UUID", "must begin with https:// or http://"],
  ["https://hc-ping.com/UUID https://hc-ping.com/OTHER", another],
  ["https://hc-ping.com/UUID,https://hc-ping.com/OTHER", another],
  ["https://hc-ping.com/<your-uuid>", "holds a placeholder, which nothing replaces here"],
  [`https://hc.example/ping/${crypto.randomUUID()}`, null],
  [`https://hc.example/ping/${crypto.randomUUID()}/start`, added],
  [`https://hc.example/ping/${crypto.randomUUID()}/0`, added],
  ["https://hc-ping.com/KEY/nightly/fail", added],
  ["https://hc-ping.com/KEY/start", null],
])("%s: %p", (address, mistake) => {
  expect(pingMistake(address)).toBe(mistake);
});
