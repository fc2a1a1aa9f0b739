import { describe, expect, test } from "bun:test";
import { type PlacedBackup, rowsAsJson, rowsAsTable, rowsOf } from "../../../src/commands/listed-rows.ts";

const now = new Date("2026-02-07T12:00:00Z");
const time = (day: string): number => Date.parse(`2026-02-${day}T02:00:00Z`);
const backup = (parts: Partial<PlacedBackup>): PlacedBackup => ({
  database: "shop",
  name: "shop-20260207T020000Z.sql",
  timeMs: time("07"),
  bytes: 1536,
  place: "s3:b",
  fate: null,
  ...parts,
});
const undated = backup({ name: "shop.sql", bytes: 12, timeMs: null });
const one = { now, hasDatabases: false, places: 1 };
const two = { ...one, places: 2 };
const keep = { nextRun: "keep", reason: "within the limits" } as const;
const remove = { nextRun: "remove", reason: "beyond the newest 2" } as const;

describe("a table of backups", () => {
  test.each<[string, PlacedBackup[], Parameters<typeof rowsAsTable>[1], string[]]>([
    [
      "has a name, a size and an age",
      [backup({}), undated],
      one,
      [
        "NAME                          SIZE  AGE",
        "shop-20260207T020000Z.sql  1.5 KiB  10 h",
        "shop.sql                      12 B  unknown",
      ],
    ],
    [
      "has the newest first, whatever order they were found in",
      [undated, backup({ name: "a", timeMs: time("06") }), backup({ name: "b" })],
      one,
      [
        "NAME         SIZE  AGE",
        "b         1.5 KiB  10 h",
        "a         1.5 KiB  1 d 10 h",
        "shop.sql     12 B  unknown",
      ],
    ],
    [
      "is grouped by database",
      [backup({ database: "shop", name: "s" }), backup({ database: "crm", name: "c" })],
      { ...one, hasDatabases: true },
      ["DATABASE  NAME     SIZE  AGE", "crm       c     1.5 KiB  10 h", "shop      s     1.5 KiB  10 h"],
    ],
    [
      "says which places have it",
      [backup({ name: "a" }), backup({ name: "b" }), backup({ name: "a", place: "nas:x" })],
      two,
      ["NAME     SIZE  AGE   PLACES", "a     1.5 KiB  10 h  all", "b     1.5 KiB  10 h  s3:b"],
    ],
    [
      "calls nothing all of the places while one of them could not be listed",
      [backup({ name: "a" }), backup({ name: "a", place: "nas:x" })],
      { ...two, places: 3 },
      ["NAME     SIZE  AGE   PLACES", "a     1.5 KiB  10 h  s3:b, nas:x"],
    ],
    [
      "says what a run now would do",
      [backup({ fate: keep })],
      one,
      [
        "NAME                          SIZE  AGE   A RUN NOW WOULD",
        "shop-20260207T020000Z.sql  1.5 KiB  10 h  keep: within the limits",
      ],
    ],
    [
      "says it of each place where that differs",
      [backup({ name: "a", fate: keep }), backup({ name: "a", place: "nas:x", fate: remove })],
      two,
      [
        "NAME     SIZE  AGE   PLACES  A RUN NOW WOULD",
        "a     1.5 KiB  10 h  all     s3:b: keep: within the limits; nas:x: remove: beyond the newest 2",
      ],
    ],
  ])("%s", (_, backups, columns, lines) => {
    expect(rowsAsTable(rowsOf(backups), columns)).toBe(`${lines.join("\n")}\n`);
  });
});

describe("backups as JSON", () => {
  const read = (backups: PlacedBackup[], places: number): unknown =>
    JSON.parse(rowsAsJson(rowsOf(backups), places));

  test("have a database, a name, bytes and a time, and nothing else", () => {
    expect(read([backup({}), undated], 1)).toEqual([
      { database: "shop", name: "shop-20260207T020000Z.sql", bytes: 1536, time: "2026-02-07T02:00:00.000Z" },
      { database: "shop", name: "shop.sql", bytes: 12, time: null },
    ]);
    expect(rowsAsJson([], 1)).toBe("[]\n");
  });

  test("say what a run now would do", () => {
    expect(read([backup({ fate: remove })], 1)).toMatchObject([
      { next_run: "remove", reason: remove.reason },
    ]);
  });

  test("tell of each place by itself", () => {
    expect(read([backup({ fate: keep }), backup({ place: "nas:x", bytes: 7, fate: remove })], 2)).toEqual([
      {
        database: "shop",
        name: "shop-20260207T020000Z.sql",
        bytes: 1536,
        time: "2026-02-07T02:00:00.000Z",
        places: [
          { place: "s3:b", bytes: 1536, next_run: "keep", reason: keep.reason },
          { place: "nas:x", bytes: 7, next_run: "remove", reason: remove.reason },
        ],
      },
    ]);
  });
});
