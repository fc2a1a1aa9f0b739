import { describe, expect, test } from "bun:test";
import { startPing } from "../../../src/notify/ping.ts";
import type { BackupResult } from "../../../src/result.ts";
import { resolve, uri } from "../job/jobs.ts";
import { recordedLog } from "../recorded-log.ts";
import { failed, stored } from "./results.ts";

const address = "https://hc.example/secretpart";
const kindOf = (url: string) => /secretpart\/?(\w*)/.exec(url)?.[1] || "success";

type Answer = Response | Error | "hang";

describe("a run is told", () => {
  test("at its start and at its end, with the same id", async () => {
    const { ping, calls, lines, urls } = begin({});
    expect(calls).toEqual(["start"]);
    await ping.end(stored);
    expect(calls).toEqual(["start", "success"]);
    expect(urls.map((url) => new URL(url).searchParams.get("rid"))).toEqual(["run-id", "run-id"]);
    expect(lines).toMatchObject([
      { level: "debug", msg: "ping sent", ping: "start" },
      { level: "debug", msg: "ping sent", ping: "success" },
    ]);
  });

  test("by nobody where there is no address", async () => {
    const { ping, calls, lines } = begin({ env: {} });
    await ping.end(stored);
    expect([calls, lines]).toEqual([[], []]);
  });

  test("of its end once the start's try has ended, and not after another one", async () => {
    const { ping, calls, lines, answerStart } = begin({ start: "hang" });
    const ended = ping.end(failed);
    await Bun.sleep(5);
    expect(calls).toEqual(["start"]);
    answerStart(new Response("busy", { status: 503 }));
    await ended;
    expect(calls).toEqual(["start", "fail"]);
    expect(lines).toMatchObject([
      { level: "warn", ping: "start", attempts: 1, error: "the ping's address answered 503: busy" },
      { level: "debug", ping: "failure" },
    ]);
  });

  test("of its end at once where the start's next try was only waited for", async () => {
    const { ping, calls, waits } = begin({ start: new Response(null, { status: 500 }) });
    await Bun.sleep(1);
    expect(waits).toEqual([2000]);
    await ping.end(stored);
    expect(calls).toEqual(["start", "success"]);
  });

  test("again where it was not heard", async () => {
    const { ping, calls, lines } = begin({ ends: [new Response(null, { status: 502 }), new Response("OK")] });
    await ping.end(failed);
    expect(calls).toEqual(["start", "fail", "fail"]);
    expect(lines.at(-1)).toMatchObject({ level: "debug", ping: "failure", attempts: 2 });
  });

  test("in vain where it is sent elsewhere, which the log says without the address", async () => {
    const { ping, lines } = begin({ ends: [Response.redirect("https://other.example/", 301)] });
    await ping.end(stored);
    expect(lines.at(-1)).toMatchObject({
      level: "warn",
      msg: "the ping could not be delivered",
      ping: "success",
      error: "the ping's address answered with a redirect (301), which is not followed",
    });
    expect(JSON.stringify(lines)).not.toContain("secretpart");
  });
});

describe("after a signal", () => {
  const stopped: BackupResult = { ...failed, exitCode: 143, signal: "SIGTERM" };

  test("a start that hangs is given up at once, and the end gets one try", async () => {
    const { ping, calls, lines } = begin({ start: "hang", ends: [new Response(null, { status: 500 })] });
    await ping.end(stopped);
    expect(calls).toEqual(["start", "fail"]);
    expect(lines).toMatchObject([
      { ping: "start", error: "sending was stopped" },
      { ping: "failure", attempts: 1, error: "the ping's address answered 500" },
    ]);
  });

  test("that comes while the end is told of, no further try is made", async () => {
    const stop = new AbortController();
    const { ping, calls } = begin({
      stop,
      ends: [new Response(null, { status: 500 })],
      onWait: () => stop.abort(),
    });
    await ping.end(failed);
    expect(calls).toEqual(["start", "fail"]);
  });
});

interface World {
  readonly env?: Record<string, string>;
  /** What the start is answered. */
  readonly start?: Answer;
  /** What the calls at the end are answered, one after the other. */
  readonly ends?: readonly Answer[];
  readonly stop?: AbortController;
  readonly onWait?: () => void;
}

/** Begins a run whose ping is answered so. */
function begin({ env = { PING_URL: address }, start, ends = [], stop, onWait }: World) {
  const calls: string[] = [];
  const urls: string[] = [];
  const waits: number[] = [];
  const left = [...ends];
  const hanging = Promise.withResolvers<Response>();
  const { log, lines } = recordedLog();
  const doors = {
    log,
    stop: (stop ?? new AbortController()).signal,
    host: "host",
    notify: {
      fetch: async (url: string, { signal }: RequestInit) => {
        calls.push(kindOf(url));
        urls.push(url);
        const answer = kindOf(url) === "start" ? start : left.shift();
        if (answer instanceof Error) throw answer;
        if (answer !== "hang") return answer ?? new Response("OK");
        const aborted = new Promise<never>((_, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("aborted")));
        });
        return Promise.race([hanging.promise, aborted]);
      },
      // The start's pauses last until they are ended, as they would for a run of less than two seconds.
      wait: async (ms: number, signal?: AbortSignal) => {
        waits.push(ms);
        onWait?.();
        if (calls.at(-1) !== "start" || signal?.aborted === true) return;
        await new Promise<void>((done) => signal?.addEventListener("abort", () => done()));
      },
      now: () => new Date(0),
    },
  };
  const ping = startPing(resolve({ ...uri, ...env }), "run-id", doors);
  return { ping, calls, urls, waits, lines, answerStart: hanging.resolve };
}
