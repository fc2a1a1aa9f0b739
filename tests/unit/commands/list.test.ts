import { describe, expect, test } from "bun:test";
import { backupsAsJson, backupsAsTable, fatesOf, humanAge, table } from "../../../src/commands/list.ts";
import type { FoundBackups } from "../../../src/job/backups.ts";
import { rulesOf } from "../catalog/rules.ts";

const now = new Date("2026-02-07T12:00:00Z");
const none = { backups: [], otherExtension: { count: 0, names: [] }, remote: "s3:b", example: "shop-….sql" };
const dated = {
  name: "shop-20260207T020000Z.sql",
  bytes: 1536,
  timeMs: Date.parse("2026-02-07T02:00:00Z"),
  latestMs: null,
};
const undated = { name: "shop.sql", bytes: 12, timeMs: null, latestMs: null };
const others = { count: 7, names: ["shop-20260206T020000Z.sql.zst", "shop-20260205T020000Z.sql.zst"] };

describe("a table of backups", () => {
  test.each<[string, Partial<FoundBackups>, string[]]>([
    [
      "has a name, a size and an age",
      { backups: [dated, undated] },
      [
        "NAME                          SIZE  AGE",
        "shop-20260207T020000Z.sql  1.5 KiB  10 h",
        "shop.sql                      12 B  unknown",
      ],
    ],
    [
      "says where it looked, and for what",
      {},
      ["no backups of this job in s3:b (looked for names like shop-….sql)"],
    ],
    [
      "tells of others under the same name",
      { otherExtension: others },
      [
        "no backups of this job in s3:b (looked for names like shop-….sql)",
        "not listed: 7 of this name with another extension or mode, such as shop-20260206T020000Z.sql.zst",
      ],
    ],
    [
      "tells of others beside those it has",
      { backups: [undated], otherExtension: others },
      [
        "NAME      SIZE  AGE",
        "shop.sql  12 B  unknown",
        "not listed: 7 of this name with another extension or mode, such as shop-20260206T020000Z.sql.zst",
      ],
    ],
  ])("%s", (_, found, lines) => {
    expect(backupsAsTable({ ...none, ...found }, null, now)).toBe(`${lines.join("\n")}\n`);
  });
});

test("backups as JSON have a name, bytes and a time, and nothing else", () => {
  expect(
    JSON.parse(backupsAsJson({ ...none, backups: [dated, undated], otherExtension: others }, null)),
  ).toEqual([
    { name: dated.name, bytes: 1536, time: "2026-02-07T02:00:00.000Z" },
    { name: "shop.sql", bytes: 12, time: null },
  ]);
  expect(backupsAsJson(none, null)).toBe("[]\n");
});

describe("with retention on", () => {
  const older = { ...dated, name: "shop-20260206T020000Z.sql", timeMs: dated.timeMs - 86_400_000 };
  const fates = fatesOf([dated, older, undated], rulesOf({ maxFiles: 2 }), now);

  test("a table says what a run now would do, its own backup counted", () => {
    const text = backupsAsTable({ ...none, backups: [dated, older, undated] }, fates, now);
    expect(text.split("\n").map((row) => row.split(/ {2,}/).slice(2))).toEqual([
      ["AGE", "A RUN NOW WOULD"],
      ["10 h", "keep: within the limits"],
      ["1 d 10 h", "remove: beyond the newest 2"],
      ["unknown", "keep: its time is unknown"],
      [],
    ]);
  });

  test("so does JSON", () => {
    expect(JSON.parse(backupsAsJson({ ...none, backups: [older] }, fates))).toEqual([
      {
        name: older.name,
        bytes: 1536,
        time: "2026-02-06T02:00:00.000Z",
        next_run: "remove",
        reason: "beyond the newest 2",
      },
    ]);
  });

  test("nothing is said without a rule", () => {
    expect(fatesOf([dated], rulesOf(), now)).toBeNull();
  });
});

test("a table has its columns below each other, and nothing at the end of a row", () => {
  expect(
    table(
      [
        ["A", "B", "C"],
        ["long", "1", ""],
        ["x", "100", "y"],
      ],
      [1],
    ),
  ).toBe("A       B  C\nlong    1\nx     100  y\n");
});

test.each([
  [-5, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_599_999, "59 min"],
  [3_600_000, "1 h"],
  [5_400_000, "1 h 30 min"],
  [86_400_000, "1 d"],
  [90_000_000, "1 d 1 h"],
  [86_400_000 + 3_599_999, "1 d"],
])("an age of %d ms is %s", (ms, text) => {
  expect(humanAge(ms)).toBe(text);
});
