import { describe, expect, test } from "bun:test";
import { type Ending, endingsOf } from "../../../src/daemon/endings.ts";
import { graceMs, Monitor, type RowState, type Watched } from "../../../src/daemon/monitor.ts";
import { timetableOf } from "../../../src/daemon/scheduler.ts";
import type { BackupResult, PlaceResult } from "../../../src/result.ts";
import { failed, partly, stored } from "../notify/results.ts";

const startedAt = new Date("2026-02-01T10:00:00Z");
const watched: Watched = {
  engine: "pg",
  database: "shop",
  databases: ["shop"],
  places: ["s3:backups"],
  template: null,
};
const [place] = stored.places;

test.each([
  ["a daily schedule", 86_400_000, null, 3_600_000],
  ["every five minutes", 300_000, null, 300_000],
  ["every second", 1000, 500, 60_000],
  ["a daily run of three hours", 86_400_000, 10_800_000, 21_600_000],
])("the grace of %s", (_, intervalMs, lastDurationMs, expected) => {
  expect(graceMs(intervalMs, lastDurationMs)).toBe(expected);
});

describe("what a daemon knows", () => {
  test("at its start is its job, and by when a backup is due", () => {
    expect(monitor().state()).toEqual({
      engine: "pg",
      database: "shop",
      places: ["s3:backups"],
      template: null,
      startedAt,
      lastStatus: "pending",
      lastRun: null,
      lostSince: null,
      lastError: null,
      lastWarnings: null,
      running: false,
      nextRun: null,
      runs: { success: 0, failure: 0, skipped: 0 },
      rows: [
        {
          database: "shop",
          place: "s3:backups",
          lastSuccess: null,
          lastStatus: "pending",
          lastError: null,
          failingSince: null,
          goneSince: null,
          expectedBy: new Date("2026-02-02T03:00:00Z"),
          lastDurationMs: null,
          lastBytes: null,
        },
      ],
    });
  });

  test("after a success is its time, length and size, and that the next day's is due", () => {
    const known = monitor();
    finish(known, { ...run("2026-02-05T02:00:00Z"), warnings: ["a", "b"] });
    expect(known.state()).toMatchObject({
      lastStatus: "success",
      lastRun: new Date("2026-02-05T02:00:00Z"),
      lastWarnings: ["a", "b"],
      runs: { success: 1, failure: 0, skipped: 0 },
    });
    expect(onlyRow(known)).toMatchObject({
      lastSuccess: new Date("2026-02-05T02:00:00Z"),
      lastStatus: "success",
      lastDurationMs: stored.durationMs,
      lastBytes: stored.bytes,
      expectedBy: new Date("2026-02-06T03:00:00Z"),
    });
  });

  test("after a failure is still the success before it, and that one is due since", () => {
    const known = monitor();
    finish(known, run("2026-02-05T02:00:00Z"));
    finish(known, { ...missed("2026-02-06T02:00:00Z"), durationMs: 5 });
    expect(known.state()).toMatchObject({
      lastStatus: "failure",
      runs: { success: 1, failure: 1, skipped: 0 },
    });
    expect(onlyRow(known)).toMatchObject({
      lastSuccess: new Date("2026-02-05T02:00:00Z"),
      lastStatus: "failure",
      lastDurationMs: 5,
      lastBytes: stored.bytes,
      expectedBy: new Date("2026-02-06T03:00:00Z"),
    });
  });

  test("after a run that failed before it came to any place is that all failed", () => {
    const known = monitor({ databases: ["shop", "crm"] });
    known.finished(missed("2026-02-06T02:00:00Z"), []);
    expect(known.state().rows.map(({ lastStatus }) => lastStatus)).toEqual(["failure", "failure"]);
  });

  test("after failures is the last one's cause, and since when it fails, until one is stored", () => {
    const known = monitor();
    const told = () => {
      const { lastError, failingSince } = onlyRow(known);
      return [lastError?.message ?? null, failingSince?.toISOString() ?? null];
    };
    finish(known, { ...missed("2026-02-05T02:00:00Z"), error: { message: "full" } });
    finish(known, { ...missed("2026-02-06T02:00:00Z"), error: { message: "gone" } });
    expect(told()).toEqual(["gone", "2026-02-05T02:00:00.000Z"]);
    known.finished({ ...missed("2026-02-07T02:00:00Z"), error: { message: "hook" } }, []);
    expect(told()).toEqual(["hook", "2026-02-05T02:00:00.000Z"]);
    finish(known, run("2026-02-08T02:00:00Z"));
    expect(told()).toEqual([null, null]);
  });

  test("after a run that was skipped is as it was, but for the count", () => {
    const known = monitor();
    const before = known.state();
    known.skipped();
    expect(known.state()).toEqual({ ...before, runs: { ...before.runs, skipped: 1 } });
  });

  test("while runs are on is that there are", () => {
    const known = monitor();
    const seen = (["begin", "begin", "end", "end"] as const).map((step) => {
      known[step]();
      return known.running;
    });
    expect(seen).toEqual([true, true, true, false]);
  });

  test("of the next run is told", () => {
    const known = monitor();
    expect(known.state().nextRun).toBeNull();
    known.next = new Date("2026-02-02T02:00:00Z");
    expect(known.state().nextRun).toEqual(new Date("2026-02-02T02:00:00.000Z"));
  });

  test("of a schedule that has no more runs is that none is due", () => {
    expect(onlyRow(monitor({}, "0 0 2 1 1 * 2020")).expectedBy).toBeNull();
    expect(onlyRow(monitor({}, "0 0 2 2 2 * 2026")).expectedBy).toEqual(new Date("2026-02-02T03:00:00Z"));
  });
});

describe("several places and databases", () => {
  const two = ["s3:backups", "nas:b"] as const;

  test("each fail and are overdue by themselves", () => {
    const known = monitor({ places: [...two] });
    const lost: PlaceResult = { ...inPlace("nas:b"), isStored: false, bytes: null };
    finish(known, run("2026-02-05T02:00:00Z"), [inPlace("s3:backups"), inPlace("nas:b")]);
    finish(known, run("2026-02-06T02:00:00Z"), [inPlace("s3:backups"), lost]);
    expect(known.state().rows).toMatchObject([
      { place: "s3:backups", lastStatus: "success", expectedBy: new Date("2026-02-07T03:00:00Z") },
      { place: "nas:b", lastStatus: "failure", expectedBy: new Date("2026-02-06T03:00:00Z") },
    ]);
    expect(known.state().lastStatus).toBe("success");
  });

  test("that look alike are told apart by a number", () => {
    const { rows } = monitor({ places: [":s3:b", ":s3:b", "nas:b"] }).state();
    expect(rows.map(({ place: name }) => name)).toEqual([":s3:b", ":s3:b (2)", "nas:b"]);
  });

  test("come with what the server names, and go with it", () => {
    const known = monitor({ databases: ["shop", "crm"], places: [...two] });
    known.named(["crm", "new"], new Date("2026-02-10T10:00:00Z"));
    const { rows } = known.state();
    expect(rows.map(({ database, place: name }) => `${database} ${name}`)).toEqual([
      "crm s3:backups",
      "crm nas:b",
      "new s3:backups",
      "new nas:b",
    ]);
    expect(rows.map(({ expectedBy }) => expectedBy?.toISOString().slice(0, 10))).toEqual([
      "2026-02-02",
      "2026-02-02",
      "2026-02-11",
      "2026-02-11",
    ]);
  });

  test("of which one was refused count as stored, and that one has failed everywhere", () => {
    const known = monitor({ databases: ["shop"], places: [...two] });
    const refused = { ...missed("2026-02-05T02:00:00Z"), database: "gone", error: { message: "not there" } };
    const both = partly(["shop"], {});
    known.finished(
      { ...both, backups: [...both.backups, { ...refused, places: [] }] },
      [run("2026-02-05T02:00:00Z"), { ...refused, places: [] }].flatMap(endingsOf),
    );
    const rows = known
      .state()
      .rows.map((row) => [row.database, row.place, row.lastStatus, row.lastError?.message ?? null]);
    expect(rows).toEqual([
      ["shop", "s3:backups", "success", null],
      ["shop", "nas:b", "pending", null],
      ["gone", "s3:backups", "failure", "not there"],
      ["gone", "nas:b", "failure", "not there"],
    ]);
    expect(known.state().rows[0]?.lastSuccess).toEqual(new Date("2026-02-05T02:00:00Z"));
  });

  test("that the server does not name any more come back by no listing", () => {
    const known = monitor({ databases: [] });
    const old = found("x", "2026-01-05T02:00:00Z");
    known.recalled("old", 0, old, startedAt);
    expect(known.state().rows).toHaveLength(1);
    known.named(["shop"], startedAt);
    known.recalled("old", 0, old, startedAt);
    expect(known.state().rows.map(({ database }) => database)).toEqual(["shop"]);
  });

  test("that turn up after a run that came to none have failed with it, until one is stored", () => {
    const known = monitor({ databases: [] });
    known.finished({ ...partly([], {}), startedAt: new Date("2026-02-05T02:00:00Z"), databases: null }, []);
    known.recalled("shop", 0, found("x", "2026-02-04T02:00:00Z"), new Date("2026-02-05T09:00:00Z"));
    expect(onlyRow(known)).toMatchObject({ lastStatus: "failure", lastError: { message: "some failed" } });
    known.recalled("shop", 0, found("y", "2026-02-05T08:00:00Z"), new Date("2026-02-05T09:00:00Z"));
    expect(onlyRow(known).lastStatus).toBe("success");
  });

  test("of runs that came to none have failed since the first, and are made good by nothing before the last", () => {
    const known = monitor({ databases: [] });
    for (const at of ["2026-02-05T02:00:00Z", "2026-02-06T02:00:00Z"])
      known.finished({ ...partly([], {}), startedAt: new Date(at), databases: null }, []);
    const morning = new Date("2026-02-06T09:00:00Z");
    known.recalled("shop", 0, found("x", "2026-02-05T08:00:00Z"), morning);
    expect(onlyRow(known)).toMatchObject({
      lastStatus: "failure",
      failingSince: new Date("2026-02-05T02:00:00Z"),
    });
    known.recalled("shop", 0, found("y", "2026-02-06T08:00:00Z"), morning);
    expect(onlyRow(known).lastStatus).toBe("success");
  });

  test("that nobody named have a row once a run or a listing tells of them", () => {
    const known = monitor({ databases: [] });
    const ending: Ending = { ...endingOf(run("2026-02-05T02:00:00Z")), database: "crm" };
    known.finished(run("2026-02-05T02:00:00Z"), [ending]);
    known.recalled("old", 0, found("x", "2026-01-05T02:00:00Z"), startedAt);
    expect(known.state().rows.map(({ database }) => database)).toEqual(["crm", "old"]);
  });
});

describe("a backup found in a place", () => {
  test.each<[string, ReturnType<typeof found>, string | null, string]>([
    [
      "with its time counts from then on",
      found("x", "2026-01-31T02:00:00Z"),
      "2026-01-31T02:00:00Z",
      "2026-02-01T03:00:00Z",
    ],
    [
      "with its day alone counts up to now",
      found("x", "2026-02-01T00:00:00Z", "2026-02-01T23:59:59Z"),
      "2026-02-01T00:00:00Z",
      "2026-02-02T03:00:00Z",
    ],
    ["without a time counts for nothing", found("x", null), null, "2026-02-02T03:00:00Z"],
  ])("%s", (_, backup, lastSuccess, expectedBy) => {
    const known = monitor();
    known.recalled("shop", 0, backup, startedAt);
    expect(onlyRow(known)).toMatchObject({
      lastSuccess: lastSuccess === null ? null : new Date(lastSuccess),
      expectedBy: new Date(expectedBy),
      lastStatus: "pending",
      lastBytes: lastSuccess === null ? null : 7,
    });
  });

  test("is nothing to a process that has made one since", () => {
    const known = monitor();
    finish(known, run("2026-02-01T11:00:00Z"));
    known.recalled("shop", 0, found("x", "2026-01-31T02:00:00Z"), startedAt);
    expect(onlyRow(known)).toMatchObject({
      lastSuccess: new Date("2026-02-01T11:00:00Z"),
      lastBytes: stored.bytes,
    });
  });

  const night = "2026-02-06T02:00:00Z";
  const morning = new Date("2026-02-06T09:00:00Z");
  test.each<[string, ReturnType<typeof found>, RowState["lastStatus"], string]>([
    ["later", found("by-hand", "2026-02-06T08:00:00Z"), "success", "2026-02-06T08:00:00Z"],
    [
      "of that day",
      found("d", "2026-02-06T00:00:00Z", "2026-02-06T23:59:59Z"),
      "success",
      "2026-02-06T00:00:00Z",
    ],
    ["before", found("other", "2026-02-05T08:00:00Z"), "failure", "2026-02-05T08:00:00Z"],
    [
      "that was known",
      found(String(stored.fileName), "2026-02-05T02:00:00Z"),
      "failure",
      "2026-02-05T02:00:00Z",
    ],
    [
      "under the name that was known, written anew",
      found(String(stored.fileName), "2026-02-06T08:00:00Z"),
      "success",
      "2026-02-06T08:00:00Z",
    ],
  ])("after a failure, made %s", (_, backup, lastStatus, lastSuccess) => {
    const known = monitor();
    finish(known, run("2026-02-05T02:00:00Z"));
    finish(known, missed(night));
    known.recalled("shop", 0, backup, morning);
    expect(onlyRow(known)).toMatchObject({ lastStatus, lastSuccess: new Date(lastSuccess) });
  });

  test("that a listing does not show any more is missed, until it is there again or a newer one is", () => {
    const known = monitor();
    finish(known, run("2026-02-05T02:00:00Z"));
    const name = String(stored.fileName);
    const seen = (at: string, ...names: readonly string[]) => {
      known.listed(0, new Map([["shop", new Set(names)]]), new Date(at));
      return onlyRow(known).goneSince?.toISOString() ?? null;
    };
    // A listing may lag behind.
    expect(seen("2026-02-05T02:04:00Z")).toBeNull();
    expect(seen("2026-02-05T03:00:00Z", "older")).toBe("2026-02-05T03:00:00.000Z");
    expect(seen("2026-02-05T04:00:00Z")).toBe("2026-02-05T03:00:00.000Z");
    expect(seen("2026-02-05T05:00:00Z", name)).toBeNull();
    expect(seen("2026-02-05T06:00:00Z")).not.toBeNull();
    finish(known, { ...run("2026-02-06T02:00:00Z"), fileName: "newer" });
    expect(seen("2026-02-06T03:00:00Z", "newer")).toBeNull();
    expect(
      monitor()
        .state()
        .rows.map(({ goneSince }) => goneSince),
    ).toEqual([null]);
  });

  test("in one place alone is missed in the others", () => {
    const known = monitor({ databases: [], places: ["s3:backups", "nas:b"] });
    known.recalled("shop", 1, found("x", "2026-01-31T02:00:00Z"), startedAt);
    expect(known.state().rows.map((row) => [row.place, row.lastSuccess?.toISOString() ?? null])).toEqual([
      ["s3:backups", null],
      ["nas:b", "2026-01-31T02:00:00.000Z"],
    ]);
  });

  test("does not make good what reading all of it has shown to be damaged", () => {
    const known = monitor();
    const broken = failed.places.map((each) => ({ ...each, isStored: false, isDamaged: true }));
    finish(known, { ...missed(night), fileName: "torn", places: broken });
    known.recalled("shop", 0, found("torn", night), morning);
    expect(onlyRow(known)).toMatchObject({ lastStatus: "failure", lastSuccess: null });
    finish(known, missed("2026-02-07T02:00:00Z"));
    known.recalled("shop", 0, found("torn", night), morning);
    expect(onlyRow(known)).toMatchObject({ lastStatus: "failure", lastSuccess: null });
    known.recalled("shop", 0, found("by-hand", "2026-02-07T08:00:00Z"), new Date("2026-02-07T09:00:00Z"));
    expect(onlyRow(known).lastStatus).toBe("success");
  });

  test("under a name that tells the day does not count for longer each time it is seen", () => {
    const known = monitor();
    const today = found("shop-2026-02-05", "2026-02-05T00:00:00Z", "2026-02-05T23:59:59Z");
    known.recalled("shop", 0, today, new Date("2026-02-05T01:00:00Z"));
    known.recalled("shop", 0, today, new Date("2026-02-05T22:00:00Z"));
    expect(onlyRow(known).expectedBy).toEqual(new Date("2026-02-05T03:00:00Z"));
  });
});

function monitor(of: Partial<Watched> = {}, expression = "0 2 * * *"): Monitor {
  return new Monitor({ ...watched, ...of }, timetableOf(expression, "UTC"), startedAt);
}

function onlyRow(known: Monitor): RowState {
  const [row, ...more] = known.state().rows;
  if (row === undefined || more.length > 0) throw new Error("there is not one row");
  return row;
}

function finish(known: Monitor, result: BackupResult, places = result.places): void {
  known.finished(result, endingsOf({ ...result, places }));
}

function run(at: string): BackupResult {
  return { ...stored, startedAt: new Date(at) };
}

function missed(at: string): BackupResult {
  const nowhere = failed.places.map((each) => ({ ...each, isStored: false, bytes: null }));
  return { ...failed, places: nowhere, startedAt: new Date(at) };
}

function endingOf(result: BackupResult): Ending {
  const [ending] = endingsOf(result);
  if (ending === undefined) throw new Error("it has no place");
  return ending;
}

function inPlace(name: string): PlaceResult {
  if (place === undefined) throw new Error("there is no place");
  return { ...place, place: name };
}

function found(name: string, time: string | null, latest = time) {
  const ms = (text: string | null) => (text === null ? null : Date.parse(text));
  return { name, bytes: 7, timeMs: ms(time), latestMs: ms(latest) };
}
