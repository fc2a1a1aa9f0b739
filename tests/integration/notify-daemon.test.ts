import { afterEach, expect } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import type { LogLine, RunningDbstash } from "../support/dbstash.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { startWebhook, type WebhookRequest } from "../support/webhook.ts";
import { localPlace, startFaultRun, tools } from "./places.ts";

const { describe, test } = needs("rclone-current");

const everySecond = { BACKUP_SCHEDULE: "* * * * * *" };
let running: RunningDbstash | null = null;
afterEach(async () => {
  running?.signal("SIGKILL");
  await running?.exited;
  if (running !== null) await waitUntilGone(running.id);
  running = null;
});

const factsOf = ({ json }: WebhookRequest) => json as Record<string, unknown>;
const countOf = (daemon: RunningDbstash, msg: string): number =>
  daemon.lines.filter((line) => line.msg === msg).length;
const atLeast = (daemon: RunningDbstash, count: number, msg: string) =>
  waitFor(`${count} times: ${msg}`, () => countOf(daemon, msg) >= count, 30_000);

describe("a schedule", () => {
  test("tells of the first success after failures, with how many there were and since when", async () => {
    await using receiver = startWebhook();
    using place = localPlace();
    using fakes = tools({ pg_dump: '[ -e "$FAKE_DIR/good" ] || exit 1; echo data' });
    const env = { ...everySecond, NOTIFY_WEBHOOK_URL: `json+${receiver.url}/hook` };
    running = startFaultRun({ place, tools: fakes, env });
    const first = await running.waitForLine(({ msg }) => msg === "backup started");
    await atLeast(running, 3, "backup failed");
    writeFileSync(join(fakes.dir, "good"), "");
    await atLeast(running, 3, "backup stored");
    const daemon = running;
    const failures = countOf(daemon, "backup failed");
    const told = receiver.requests.map(factsOf);
    expect(told.map(({ status }) => status)).toEqual([
      ...Array.from({ length: failures }, () => "failure"),
      "success",
    ]);
    expect(told.at(-1)).toMatchObject({ failures_before: failures });
    const since = Date.parse(String(told.at(-1)?.["failing_since"]));
    expect(Math.abs(since - Date.parse(first.time))).toBeLessThan(1000);
    rmSync(join(fakes.dir, "good"));
    await waitFor("another failure", () => countOf(daemon, "backup failed") > failures);
  }, 60_000);

  test("tells of the fourth skip in a row once, while the run before is still on", async () => {
    await using receiver = startWebhook();
    using place = localPlace();
    using fakes = tools({ pg_dump: 'until [ -e "$FAKE_DIR/go" ]; do sleep 0.1; done; echo data' });
    const env = {
      ...everySecond,
      NOTIFY_WEBHOOK_URL: `json+${receiver.url}/hook`,
      PING_URL: `${receiver.url}/ping`,
    };
    const daemon = startFaultRun({ place, tools: fakes, env });
    running = daemon;
    await atLeast(running, 6, "scheduled run skipped: the run before it is still on");
    writeFileSync(join(fakes.dir, "go"), "");
    await atLeast(running, 1, "backup stored");
    const skips = receiver.requests.filter(({ path }) => path === "/hook").map(factsOf);
    expect(skips).toMatchObject([{ status: "skipped", exit_code: 4, skipped: 4, database: "app" }]);
    // Skipped runs ping nothing.
    const pings = () => receiver.requests.filter(({ path }) => path.startsWith("/ping/start")).length;
    await waitFor("a ping of each run", () => pings() === countOf(daemon, "backup started"));
  }, 60_000);

  test("tells of skips, too, where another process holds the lock", async () => {
    await using receiver = startWebhook();
    using place = localPlace();
    using fakes = tools({
      pg_dump: ': >"$FAKE_DIR/begun"; until [ -e "$FAKE_DIR/go" ]; do sleep 0.1; done; echo data',
    });
    const lock = { XDG_RUNTIME_DIR: fakes.dir };
    const holder = startFaultRun({ place, tools: fakes, env: lock });
    await waitFor("the dump", () => existsSync(join(fakes.dir, "begun")));
    const env = { ...everySecond, ...lock, NOTIFY_WEBHOOK_URL: `json+${receiver.url}/hook` };
    running = startFaultRun({ place, tools: fakes, env });
    await atLeast(running, 6, "backup skipped: another run of this job holds the lock");
    writeFileSync(join(fakes.dir, "go"), "");
    await holder.exited;
    expect(receiver.requests.map(factsOf)).toMatchObject([{ status: "skipped", skipped: 4 }]);
  }, 60_000);

  test("pings each of its runs by an id of its own, and the last one when it is stopped", async () => {
    await using receiver = startWebhook();
    using place = localPlace();
    using fakes = tools({ pg_dump: "echo data" });
    const env = { ...everySecond, PING_URL: `${receiver.url}/ping` };
    running = startFaultRun({ place, tools: fakes, env });
    await atLeast(running, 2, "backup stored");
    running.signal("SIGTERM");
    const result = await running.exited;
    const ids = result.lines
      .filter(({ msg }: LogLine) => msg === "backup started")
      .map((line) => String(line["backup_id"]));
    expect(new Set(ids).size).toBe(ids.length);
    expect(receiver.requests.map(({ path }) => path)).toEqual(
      ids.flatMap((id) => [`/ping/start?rid=${id}`, `/ping?rid=${id}`]),
    );
  }, 60_000);
});
