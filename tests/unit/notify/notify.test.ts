import { describe, expect, test } from "bun:test";
import { endingOf } from "../../../src/notify/message.ts";
import { type NotifyOn, notify, notifyOfSkips, shouldNotify } from "../../../src/notify/notify.ts";
import { Past } from "../../../src/notify/past.ts";
import type { BackupResult } from "../../../src/result.ts";
import { type Env, resolve, uri } from "../job/jobs.ts";
import { recordedLog } from "../recorded-log.ts";
import { failed, stored, warned } from "./results.ts";

const hook = { NOTIFY_WEBHOOK_URL: "https://hooks.example/T0/B0/secretpart" };

describe("shouldNotify", () => {
  test.each([
    ["always", [true, true, true]],
    ["failure", [false, true, true]],
    ["success", [true, true, false]],
  ] as [NotifyOn, boolean[]][])("%s tells of stored, warned, failed: %j", (on, expected) => {
    expect([stored, warned, failed].map((result) => shouldNotify(on, endingOf(result)))).toEqual(expected);
  });

  test.each(["always", "failure", "success"] as const)("%s tells of a success after failures", (on) => {
    expect(shouldNotify(on, "success", true)).toBe(true);
  });
});

describe("a run is told", () => {
  test.each<[string, Env, BackupResult, number]>([
    ["when it failed", hook, failed, 1],
    ["not when it went well, unless that is asked for", hook, stored, 0],
    ["when it went well and that is asked for", { ...hook, NOTIFY_ON: "always" }, stored, 1],
    ["to nobody where there is no webhook", { NOTIFY_ON: "always" }, failed, 0],
  ])("%s", async (_, env, result, count) => {
    const { bodies, lines } = await tell(env, result, () => new Response("ok"));
    expect(bodies).toHaveLength(count);
    expect(lines).toMatchObject(
      count === 0 ? [] : [{ level: "debug", msg: "notification sent", attempts: 1 }],
    );
    expect(bodies.join()).not.toContain("secretpart");
  });

  test("in vain where the webhook refuses, which is a warning without its address", async () => {
    const answer = () => new Response("no team at /T0/B0/secretpart", { status: 404 });
    const { lines } = await tell(hook, failed, answer);
    expect(lines).toMatchObject([
      { level: "warn", msg: "the notification could not be delivered", attempts: 1 },
    ]);
    expect(lines[0]?.["error"]).toContain("the webhook answered 404: no team at [secret]");
  });
});

describe("several webhooks", () => {
  const NOTIFY_WEBHOOK_URL =
    "https://hooks.example/secretpart json+https://b.example/\nntfy+https://c.example/topic";

  test("each get their own, and one that refuses does not stop the others", async () => {
    let calls = 0;
    const { bodies, urls, lines } = await tell({ NOTIFY_WEBHOOK_URL }, failed, () => {
      calls += 1;
      return new Response(null, { status: calls === 2 ? 404 : 200 });
    });
    expect(urls).toEqual([
      "https://hooks.example/secretpart",
      "https://b.example/",
      "https://c.example/topic",
    ]);
    expect(bodies.map((body) => /attachments|backup_id|^pg_dump failed/.exec(body)?.[0])).toEqual([
      "attachments",
      "backup_id",
      "pg_dump failed",
    ]);
    expect(lines).toMatchObject([
      { level: "debug", webhook: "1 of 3" },
      { level: "warn", webhook: "2 of 3", error: "the webhook answered 404" },
      { level: "debug", webhook: "3 of 3" },
    ]);
  });
});

describe("a schedule", () => {
  test("tells of the first success after failures, and not of the next", async () => {
    const past = new Past();
    const titles: (string | undefined)[] = [];
    for (const result of [stored, failed, failed, stored, stored]) {
      const { bodies } = await tell(hook, result, () => new Response("ok"), past);
      titles.push(...bodies.map((body) => (JSON.parse(body) as { text: string }).text));
      past.finished(result);
    }
    expect(titles).toEqual([
      "❌ backup of shop (pg) failed",
      "❌ backup of shop (pg) failed",
      "✅ backup of shop (pg) stored again, after 2 failures since 2026-02-07T02:00:00Z",
    ]);
  });

  test("tells of the fourth skip in a row, once, and anew after a run", () => {
    const past = new Past();
    const skips = (count: number) => Array.from({ length: count }, () => past.skipped());
    expect(skips(6)).toEqual([false, false, false, true, false, false]);
    past.finished(failed);
    expect(skips(4)).toEqual([false, false, false, true]);
    expect(past.failures).toEqual({ count: 1, since: failed.startedAt });
  });

  test.each([
    ["failure", 1],
    ["always", 1],
    ["success", 0],
  ])("with NOTIFY_ON=%s sends %i message of skips", async (NOTIFY_ON, count) => {
    const { bodies, doors } = world(() => new Response("ok"));
    await notifyOfSkips(resolve({ ...uri, ...hook, NOTIFY_ON }), doors);
    expect(bodies).toHaveLength(count);
  });
});

/** Tells of a run; what was sent, and what was logged about it. */
async function tell(env: Env, result: BackupResult, answer: () => Response, past = new Past()) {
  const { doors, ...seen } = world(answer);
  await notify(resolve({ ...uri, ...env }), { ...doors, past }, result);
  return seen;
}

function world(answer: () => Response) {
  const bodies: string[] = [];
  const urls: string[] = [];
  const { log, lines } = recordedLog();
  const doors = {
    log,
    redact: (text: string) => text,
    stop: new AbortController().signal,
    host: "backup-host",
    notify: {
      fetch: async (url: string, init: RequestInit) => {
        urls.push(url);
        bodies.push(typeof init.body === "string" ? init.body : "");
        return answer();
      },
      wait: () => Promise.resolve(),
      now: () => new Date(0),
    },
  };
  return { bodies, urls, lines, doors };
}
