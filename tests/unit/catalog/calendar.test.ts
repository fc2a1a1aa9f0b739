import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type CalendarRules, keptByCalendar, type Span, spans } from "../../../src/catalog/calendar.ts";
import { plan, planOfRun, type RetentionEntry } from "../../../src/catalog/retention.ts";
import { calendarOf } from "./rules.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`calendar properties: TEST_SEED=${seed}`);

const DAY_MS = 86_400_000;

/** Backups named by their times: `2026-02-07T02:00`. */
function at(...times: readonly string[]): RetentionEntry[] {
  return times.map((time) => ({ name: time, timeMs: Date.parse(`${time}Z`), bytes: 1 }));
}

/** What becomes of each, as `name: reason`, in the order they were given; one that goes as `name: –`. */
function fates(
  keep: Partial<CalendarRules>,
  entries: readonly RetentionEntry[],
  timeZone = "UTC",
  now = "2101-01-01",
): string[] {
  const policy = { ...calendarOf(keep, timeZone), written: null, brakes: true };
  const planned = plan(entries, policy, new Date(now));
  const reasons = new Map(planned.keep.map(({ entry, reason }) => [entry, reason]));
  return entries.map((entry) => `${entry.name}: ${reasons.get(entry) ?? "–"}`);
}

describe("by calendar stay", () => {
  test("the newest of each of the last days, whatever lies between", () => {
    const entries = at(
      "2026-02-07T02:00",
      "2026-02-06T20:00",
      "2026-02-06T02:00",
      "2026-01-10T02:00",
      "2025-12-24T02:00",
    );
    expect(fates({ daily: 3 }, entries)).toEqual([
      "2026-02-07T02:00: daily 1 of 3",
      "2026-02-06T20:00: daily 2 of 3",
      "2026-02-06T02:00: –",
      "2026-01-10T02:00: daily 3 of 3",
      "2025-12-24T02:00: –",
    ]);
  });

  test("what any of the rules keeps, by all that do", () => {
    const entries = at(
      "2026-03-01T12:00",
      "2026-03-01T11:50",
      "2026-03-01T11:10",
      "2026-02-28T12:00",
      "2026-02-20T12:00",
      "2025-12-31T12:00",
    );
    expect(fates({ last: 2, hourly: 2, daily: 2, weekly: 2, monthly: 2, yearly: 2 }, entries)).toEqual([
      "2026-03-01T12:00: last 1 of 2, hourly 1 of 2, daily 1 of 2, weekly 1 of 2, monthly 1 of 2, yearly 1 of 2",
      "2026-03-01T11:50: last 2 of 2, hourly 2 of 2",
      "2026-03-01T11:10: –",
      "2026-02-28T12:00: daily 2 of 2, monthly 2 of 2",
      "2026-02-20T12:00: weekly 2 of 2",
      "2025-12-31T12:00: yearly 2 of 2",
    ]);
  });

  // Clocks of Berlin: on 25 October 2026 at 01:00Z from 3 back to 2, on 29 March 2026 at 01:00Z from 2 to 3.
  test.each<[string, Span, string, string[]]>([
    [
      "an hour that comes twice is two hours",
      "hourly",
      "Europe/Berlin",
      [
        "2026-10-25T01:30",
        "2026-10-25T01:00 –",
        "2026-10-25T00:59",
        "2026-10-25T00:30 –",
        "2026-10-24T23:59",
      ],
    ],
    [
      "an hour that is left out is none",
      "hourly",
      "Europe/Berlin",
      ["2026-03-29T01:00", "2026-03-29T00:59", "2026-03-29T00:00 –", "2026-03-28T23:59"],
    ],
    [
      "a clock set back by half an hour",
      "hourly",
      "Australia/Lord_Howe",
      [
        "2026-04-04T15:40",
        "2026-04-04T15:10",
        "2026-04-04T15:00 –",
        "2026-04-04T14:59",
        "2026-04-04T14:00 –",
      ],
    ],
    [
      "a day of 25 hours",
      "daily",
      "Europe/Berlin",
      ["2026-10-25T23:00", "2026-10-25T22:59", "2026-10-24T22:00 –", "2026-10-24T21:59"],
    ],
    [
      "a day of 23 hours",
      "daily",
      "Europe/Berlin",
      ["2026-03-29T22:00", "2026-03-29T21:59", "2026-03-28T23:00 –", "2026-03-28T22:59"],
    ],
    [
      "days by the clocks of the zone",
      "daily",
      "Asia/Kathmandu",
      ["2026-02-06T18:15", "2026-02-06T18:14", "2026-02-05T18:15 –", "2026-02-05T18:14"],
    ],
    [
      "a day that a zone left out",
      "daily",
      "Pacific/Apia",
      ["2011-12-30T10:00", "2011-12-30T09:59", "2011-12-29T10:00 –", "2011-12-29T09:59"],
    ],
    [
      "a leap day",
      "daily",
      "UTC",
      ["2028-03-01T00:00", "2028-02-29T23:59", "2028-02-29T00:00 –", "2028-02-28T23:59"],
    ],
    [
      "February with a leap day",
      "monthly",
      "UTC",
      [
        "2028-03-01T00:00",
        "2028-02-29T23:59",
        "2028-02-28T02:00 –",
        "2028-02-01T00:00 –",
        "2028-01-31T23:59",
      ],
    ],
    ["a year without a leap day", "monthly", "UTC", ["2100-03-01T00:00", "2100-02-28T23:59"]],
    [
      "week 53 over the year's end, from Monday to Sunday",
      "weekly",
      "UTC",
      [
        "2027-01-04T00:00",
        "2027-01-03T23:59",
        "2026-12-31T12:00 –",
        "2026-12-28T00:00 –",
        "2026-12-27T23:59",
      ],
    ],
    [
      "week 1 that begins in the old year",
      "weekly",
      "UTC",
      ["2026-01-04T23:59", "2025-12-29T00:00 –", "2025-12-28T23:59"],
    ],
    [
      "a week that ends with the clocks set back",
      "weekly",
      "Europe/Berlin",
      ["2026-10-25T23:00", "2026-10-25T22:59", "2026-10-18T22:00 –", "2026-10-18T21:59"],
    ],
    [
      "the year's end",
      "yearly",
      "UTC",
      ["2027-01-01T00:00", "2026-12-31T23:59", "2026-01-01T00:00 –", "2025-12-31T23:59"],
    ],
    ["the year's end of a zone", "yearly", "Pacific/Auckland", ["2026-12-31T11:00", "2026-12-31T10:59"]],
    ["the month's end of a zone", "monthly", "America/New_York", ["2026-11-01T04:00", "2026-11-01T03:59"]],
  ])("%s", (_, span, timeZone, lines) => {
    const names = lines.map((line) => line.replace(" –", ""));
    const stay = lines.filter((line) => !line.endsWith("–"));
    expect(fates({ [span]: 99 }, at(...names), timeZone)).toEqual(
      names.map(
        (name) => `${name}: ${stay.includes(name) ? `${span} ${stay.indexOf(name) + 1} of 99` : "–"}`,
      ),
    );
  });

  test("of two in one second the one with the later name", () => {
    const twins = ["a", "c", "b"].map((name) => ({ name, timeMs: Date.parse("2026-02-07"), bytes: 1 }));
    expect(fates({ daily: 2 }, twins)).toEqual(["a: –", "c: daily 1 of 2", "b: –"]);
  });

  test("a lone date as that day of the zone", () => {
    // As the names of two days of Berlin are read: from the day's first instant to its last second.
    const entries = at("2026-02-08T23:00", "2026-02-07T23:00").map((entry) => ({
      ...entry,
      latestMs: (entry.timeMs ?? 0) + DAY_MS - 1000,
    }));
    expect(fates({ daily: 1 }, entries, "Europe/Berlin")).toEqual([
      "2026-02-08T23:00: daily 1 of 1",
      "2026-02-07T23:00: –",
    ]);
  });

  test("those of the future and without a time, which no rule counts", () => {
    const undated = { name: "?", timeMs: null, bytes: 1 };
    const entries = [undated, ...at("2040-01-01T00:00", "2026-02-07T02:00", "2026-02-06T02:00")];
    expect(fates({ daily: 1 }, entries, "UTC", "2026-02-08")).toEqual([
      "?: its time is unknown",
      "2040-01-01T00:00: its time lies in the future",
      "2026-02-07T02:00: daily 1 of 1",
      "2026-02-06T02:00: –",
    ]);
  });

  test("after a clock that went ahead one less of the days before, and no more of them once it is right again", () => {
    const days = at("2026-02-07T02:00", "2026-02-06T02:00", "2026-02-05T02:00");
    const ahead = [...at("2040-01-01T00:00"), ...days];
    expect(fates({ daily: 3 }, ahead, "UTC", "2040-01-02").at(-1)).toEndWith("–");
    const left = [...at("2026-02-08T02:00"), ...ahead.slice(0, -1)];
    expect(fates({ daily: 3 }, left, "UTC", "2026-02-09").filter((line) => line.endsWith("–"))).toEqual([]);
  });

  test("so many of the newest as always stay", () => {
    const entries = at("2026-02-07T03:00", "2026-02-07T02:00", "2026-02-07T01:00");
    const policy = { ...calendarOf({ daily: 1 }), minFiles: 2, written: null, brakes: true };
    const { keep, remove } = plan(entries, policy, new Date("2026-02-08"));
    expect(keep.map(({ reason }) => reason)).toEqual(["daily 1 of 1", "the newest 2 are always kept"]);
    expect(remove.map(({ reason }) => reason)).toEqual(["no rule keeps it"]);
  });
});

describe("properties of a calendar", () => {
  /** Moments around which clocks and calendars do something: both changes of Berlin, Lord Howe, leap day, week 53, … */
  const anchors = [
    "2026-03-29T01:00",
    "2026-10-25T01:00",
    "2026-04-04T15:00",
    "2026-11-01T06:00",
    "2028-02-29T12:00",
    "2027-01-01T00:00",
    "2021-01-03T23:00",
    "2011-12-30T10:00",
  ].map((time) => Date.parse(`${time}Z`));
  const zones = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Auckland",
  ];
  const steps = [1000, 900_000, 3_600_000, DAY_MS, 7 * DAY_MS, 40 * DAY_MS];
  const history = fc
    .tuple(
      fc.constantFrom(...anchors),
      fc.array(fc.tuple(fc.constantFrom(...steps), fc.integer({ min: -12, max: 12 })), {
        minLength: 1,
        maxLength: 30,
      }),
    )
    .map(([anchor, list]) =>
      list.map(([step, times], index): RetentionEntry & { timeMs: number } => ({
        name: `b${index}`,
        timeMs: anchor + step * times,
        bytes: 1,
      })),
    );
  const rules = fc
    .tuple(...spans.map(() => fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8 }))))
    .map(
      (counts): CalendarRules =>
        Object.fromEntries(spans.map((span, at) => [span, counts[at] ?? 0])) as CalendarRules,
    );
  const someRule = rules.filter((each) => spans.some((span) => each[span] > 0));
  const zone = fc.constantFrom(...zones);
  const options = { seed, numRuns: 300 };
  /** Of those that plan again and again. */
  const fewer = { seed, numRuns: 100 };
  const planned = (list: readonly RetentionEntry[], keep: CalendarRules, timeZone: string, nowMs: number) =>
    plan(list, { ...calendarOf(keep, timeZone), written: null, brakes: true }, new Date(nowMs));
  const names = (list: readonly { readonly entry: RetentionEntry }[]): string[] =>
    list.map(({ entry }) => entry.name).toSorted();
  const last = (list: readonly { readonly timeMs: number }[]): number =>
    Math.max(...list.map(({ timeMs }) => timeMs));

  test("each rule keeps the newest of as many periods as a reckoning by the runtime's own calendar", () => {
    fc.assert(
      fc.property(
        history,
        fc.constantFrom(...spans),
        fc.integer({ min: 1, max: 8 }),
        zone,
        (list, span, most, timeZone) => {
          const { keep } = planned(list, { ...calendarOf({}).keep, [span]: most }, timeZone, last(list));
          const sorted = list.toSorted((a, b) => b.timeMs - a.timeMs || (a.name < b.name ? 1 : -1));
          const periods = new Map<string, string>();
          for (const { name, timeMs } of sorted) {
            const period = span === "last" ? name : periodIn(timeZone, span, timeMs);
            if (!periods.has(period)) periods.set(period, name);
          }
          expect(names(keep)).toEqual([...periods.values()].slice(0, most).toSorted());
        },
      ),
      options,
    );
  });

  test("the newest always stays", () => {
    fc.assert(
      fc.property(history, someRule, zone, (list, keep, timeZone) => {
        const stays = planned(list, keep, timeZone, last(list)).keep;
        expect(stays.map(({ entry }) => entry.timeMs)).toContain(last(list));
      }),
      options,
    );
  });

  test("what a rule keeps today of a period that was over yesterday it kept yesterday", () => {
    fc.assert(
      fc.property(
        history,
        fc.constantFrom(...spans),
        fc.integer({ min: 1, max: 8 }),
        zone,
        fc.constantFrom(...steps),
        (list, span, most, timeZone, ago) => {
          const today = last(list);
          const yesterday = today - ago;
          const keep = { ...calendarOf({}).keep, [span]: most };
          const isOver = (timeMs: number): boolean =>
            timeMs <= yesterday &&
            (span === "last" || periodIn(timeZone, span, timeMs) !== periodIn(timeZone, span, yesterday));
          const before = list.filter(({ timeMs }) => timeMs <= yesterday);
          const kept = names(planned(before, keep, timeZone, yesterday).keep);
          const now = planned(list, keep, timeZone, today).keep.filter(({ entry }) =>
            isOver(entry.timeMs ?? 0),
          );
          for (const { entry } of now) expect(kept).toContain(entry.name);
        },
      ),
      options,
    );
  });

  test("a plan after each backup comes to what one plan over all of them keeps", () => {
    fc.assert(
      fc.property(history, someRule, zone, (list, keep, timeZone) => {
        const times = new Map(list.map((each) => [each.timeMs, each]));
        const sorted = [...times.values()].toSorted((a, b) => a.timeMs - b.timeMs);
        let left: RetentionEntry[] = [];
        for (const entry of sorted) {
          const policy = { ...calendarOf(keep, timeZone), written: entry.name, brakes: true };
          left = plan([...left, entry], policy, new Date(entry.timeMs)).keep.map((each) => each.entry);
        }
        expect(left.map(({ name }) => name).toSorted()).toEqual(
          names(planned(sorted, keep, timeZone, last(list)).keep),
        );
      }),
      fewer,
    );
  });

  test("planning what was kept removes nothing", () => {
    fc.assert(
      fc.property(history, someRule, zone, (list, keep, timeZone) => {
        const first = planned(list, keep, timeZone, last(list)).keep.map(({ entry }) => entry);
        expect(planned(first, keep, timeZone, last(list)).remove).toEqual([]);
      }),
      options,
    );
  });

  test("the order of the listing changes nothing", () => {
    fc.assert(
      fc.property(
        history.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        someRule,
        zone,
        ([list, shuffled], keep, timeZone) => {
          const [one, other] = [list, shuffled].map((each) => planned(each, keep, timeZone, last(list)));
          expect(names(one?.remove ?? [])).toEqual(names(other?.remove ?? []));
          expect(new Map(one?.keep.map(({ entry, reason }) => [entry.name, reason]))).toEqual(
            new Map(other?.keep.map(({ entry, reason }) => [entry.name, reason])),
          );
        },
      ),
      options,
    );
  });

  test("however the clock jumps, the one just written, the newest of the past and all of the future stay", () => {
    fc.assert(
      fc.property(history, someRule, zone, (list, keep, timeZone) => {
        let left: RetentionEntry[] = [];
        for (const entry of list) {
          const policy = { ...calendarOf(keep, timeZone), written: entry.name, brakes: true };
          const there = [...left, entry];
          left = plan(there, policy, new Date(entry.timeMs)).keep.map((each) => each.entry);
          const past = there.filter(({ timeMs }) => (timeMs ?? 0) <= entry.timeMs);
          expect(left).toContain(entry);
          expect(left.map(({ timeMs }) => timeMs)).toContain(
            Math.max(...past.map(({ timeMs }) => timeMs ?? 0)),
          );
          expect(left).toEqual(expect.arrayContaining(there.filter((each) => !past.includes(each))));
        }
      }),
      fewer,
    );
  });

  test("a run now would remove the very same as it does once it has made its backup", () => {
    fc.assert(
      fc.property(history, someRule, zone, (list, keep, timeZone) => {
        const written = { name: "new", timeMs: last(list), bytes: 1 };
        const policy = { ...calendarOf(keep, timeZone), written: "new", brakes: true };
        const after = plan([...list, written], policy, new Date(written.timeMs));
        const before = planOfRun(list, calendarOf(keep, timeZone), new Date(written.timeMs));
        expect(before.remove).toEqual([...after.remove]);
        expect(before.keep).toEqual(after.keep.filter(({ entry }) => entry !== written));
      }),
      options,
    );
  });

  test("rules that keep nothing keep nothing", () => {
    expect(keptByCalendar([3, 2, 1], calendarOf({}).keep, "UTC")).toEqual([[], [], []]);
  });
});

/** The period in which a moment lies, by the runtime's own calendar, and ISO 8601's rule for weeks. */
function periodIn(timeZone: string, span: Exclude<Span, "last">, timeMs: number): string {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    timeZoneName: "longOffset",
  });
  const parts = new Map(format.formatToParts(timeMs).map(({ type, value }) => [type, value]));
  const [year, month, day] = [parts.get("year"), parts.get("month"), parts.get("day")];
  if (span === "yearly") return `${year}`;
  if (span === "monthly") return `${year}-${month}`;
  if (span === "daily") return `${year}-${month}-${day}`;
  if (span === "hourly") return `${year}-${month}-${day} ${parts.get("hour")} ${parts.get("timeZoneName")}`;
  // A week belongs to the year of its Thursday.
  const date = new Date(`${year}-${month}-${day}T00:00Z`);
  const thursday = new Date(date.getTime() + (3 - ((date.getUTCDay() + 6) % 7)) * DAY_MS);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return `${thursday.getUTCFullYear()}-W${Math.floor((thursday.getTime() - first) / DAY_MS / 7) + 1}`;
}
