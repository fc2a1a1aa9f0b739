import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  plan,
  planOfPrune,
  planOfRun,
  type RetentionEntry,
  type RetentionPolicy,
} from "../../../src/catalog/retention.ts";
import { rulesInWords } from "../../../src/catalog/rules-in-words.ts";
import { calendarOf, rulesOf } from "./rules.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`retention properties: TEST_SEED=${seed}`);

const now = new Date("2026-02-10T02:00:00Z");
const HOUR_MS = 3_600_000;

/** An entry so many hours old, named by its age; "?" has no time. */
function aged(hours: number | "?"): RetentionEntry {
  const timeMs = hours === "?" ? null : now.getTime() - hours * HOUR_MS;
  return { name: `${hours}`, timeMs, bytes: 1 };
}

/** The policy of a run, of which these parts differ from the defaults. */
function policyOf(parts: Partial<RetentionPolicy>): RetentionPolicy {
  return { ...rulesOf(), written: null, brakes: true, ...parts };
}

/** What goes, as `name: reason`. */
function removed(entries: RetentionEntry[], policy: Partial<RetentionPolicy>): string[] {
  const { remove } = plan(entries, policyOf({ brakes: false, ...policy }), now);
  return remove.map(({ entry, reason }) => `${entry.name}: ${reason}`);
}

function kept(entries: RetentionEntry[], policy: Partial<RetentionPolicy>): string[] {
  const { keep } = plan(entries, policyOf({ brakes: false, ...policy }), now);
  return keep.map(({ entry, reason }) => `${entry.name}: ${reason}`);
}

describe("what retention removes", () => {
  const daily = [0, 24, 48, 72, 96].map(aged);
  test.each([
    ["nothing without a limit", daily, {}, []],
    ["nothing of nothing", [], { maxFiles: 1, maxDays: 1 }, []],
    ["nothing within the count", daily, { maxFiles: 5 }, []],
    ["all beyond the count", daily, { maxFiles: 3 }, ["72: beyond the newest 3", "96: beyond the newest 3"]],
    [
      "all but the one just written",
      daily,
      { maxFiles: 1, written: "0" },
      [24, 48, 72, 96].map((age) => `${age}: beyond the newest 1`),
    ],
    [
      "all but the newest when none was written",
      daily,
      { maxFiles: 1 },
      [24, 48, 72, 96].map((age) => `${age}: beyond the newest 1`),
    ],
    ["what is older than so many days", daily, { maxDays: 3 }, ["96: older than 3 days"]],
    ["not what is exactly so old", [aged(0), aged(24)], { maxDays: 1 }, []],
    ["what is a moment older", [aged(0), aged(24.001)], { maxDays: 1 }, ["24.001: older than 1 day"]],
    [
      "the union of both limits",
      daily,
      { maxFiles: 4, maxDays: 2 },
      ["72: older than 2 days", "96: beyond the newest 4 and older than 2 days"],
    ],
    ["never the newest, however old", [aged(900), aged(999)], { maxDays: 1 }, ["999: older than 1 day"]],
    ["never the only one", [aged(999)], { maxFiles: 1, maxDays: 1 }, []],
    [
      "never one without a time",
      [aged(0), aged("?"), aged(24)],
      { maxFiles: 1 },
      ["24: beyond the newest 1"],
    ],
    [
      "nothing where no time is known",
      [aged("?"), { ...aged("?"), name: "??" }],
      { maxFiles: 1, maxDays: 1 },
      [],
    ],
    [
      "none of the future, nor does it count",
      [aged(-5), aged(0), aged(24)],
      { maxFiles: 1 },
      ["24: beyond the newest 1"],
    ],
    [
      "never the one just written, after the clock was set back",
      [aged(50), aged(24), aged(30)],
      { maxFiles: 1, written: "50" },
      ["30: beyond the newest 1"],
    ],
    [
      "never an undated one just written, which counts",
      [aged("?"), aged(24), aged(48)],
      { maxFiles: 2, written: "?" },
      ["48: beyond the newest 2"],
    ],
    [
      "no more when the one just written is not listed",
      [aged(24), aged(48)],
      { maxFiles: 1, written: "0" },
      ["48: beyond the newest 1"],
    ],
    [
      "the same, in whatever order they come",
      daily.toReversed(),
      { maxFiles: 4 },
      ["96: beyond the newest 4"],
    ],
  ] as [string, RetentionEntry[], Partial<RetentionPolicy>, string[]][])(
    "%s",
    (_, entries, policy, expected) => {
      expect(removed(entries, policy)).toEqual(expected);
    },
  );

  test("a lone date counts as late as it can have been", () => {
    const day = {
      name: "day",
      timeMs: now.getTime() - 40 * HOUR_MS,
      latestMs: now.getTime() - 17 * HOUR_MS,
      bytes: 1,
    };
    expect(removed([aged(0), day], { maxDays: 1 })).toEqual([]);
    expect(removed([aged(0), { ...day, latestMs: day.timeMs }], { maxDays: 1 })).toEqual([
      "day: older than 1 day",
    ]);
  });

  test("of two with one time the later name is the newer", () => {
    const twins = ["a", "c", "b"].map((name) => ({ ...aged(1), name }));
    expect(removed(twins, { maxFiles: 1 })).toEqual(["b: beyond the newest 1", "a: beyond the newest 1"]);
  });
});

describe("so many of the newest stay", () => {
  test.each<[string, number[], Partial<RetentionPolicy>, string[]]>([
    ["however old", [900, 910, 920], { maxDays: 1, minFiles: 2 }, ["920: older than 1 day"]],
    [
      "the one just written among them",
      [0, 910, 920],
      { maxDays: 1, minFiles: 2, written: "0" },
      ["920: older than 1 day"],
    ],
    ["and never less than one", [900, 910], { maxDays: 1, minFiles: 0 }, ["910: older than 1 day"]],
    [
      "those of the future not among them",
      [-5, 900, 910, 920],
      { maxDays: 1, minFiles: 2 },
      ["920: older than 1 day"],
    ],
  ])("%s", (_, ages, policy, expected) => {
    expect(removed(ages.map(aged), policy)).toEqual(expected);
  });

  test("and say so", () => {
    expect(kept([900, 910].map(aged), { maxDays: 1, minFiles: 5 })).toEqual([
      "900: the newest 5 are always kept",
      "910: the newest 5 are always kept",
    ]);
  });
});

describe("the brake: nothing goes by age", () => {
  /** What a run makes of backups so many days old, its own just written. */
  const run = (days: readonly number[], policy: Partial<RetentionPolicy> = {}) => {
    const entries = [aged(0), ...days.map((age) => aged(age * 24))];
    const planned = plan(entries, policyOf({ maxDays: 30, written: "0", ...policy }), now);
    return [planned.remove.map(({ entry }) => Number(entry.name) / 24), planned.braked];
  };

  test.each<[string, number[], Partial<RetentionPolicy>, number[], number]>([
    ["after a long outage of a daily job", [40, 41, 42, 43], {}, [], 4],
    ["where there are not two before the last", [40, 41], {}, [], 2],
    ["where there is one alone", [40], {}, [], 1],
    ["but not by a day less", [29, 31, 32], {}, [31, 32], 0],
    ["nor at exactly that age", [30, 31, 32], {}, [31, 32], 0],
    ["nor for a job that runs so rarely", [40, 80, 120], {}, [40, 80, 120], 0],
    ["nor where those before lay exactly so far apart", [40, 50, 80], {}, [40, 50, 80], 0],
    ["but where they lay closer", [40, 50, 79.9], {}, [], 3],
    ["nor in May for a job of each month", [30.5, 61, 89], {}, [30.5, 61, 89], 0],
    [
      "nor for one of each day that is late by seconds",
      [1.001, 2, 2.999],
      { maxDays: 1 },
      [1.001, 2, 2.999],
      0,
    ],
    ["but where one of each day has missed one", [2, 3, 3.999], { maxDays: 1 }, [], 3],
    ["nor does it keep what goes by number", [40, 41, 42, 43], { maxFiles: 3 }, [42, 43], 2],
    [
      "nor is there one without a limit of age",
      [400, 401, 402],
      { maxDays: 0, maxFiles: 1 },
      [400, 401, 402],
      0,
    ],
    ["and none is told of where all would stay anyway", [40, 41, 42], { minFiles: 4 }, [], 0],
    ["nor for prune", [40, 41, 42], { brakes: false }, [40, 41, 42], 0],
    ["what lies in the future is not the last one", [-9, 40, 41, 42], {}, [], 3],
  ])("%s", (_, days, policy, gone, braked) => {
    expect(run(days, policy)).toEqual([gone, braked]);
  });

  test("and the reason says so", () => {
    const entries = [aged(0), aged(960)];
    expect(kept(entries, { maxDays: 30, written: "0", brakes: true })).toEqual([
      "0: just written",
      "960: older than 30 days, but so is the newest before this run",
    ]);
    expect(planOfRun([aged(960)], rulesOf({ maxDays: 30 }), now)).toMatchObject({ remove: [], braked: 1 });
  });
});

test("what stays says why", () => {
  expect(kept([aged(3), aged(-1), aged("?"), aged(1)], { maxFiles: 3, written: "1" })).toEqual([
    "-1: its time lies in the future",
    "?: its time is unknown",
    "1: just written",
    "3: within the limits",
  ]);
  expect(kept([aged(999)], { maxDays: 1 })).toEqual(["999: the newest is always kept"]);
});

describe("properties of a plan", () => {
  const entry = fc.record({
    timeMs: fc.option(
      fc.integer({ min: -50, max: 800 }).map((hours) => now.getTime() - hours * HOUR_MS),
      {
        freq: 6,
      },
    ),
    bytes: fc.nat(),
  });
  const entries = fc
    .array(entry, { maxLength: 30 })
    .map((list) => list.map((each, index): RetentionEntry => ({ ...each, name: `backup-${index}` })));
  const limits = fc.record({
    maxFiles: fc.nat(8),
    maxDays: fc.nat(12),
    minFiles: fc.nat(9),
    brakes: fc.boolean(),
  });
  const setting = fc.tuple(entries, limits, fc.option(fc.nat(29))).map(([list, policy, index]) => ({
    list,
    policy: policyOf({ ...policy, written: index === null ? null : `backup-${index}` }),
  }));
  const dated = (list: readonly RetentionEntry[]): RetentionEntry[] =>
    list.filter((each) => each.timeMs !== null && each.timeMs <= now.getTime());
  const newest = (list: readonly RetentionEntry[]): number =>
    Math.max(...dated(list).map((each) => each.timeMs ?? -Infinity));

  function check(property: (input: { list: RetentionEntry[]; policy: RetentionPolicy }) => void): void {
    fc.assert(fc.property(setting, property), { seed, numRuns: 2000 });
  }

  test("every entry is either kept or removed, once, with a reason", () => {
    check(({ list, policy }) => {
      const { keep, remove } = plan(list, policy, now);
      const names = [...keep, ...remove].map(({ entry: { name } }) => name);
      expect(names.toSorted()).toEqual(list.map((each) => each.name).toSorted());
      for (const { reason } of [...keep, ...remove]) expect(reason).not.toBe("");
    });
  });

  test("the newest, the one just written and those without a past time are never removed", () => {
    check(({ list, policy }) => {
      const { keep, remove } = plan(list, policy, now);
      if (list.length > 0) expect(keep.length).toBeGreaterThan(0);
      const stays = keep.map((each) => each.entry);
      const written = list.find((each) => each.name === policy.written);
      // The one just written is the newest, too, where its time can't be read or is not yet reached.
      const writtenIsNewest = written !== undefined && (written.timeMs ?? Infinity) >= newest(list);
      if (dated(list).length > 0 && !writtenIsNewest) expect(newest(stays)).toBe(newest(list));
      for (const each of remove) {
        expect(each.entry.name).not.toBe(policy.written);
        expect(dated([each.entry])).toHaveLength(1);
      }
    });
  });

  test("so many of the newest as always stay are there still", () => {
    check(({ list, policy }) => {
      const { keep } = plan(list, policy, now);
      const past = dated(list).filter(({ name }) => name !== policy.written);
      const stays = dated(keep.map((each) => each.entry)).filter(({ name }) => name !== policy.written);
      // The one just written may be among them.
      const least = Math.min(past.length, Math.max(1, policy.minFiles) - 1);
      expect(stays.length).toBeGreaterThanOrEqual(least);
    });
  });

  test("nothing that is removed is newer than something that was kept within the limits", () => {
    check(({ list, policy }) => {
      const { keep, remove } = plan(list, policy, now);
      const within = keep.filter(({ reason }) => reason === "within the limits").map((each) => each.entry);
      const oldestKept = Math.min(...within.map((each) => each.timeMs ?? -Infinity));
      for (const each of remove) expect(each.entry.timeMs ?? Infinity).toBeLessThanOrEqual(oldestKept);
    });
  });

  test("the limits hold, but for the protected ones", () => {
    check(({ list, policy }) => {
      const { keep } = plan(list, policy, now);
      const within = keep.filter(({ reason }) => reason === "within the limits").map((each) => each.entry);
      if (policy.maxFiles > 0) expect(within.length).toBeLessThanOrEqual(policy.maxFiles);
      for (const each of within) {
        if (policy.maxDays > 0)
          expect(now.getTime() - (each.timeMs ?? 0)).toBeLessThanOrEqual(policy.maxDays * 24 * HOUR_MS);
      }
    });
  });

  test("a second plan of what was kept removes nothing more", () => {
    check(({ list, policy }) => {
      const first = plan(list, policy, now);
      const again = plan(
        first.keep.map((each) => each.entry),
        policy,
        now,
      );
      expect(again.remove).toEqual([]);
    });
  });
});

describe("a run now", () => {
  test.each([
    ["would keep all that fits beside its own backup", [1, 24].map(aged), 3, []],
    ["would remove what its own backup pushes out", [1, 24, 48].map(aged), 2, ["24", "48"]],
    ["would keep its own alone", [1, 24].map(aged), 1, ["1", "24"]],
  ])("%s", (_, entries, maxFiles, gone) => {
    const { keep, remove } = planOfRun(entries, rulesOf({ maxFiles }), now);
    expect(remove.map(({ entry }) => entry.name)).toEqual(gone);
    expect([...keep, ...remove].map(({ entry }) => entry.name).toSorted()).toEqual(
      entries.map(({ name }) => name).toSorted(),
    );
  });

  test("removes the very same once it has made its backup", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -48, max: 2000 }), { maxLength: 30 }),
        fc.nat({ max: 10 }),
        fc.nat({ max: 60 }),
        (ages, maxFiles, maxDays) => {
          const entries = ages.map(aged);
          const written = { name: "new", timeMs: now.getTime(), bytes: 1 };
          const rules = rulesOf({ maxFiles, maxDays });
          const after = plan([...entries, written], policyOf({ ...rules, written: "new" }), now);
          const before = planOfRun(entries, rules, now);
          expect([before.remove, before.braked]).toEqual([[...after.remove], after.braked]);
        },
      ),
      { seed },
    );
  });
});

describe("prune", () => {
  const goes = (entries: RetentionEntry[], maxFiles: number, maxDays: number): [string | null, string[]] => {
    const { newest, remove } = planOfPrune(entries, rulesOf({ maxFiles, maxDays }), now);
    return [newest?.name ?? null, remove.map(({ entry }) => entry.name)];
  };

  test.each<[string, RetentionEntry[], number, number, [string | null, string[]]]>([
    ["removes nothing of nothing", [], 1, 1, [null, []]],
    ["counts days from the newest", [aged(900), aged(924), aged(973)], 0, 3, ["900", ["973"]]],
    ["keeps the newest as it keeps the one just written", [aged(900), aged(924)], 1, 1, ["900", ["924"]]],
    ["takes no backup of the future for the newest", [aged(-9000), aged(10), aged(30)], 1, 0, ["10", ["30"]]],
    ["removes nothing where all lie in the future", [aged(-1), aged(-90)], 1, 1, [null, []]],
    ["removes nothing without a time", [aged("?"), aged(5), aged(6)], 1, 0, ["5", ["6"]]],
  ])("%s", (_, entries, maxFiles, maxDays, expected) => {
    expect(goes(entries, maxFiles, maxDays)).toEqual(expected);
  });

  test("never removes the newest, nor more than a run at the newest one's time would have", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -48, max: 2000 }), { maxLength: 30 }),
        fc.nat({ max: 10 }),
        fc.nat({ max: 60 }),
        (ages, maxFiles, maxDays) => {
          const [newest, removed] = goes(ages.map(aged), maxFiles, maxDays);
          expect(removed).not.toContain(newest ?? "none");
          const past = ages.filter((age) => age >= 0);
          expect(newest).toBe(past.length === 0 ? null : `${Math.min(...past)}`);
          expect(past.length - removed.length).toBeGreaterThanOrEqual(Math.min(1, past.length));
        },
      ),
      { seed },
    );
  });
});

test.each([
  [0, 0, "off: nothing is ever removed"],
  [7, 0, "keeps at most 7; the newest always stays"],
  [0, 30, "keeps none older than 30 days; the newest always stays"],
  [7, 1, "keeps at most 7, and none older than 1 day; the newest always stays"],
])("of %d files and %d days it says: %s", (maxFiles, maxDays, words) => {
  expect(rulesInWords(rulesOf({ maxFiles, maxDays }))).toBe(words);
});

test.each([
  [rulesOf({ maxDays: 30, minFiles: 3 }), "keeps none older than 30 days; the newest 3 always stay"],
  [calendarOf({ daily: 7 }), "keeps 7 daily; the newest always stays"],
  [calendarOf({ last: 3, yearly: 1 }), "keeps the last 3 and 1 yearly; the newest always stays"],
  [
    calendarOf({ hourly: 24, daily: 7, weekly: 4, monthly: 12 }),
    "keeps 24 hourly, 7 daily, 4 weekly and 12 monthly; the newest always stays",
  ],
])("of %j it says: %s", (rules, words) => {
  expect(rulesInWords(rules)).toBe(words);
});
