import { expect, test } from "bun:test";
import { glance } from "../../../src/daemon/glance.ts";
import { Inventory } from "../../../src/daemon/inventory.ts";
import { Listings } from "../../../src/daemon/listings.ts";
import { Monitor } from "../../../src/daemon/monitor.ts";
import { timetableOf } from "../../../src/daemon/scheduler.ts";
import { watchedOf } from "../../../src/daemon/watch.ts";
import { resolve } from "../job/jobs.ts";

const startMs = Date.parse("2026-02-07T12:00:00Z");

/** A job's pages at a clock of the test's own. @param list what a listing does */
function pages(env: Readonly<Record<string, string>>, list: () => Promise<unknown> = async () => undefined) {
  const job = resolve({
    DB_URI: "postgres://db/shop",
    RCLONE_REMOTE: "/backups",
    STATUS_PAGE: "true",
    ...env,
  });
  // The start's own listing.
  const seen = {
    atMs: startMs,
    listings: 0,
    waitedMs: [] as number[],
  };
  const monitor = new Monitor(watchedOf(job), timetableOf("0 2 * * *", "UTC"), new Date(startMs));
  const clock = {
    now: () => new Date(seen.atMs),
    wait: async (ms: number) => {
      seen.waitedMs.push(ms);
    },
  };
  const counted = () => {
    seen.listings += 1;
    return list();
  };
  const stop = new AbortController().signal;
  const made = glance({
    job,
    version: "1.0.0",
    monitor,
    inventory: new Inventory(1),
    clock,
    offsetAt: () => 0,
    stop,
    listings: new Listings(counted, clock.now, stop),
  });
  const page = (path: string, isLook = true) => made(path, isLook);
  return { page, seen, monitor };
}

test("each look lists the places anew, but no more often than once a minute after any listing", async () => {
  const { page, seen } = pages({});
  const counts: number[] = [];
  for (const secondsLater of [0, 59, 1, 1, 58, 1, 30, 30]) {
    seen.atMs += secondsLater * 1000;
    expect((await page("/"))?.type).toBe("text/html; charset=utf-8");
    counts.push(seen.listings);
  }
  expect(counts).toEqual([0, 0, 1, 1, 1, 2, 2, 3]);
});

test("a clock that was set back does not keep the places from being listed", async () => {
  const { page, seen } = pages({});
  seen.atMs -= 3_600_000;
  await page("/");
  expect(seen.listings).toBe(1);
});

test("a listing that is on is not begun again, and nobody waits for it for more than 3 s", async () => {
  const { page, seen } = pages({}, () => new Promise(() => undefined));
  seen.atMs += 60_000;
  await page("/");
  seen.atMs += 3_600_000;
  expect((await page("/"))?.status).toBe(200);
  expect([seen.listings, seen.waitedMs]).toEqual([1, [3000, 3000]]);
});

test("nothing is listed while a run is on, nor for who asks by another method", async () => {
  const { page, seen, monitor } = pages({});
  seen.atMs += 60_000;
  expect((await page("/", false))?.status).toBe(200);
  monitor.begin();
  expect((await page("/"))?.body).toContain(", while a run is on</p>");
  expect(seen.listings).toBe(0);
  monitor.end();
  await page("/");
  expect(seen.listings).toBe(1);
});

test("nothing but the page lists anything", async () => {
  const { page, seen } = pages({});
  seen.atMs += 60_000;
  for (const path of ["/healthz", "/readyz", "/metrics", "/favicon.ico"]) await page(path);
  expect(seen.listings).toBe(0);
  expect(await page("/favicon.ico")).toBeNull();
});

test("there is no page unless it is wanted", async () => {
  const { page, seen } = pages({ STATUS_PAGE: "false" });
  seen.atMs += 60_000;
  expect([await page("/"), seen.listings]).toEqual([null, 0]);
});
