import { describe, expect, test } from "bun:test";
import type { HealthState } from "../../../src/daemon/monitor.ts";
import { statusOf } from "../../../src/daemon/status.ts";
import { causesOf, headline } from "../../../src/daemon/status-words.ts";
import { fresh, freshRow, row, state } from "./states.ts";
import { failing, listed, missingPlace, now, overdue, stateOf, unlisted } from "./statuses.ts";

const nas = { ...row, place: "nas:b" };
const crm = { ...row, database: "crm" };
const young = { ...fresh, nextRun: state.nextRun };
const asked = { ...young, rows: [], places: ["s3:backups"] };
const notInNas = { ...freshRow, place: "nas:b" };

const cases: readonly (readonly [HealthState, string, string])[] = [
  [stateOf([row]), "good", "shop is backed up"],
  [stateOf([{ ...row, goneSince: now }]), "bad", "The last backup of shop is not there any more"],
  [stateOf([row, crm]), "good", "All 2 databases are backed up"],
  [stateOf([row], { lastWarnings: ["a grant is missing"] }), "warned", "Backed up, with warnings"],
  [young, "waiting", "No backup yet"],
  [stateOf([row, notInNas]), "waiting", "shop is not in every place yet"],
  [stateOf([row], { nextRun: null }), "warned", "Backed up, but the schedule has no further run"],
  [asked, "waiting", "No backup yet"],
  [stateOf([row, { ...freshRow, database: "new" }]), "waiting", "1 of 2 databases has no backup yet"],
  [stateOf([failing("shop", "x")]), "bad", "The last backup of shop failed"],
  [stateOf([overdue("shop")]), "bad", "A backup of shop is overdue"],
  [stateOf([row, failing("shop", "x", "nas:b")]), "bad", "shop is not backed up in every place"],
  [stateOf([row, failing("crm", "x")]), "bad", "The last backup of crm failed"],
  [stateOf([row, failing("crm", "x"), overdue("wiki")]), "bad", "2 of 3 databases are not backed up"],
  [
    stateOf([row, overdue("shop", "nas:b"), crm, failing("crm", "x", "nas:b")]),
    "bad",
    "2 of 2 databases are not backed up in every place",
  ],
  [
    { ...asked, lastStatus: "failure", lastRun: now, lostSince: now, lastError: { message: "no server" } },
    "bad",
    "The last run failed before it came to any database",
  ],
];

test.each(cases)("how all is %#", (known, health, said) => {
  const status = statusOf(
    known,
    known.places.map(() => listed(["shop"])),
    now,
  );
  expect([status.health, headline(status, "shop")]).toEqual([health as never, said]);
});

test("a place that is away at the start, and so knows of no backup, does not hide the others", () => {
  const status = statusOf(stateOf([row, notInNas]), [listed(["shop"]), missingPlace], now);
  expect([status.health, headline(status, "shop")]).toEqual([
    "warned",
    "Backed up, but a place can't be looked into",
  ]);
});

test("before the places were listed nobody can say that there is none", () => {
  const status = statusOf(young, [unlisted], now);
  expect([status.health, headline(status, "shop")]).toEqual(["waiting", "The places are still being listed"]);
});

test("a place that can't be listed is told of, though each backup is there", () => {
  const status = statusOf(stateOf([row, nas]), [listed(["shop"]), missingPlace], now);
  expect([status.health, headline(status, "shop")]).toEqual([
    "warned",
    "Backed up, but a place can't be looked into",
  ]);
  expect(status.places).toMatchObject([
    { place: "s3:backups", trouble: null, count: 6, bytes: 21_000_000 },
    { place: "nas:b", count: 2, bytes: 3_000_000 },
  ]);
});

describe("a database", () => {
  test("stands before those that need nobody", () => {
    const rows = [row, crm, failing("wiki", "x"), { ...freshRow, database: "new" }];
    const { databases } = statusOf(stateOf(rows), [unlisted], now);
    expect(databases.map(({ database }) => database)).toEqual(["wiki", "new", "crm", "shop"]);
  });

  test("has the time and size of its newest backup, wherever that is", () => {
    const older = { ...row, place: "nas:b", lastSuccess: new Date("2026-01-01T00:00:00Z"), lastBytes: 1 };
    const [shop] = statusOf(stateOf([older, row]), [unlisted, unlisted], now).databases;
    expect(shop).toMatchObject({ lastSuccess: row.lastSuccess, bytes: row.lastBytes, durationMs: 192_250 });
  });

  test("has what each place holds of it", () => {
    const [shop] = statusOf(stateOf([row, nas]), [listed(["shop"]), unlisted], now).databases;
    expect(
      shop?.copies.map(({ place, stock }) => [place, stock?.count ?? null, stock?.going ?? null]),
    ).toEqual([
      ["s3:backups", 6, 2],
      ["nas:b", null, null],
    ]);
  });
});

describe("what is wrong", () => {
  test("is told once for all that it befell, since the first of them", () => {
    const rows = [
      failing("a", "disk full"),
      { ...failing("b", "disk full"), failingSince: new Date("2026-02-01T02:00:00Z") },
      failing("c", "no such host"),
      overdue("d"),
    ];
    const causes = causesOf(statusOf(stateOf(rows), [unlisted], now));
    expect(causes.map(({ kind, databases, since }) => [kind, databases.join(), since.getUTCDate()])).toEqual([
      ["failed", "a,b", 1],
      ["failed", "c", 5],
      ["overdue", "d", 4],
    ]);
  });

  test("names the places only where it is not so in all", () => {
    const rows = [
      failing("a", "full"),
      failing("a", "full", "nas:b"),
      { ...row, database: "b" },
      failing("b", "full", "nas:b"),
    ];
    const causes = causesOf(statusOf(stateOf(rows), [unlisted, unlisted], now));
    expect(causes.map(({ databases, places }) => [databases, places])).toEqual([
      [["a"], []],
      [["b"], ["nas:b"]],
    ]);
  });
});
