import { expect, test } from "bun:test";
import { endingsOf } from "../../../src/daemon/endings.ts";
import { Monitor } from "../../../src/daemon/monitor.ts";
import { listWhileNotReady } from "../../../src/daemon/read-back.ts";
import { timetableOf } from "../../../src/daemon/scheduler.ts";
import { failed, stored } from "../notify/results.ts";

/** Minutes after the start at which the places were listed. */
async function listings(change: (monitor: Monitor, minute: number) => void): Promise<number[]> {
  const startMs = Date.parse("2026-02-01T10:00:00Z");
  const watched = {
    engine: "pg",
    database: "shop",
    databases: ["shop"],
    places: ["s3:b"],
    template: null,
  } as const;
  const monitor = new Monitor(watched, timetableOf("0 2 * * *", "UTC"), new Date(startMs));
  const stop = new AbortController();
  const listed: number[] = [];
  let minute = 0;
  change(monitor, 0);
  const wait = async (ms: number): Promise<void> => {
    minute += ms / 60_000;
    change(monitor, minute);
    if (minute > 120) stop.abort();
  };
  const doors = { now: () => new Date(startMs + minute * 60_000) };
  await listWhileNotReady({ doors, clock: { wait }, stop: stop.signal }, monitor, async () => {
    listed.push(minute);
  });
  return listed;
}

test("while all is well nothing is listed", async () => {
  expect(await listings(() => undefined)).toEqual([]);
});

test("after a failure the places are listed every quarter of an hour, until all is well", async () => {
  const seen = await listings((monitor, minute) => {
    if (minute === 0) monitor.finished(failed, endingsOf(failed));
    if (minute === 75) monitor.finished(stored, endingsOf(stored));
  });
  expect(seen).toEqual([15, 30, 45, 60]);
});

test("not while a run is on", async () => {
  const seen = await listings((monitor, minute) => {
    if (minute === 0) monitor.finished(failed, endingsOf(failed));
    if (minute === 30) monitor.begin();
    if (minute === 60) monitor.end();
  });
  expect(seen.slice(0, 3)).toEqual([15, 60, 75]);
});
