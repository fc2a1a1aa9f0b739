import { expect, test } from "bun:test";
import { Inventory, stockOf } from "../../../src/daemon/inventory.ts";
import { now } from "./statuses.ts";

const retention = {
  maxFiles: 2,
  maxDays: 0,
  minFiles: 1,
  keep: { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  timeZone: "UTC",
};
const backup = (day: number | null, bytes: number) => {
  const timeMs = day === null ? null : Date.UTC(2026, 1, day);
  return { name: `b${day}`, timeMs, latestMs: timeMs, bytes };
};

test("a stock counts all backups, and draws those with a time, the oldest first", () => {
  const backups = [backup(6, 30), backup(5, 20), backup(4, 10), backup(null, 5)];
  expect(stockOf({ database: "shop", backups, retention }, now)).toEqual({
    count: 4,
    bytes: 65,
    going: 2,
    sizes: [10, 20, 30].map((bytes, at) => ({ timeMs: Date.UTC(2026, 1, at + 4), bytes })),
  });
  expect(
    stockOf({ database: "shop", backups, retention: { ...retention, maxFiles: 0 } }, now).going,
  ).toBeNull();
});

test("a stock keeps no more sizes than a line can show, however many backups there are", () => {
  const backups = Array.from({ length: 5000 }, (_, at) => ({ ...backup(1, at), timeMs: 1e12 - at }));
  const { count, sizes } = stockOf({ database: "shop", backups, retention }, now);
  expect([count, sizes.length, sizes.at(-1)?.timeMs, sizes[0]?.bytes]).toEqual([5000, 30, 1e12, 29]);
});

test("a place that can't be listed any more is told of since the first time, with what it held", () => {
  const inventory = new Inventory(2);
  const found = [{ database: "shop", backups: [backup(6, 30)], retention }];
  inventory.listed(1, found, now, now);
  const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000);
  inventory.failed(1, { message: "gone" }, later(1));
  inventory.failed(1, { message: "still gone" }, later(2));
  const [one, two] = inventory.places;
  expect(one).toEqual({ listedAt: null, trouble: null, stocks: new Map() });
  expect(two).toMatchObject({
    listedAt: now,
    trouble: { problem: { message: "still gone" }, since: later(1) },
  });
  expect(two?.stocks.get("shop")?.count).toBe(1);
  inventory.listed(1, found, later(3), now);
  expect(inventory.places[1]).toMatchObject({ listedAt: later(3), trouble: null });
});

test("a stock's next run is judged by its own time, and not known without one", () => {
  const backups = [6, 5, 4].map((day) => backup(day, 1));
  const daily = { ...retention, maxFiles: 0, maxDays: 3 };
  const going = (nextRun: string | null) =>
    stockOf({ database: "shop", backups, retention: daily }, nextRun === null ? null : new Date(nextRun))
      .going;
  expect([going("2026-02-07T00:00:00Z"), going("2026-02-07T02:00:00Z"), going(null)]).toEqual([0, 1, null]);
});

test("what is stored after a listing is counted, though it has not been listed", () => {
  const inventory = new Inventory(2);
  inventory.listed(0, [{ database: "shop", backups: [backup(6, 30)], retention }], now, now);
  const size = { timeMs: Date.UTC(2026, 1, 7), bytes: 40 };
  for (const place of [0, 1]) inventory.stored(place, "shop", size);
  inventory.stored(0, "new", size);
  expect(inventory.places[0]?.stocks.get("shop")).toEqual({
    count: 2,
    bytes: 70,
    going: null,
    sizes: [{ timeMs: Date.UTC(2026, 1, 6), bytes: 30 }, size],
  });
  expect(inventory.places[0]?.stocks.get("new")?.count).toBe(1);
  // What else a place holds that was never listed is not known.
  expect(inventory.places[1]?.listedAt).toBeNull();
  expect(inventory.places[1]?.stocks.size).toBe(0);
});

test("what retention was to remove counts as removed by the run that it was to go with", () => {
  const inventory = new Inventory(1);
  const backups = [6, 5].map((day) => backup(day, 10));
  inventory.listed(0, [{ database: "shop", backups, retention }], now, now);
  inventory.stored(0, "shop", { timeMs: Date.UTC(2026, 1, 7), bytes: 40 });
  expect(inventory.places[0]?.stocks.get("shop")).toMatchObject({ count: 2, bytes: 50, going: null });
});

test("a place in which a backup was stored is in no trouble any more", () => {
  const inventory = new Inventory(1);
  inventory.failed(0, { message: "gone" }, now);
  inventory.stored(0, "shop", { timeMs: Date.UTC(2026, 1, 7), bytes: 40 });
  expect(inventory.places[0]?.trouble).toBeNull();
});

test("a size that a storage does not tell is no size", () => {
  const { bytes, sizes, count } = stockOf(
    { database: "shop", backups: [backup(6, -1), backup(5, 3)], retention },
    now,
  );
  expect([count, bytes, sizes.length]).toEqual([2, 3, 1]);
});
