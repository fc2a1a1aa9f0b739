import { describe, expect, test } from "bun:test";
import { type NotifyOn, notify, shouldNotify } from "../../../src/notify/notify.ts";
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
    expect([stored, warned, failed].map((result) => shouldNotify(on, result))).toEqual(expected);
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

/** Tells of a run; what was sent, and what was logged about it. */
async function tell(env: Env, result: BackupResult, answer: () => Response) {
  const bodies: string[] = [];
  const { log, lines } = recordedLog();
  const doors = {
    log,
    redact: (text: string) => text,
    stop: new AbortController().signal,
    host: "backup-host",
    notify: {
      fetch: async (_: string, init: RequestInit) => {
        bodies.push(JSON.stringify(init.body));
        return answer();
      },
      wait: () => Promise.resolve(),
      now: () => new Date(0),
    },
  };
  await notify(resolve({ ...uri, ...env }), doors, result);
  return { bodies, lines };
}
