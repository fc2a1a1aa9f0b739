import { describe, expect, test } from "bun:test";
import { DbstashError } from "../../../src/errors.ts";
import {
  compileTemplate,
  decodeDatabase,
  encodeDatabase,
  formatName,
  globals,
  type NameContext,
  type NameReading,
  nameReader,
  readSubject,
  type Subject,
  subjectText,
} from "../../../src/catalog/naming.ts";

const base = { database: "shop", engine: "pg", timeZone: "UTC", uuid: "0123abcd" } as const;

function format(text: string, at: string, overrides: Partial<typeof base | NameContext> = {}): string {
  return formatName(compileTemplate(text), { ...base, ...overrides, now: new Date(at) });
}

function read(text: string, name: string, overrides: Partial<NameContext> = {}): NameReading | null {
  return nameReader(compileTemplate(text), { ...base, extension: ".sql", ...overrides })(name);
}

/** The time read as RFC 3339, "no time", or "no match". */
function when(text: string, name: string, overrides: Partial<NameContext> = {}): string {
  const reading = read(text, name, overrides);
  if (reading === null) return "no match";
  return reading.timeMs === null ? "no time" : new Date(reading.timeMs).toISOString().replace(".000", "");
}

describe("compileTemplate", () => {
  test.each([
    ["", "is empty"],
    ["  ", "is empty"],
    ["/{db}", "is an absolute path"],
    ["{db}/", "ends with a slash"],
    ["a//{db}", "has an empty path segment"],
    ["../{db}", 'has the path segment ".."'],
    ["a/./{db}", 'has the path segment "."'],
    ["{db}\n", "holds a control character"],
    ["{db", "has unbalanced braces"],
    ["db}", "has unbalanced braces"],
    ["{{db}}", "has unbalanced braces"],
    ["{}", "has the unknown token {}"],
    ["{database}", "has the unknown token {database}"],
    ["{DB}", "has the unknown token {DB}"],
  ])("refuses %j: it %s", (text, problem) => {
    expect(() => compileTemplate(text)).toThrow(problem);
  });

  test("an unknown token's hint lists the known ones", () => {
    let thrown: unknown;
    try {
      compileTemplate("{name}");
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DbstashError);
    expect((thrown as DbstashError).hint).toBe(
      "known tokens: {db} {engine} {date} {time} {timestamp} {ts} {uuid}",
    );
  });

  test.each([
    ["{db}-{timestamp}", { hasDb: true, hasTime: true, isUnique: true }],
    ["{ts}", { hasDb: false, hasTime: true, isUnique: true }],
    ["{date}/{db}", { hasDb: true, hasTime: true, isUnique: true }],
    ["{db}-{uuid}", { hasDb: true, hasTime: false, isUnique: true }],
    ["{db}-{time}", { hasDb: true, hasTime: false, isUnique: false }],
    ["{db}-{engine}", { hasDb: true, hasTime: false, isUnique: false }],
    ["latest", { hasDb: false, hasTime: false, isUnique: false }],
  ])("knows what %s holds", (text, expected) => {
    expect(compileTemplate(text)).toMatchObject({ text, ...expected });
  });
});

describe("formatName", () => {
  test.each([
    ["{db}-{timestamp}", "UTC", "shop-20260207T020000Z"],
    ["{db}-{timestamp}", "Asia/Kolkata", "shop-20260207T073000+0530"],
    ["{db}-{timestamp}", "America/St_Johns", "shop-20260206T223000-0330"],
    ["{db}-{timestamp}", "Europe/London", "shop-20260207T020000Z"],
    ["{date}/{engine}/{db}_{time}", "America/New_York", "2026-02-06/pg/shop_210000"],
    ["{db}.{ts}.{uuid}", "Asia/Tokyo", "shop.1770429600.0123abcd"],
    ["(a+b)/{db}", "UTC", "(a+b)/shop"],
  ])("%s in %s", (text, timeZone, expected) => {
    expect(format(text, "2026-02-07T02:00:00.999Z", { timeZone })).toBe(expected);
  });

  test("an unknown zone is an error", () => {
    expect(() => format("{ts}", "2026-02-07T02:00:00Z", { timeZone: "Mars/Olympus" })).toThrow(RangeError);
  });
});

describe("encodeDatabase", () => {
  test.each([
    ["shop", "shop"],
    ["shop-eu_2.x", "shop-eu_2.x"],
    ["größe", "größe"],
    ["a/b\\c", "a%2Fb%5Cc"],
    ['a:*?"<>|b', "a%3A%2A%3F%22%3C%3E%7Cb"],
    ["100%", "100%25"],
    ["%2F", "%252F"],
    ["::1", "%3A%3A1"],
    [".hidden", "%2Ehidden"],
    ["..", "%2E%2E"],
    [".", "%2E"],
    ["~root", "%7Eroot"],
    ["--x", "%2D-x"],
    [" a ", "%20a%20"],
    ["a.", "a%2E"],
    ["tab\there\u007f\u0085", "tab%09here%7F%C2%85"],
    ["", "%"],
    ["@globals", "%40globals"],
    ["a@b", "a@b"],
    ["all", "%61ll"],
    ["All", "All"],
    ["allo", "allo"],
    ["!x it's $y [1] {2}", "!x it's $y [1] {2}"],
  ])("%j becomes %s, and is read back", (database, expected) => {
    expect(encodeDatabase(database)).toBe(expected);
    expect(decodeDatabase(expected)).toBe(database);
  });

  test.each(["", "%73hop", "%2f", "@x", "all", "a/b", "-x", "%", "100%", "%FF", "%C3", "x."])(
    "%j is no database's, unless it is the one that has no name",
    (text) => {
      expect(decodeDatabase(text)).toBe(text === "%" ? "" : null);
    },
  );
});

describe("what a backup is of", () => {
  test.each<[Subject, string]>([
    [{ database: "shop" }, "shop"],
    [{ database: "all" }, "%61ll"],
    [{ database: "all", scope: "all" }, "all"],
    [{ database: "@globals" }, "%40globals"],
    [globals, "@globals"],
  ])("%j is %s in a name", (subject, text) => {
    expect(subjectText(subject)).toBe(text);
    expect(readSubject(text)).toEqual(subject);
    expect(format("{db}", "2026-02-07T02:00:00Z", subject)).toBe(text);
    expect(read("{db}", `${text}.sql`, subject)).not.toBeNull();
  });
});

describe("nameReader", () => {
  const both = "{db}-{timestamp}";
  test.each([
    // The default template, in and out of its own job.
    [both, "shop-20260207T020000Z.sql", {}, "2026-02-07T02:00:00Z"],
    [both, "shop-20260207T073000+0530.sql", {}, "2026-02-07T02:00:00Z"],
    [both, "shop-eu-20260207T020000Z.sql", {}, "no match"],
    [both, "eu-shop-20260207T020000Z.sql", {}, "no match"],
    [both, "shop-20260207T020000Z.sql.zst", {}, "no match"],
    [both, "shop-20260207T020000Z", {}, "no match"],
    [both, "shop-20260207T020000Z", { extension: "" }, "2026-02-07T02:00:00Z"],
    [both, "shop-20260207T020000Z.sql\n", {}, "no match"],
    [both, "x/shop-20260207T020000Z.sql", {}, "no match"],
    [both, ".shop-20260207T020000Z.sql", {}, "no match"],
    [both, "Shop-20260207T020000Z.sql", {}, "no match"],
    [both, "shop-20260207T020000z.sql", {}, "no match"],
    [both, "shop-20260207T020000ZXsql", {}, "no match"],
    // Times that do not exist, and offsets that are never written.
    [both, "shop-20260230T020000Z.sql", {}, "no match"],
    [both, "shop-20260207T240000Z.sql", {}, "no match"],
    [both, "shop-20260207T026000Z.sql", {}, "no match"],
    [both, "shop-20260207T020060Z.sql", {}, "no match"],
    [both, "shop-20261307T020000Z.sql", {}, "no match"],
    [both, "shop-20260207T020000+0000.sql", {}, "no match"],
    [both, "shop-20260207T020000-0000.sql", {}, "no match"],
    [both, "shop-20260207T020000+2400.sql", {}, "no match"],
    [both, "shop-20260207T020000+0260.sql", {}, "no match"],
    [both, "shop-20240229T020000Z.sql", {}, "2024-02-29T02:00:00Z"],
    // Other tokens.
    ["{db}", "shop.sql", {}, "no time"],
    ["{db}", "shop-eu.sql", {}, "no match"],
    ["{db}", "shopXsql", {}, "no match"],
    ["{db}-{uuid}", "shop-0123abcd.sql", {}, "no time"],
    ["{db}-{uuid}", "shop-0123ABCD.sql", {}, "no match"],
    ["{db}-{uuid}", "shop-0123abcde.sql", {}, "no match"],
    ["{db}-{time}", "shop-235959.sql", {}, "no time"],
    ["{db}-{time}", "shop-245959.sql", {}, "no match"],
    ["{db}{ts}", "shop1770429600.sql", {}, "2026-02-07T02:00:00Z"],
    ["{db}{ts}", "shop11770429600.sql", {}, "no match"],
    ["{engine}/{db}/{ts}", "pg/shop/1770429600.sql", {}, "2026-02-07T02:00:00Z"],
    ["{engine}/{db}/{ts}", "mysql/shop/1770429600.sql", {}, "no match"],
    ["{db}-{ts}", "a%2Fb-1770429600.sql", { database: "a/b" }, "2026-02-07T02:00:00Z"],
    ["{db}-{ts}", "a.b-1770429600.sql", { database: "a+b" }, "no match"],
    // A token that stands twice, or two that tell the same, must agree.
    ["{date}/{date}-{db}", "2026-02-07/2026-02-07-shop.sql", {}, "2026-02-07T00:00:00Z"],
    ["{date}/{date}-{db}", "2026-02-07/2026-02-08-shop.sql", {}, "no match"],
    ["{date}/{db}-{timestamp}", "2026-02-07/shop-20260207T020000Z.sql", {}, "2026-02-07T02:00:00Z"],
    ["{date}/{db}-{timestamp}", "2026-02-08/shop-20260207T020000Z.sql", {}, "no match"],
    ["{time}/{db}-{timestamp}", "020001/shop-20260207T020000Z.sql", {}, "no match"],
    ["{ts}/{db}-{timestamp}", "1770429600/shop-20260207T020000Z.sql", {}, "2026-02-07T02:00:00Z"],
    ["{ts}/{db}-{timestamp}", "1770429601/shop-20260207T020000Z.sql", {}, "no match"],
    ["{date}/{db}-{ts}", "2026-02-07/shop-1770429600.sql", {}, "2026-02-07T02:00:00Z"],
    ["{date}/{db}-{ts}", "2026-02-06/shop-1770429600.sql", {}, "2026-02-07T02:00:00Z"],
    ["{date}/{db}-{ts}", "2026-02-08/shop-1770429600.sql", {}, "no match"],
    ["{time}/{db}-{ts}", "020030/shop-1770429600.sql", {}, "no match"],
    // Local times at the change-over days of a zone.
    [
      "{db}-{date}-{time}",
      "shop-2026-02-07-020000.sql",
      { timeZone: "Europe/Berlin" },
      "2026-02-07T01:00:00Z",
    ],
    ["{db}-{date}-{time}", "shop-2026-03-29-023000.sql", { timeZone: "Europe/Berlin" }, "no match"],
    [
      "{db}-{date}-{time}",
      "shop-2026-03-29-030000.sql",
      { timeZone: "Europe/Berlin" },
      "2026-03-29T01:00:00Z",
    ],
    [
      "{db}-{date}-{time}",
      "shop-2026-10-25-013000.sql",
      { timeZone: "Europe/Berlin" },
      "2026-10-24T23:30:00Z",
    ],
    [
      "{db}-{date}-{time}",
      "shop-2026-10-25-023000.sql",
      { timeZone: "Europe/Berlin" },
      "2026-10-25T01:30:00Z",
    ],
    [
      "{db}-{date}-{time}",
      "shop-2026-10-25-033000.sql",
      { timeZone: "Europe/Berlin" },
      "2026-10-25T02:30:00Z",
    ],
    [
      "{db}-{date}-{time}",
      "shop-2026-04-05-014500.sql",
      { timeZone: "Australia/Lord_Howe" },
      "2026-04-04T15:15:00Z",
    ],
    ["{db}-{date}-{time}", "shop-2011-12-30-120000.sql", { timeZone: "Pacific/Apia" }, "no match"],
    ["{db}-{date}", "shop-2026-02-07.sql", { timeZone: "Asia/Kolkata" }, "2026-02-06T18:30:00Z"],
    ["{db}-{date}", "shop-2026-02-29.sql", {}, "no match"],
    ["{db}-{date}", "shop-2011-12-30.sql", { timeZone: "Pacific/Apia" }, "no match"],
    ["{db}-{date}", "shop-2026-04-24.sql", { timeZone: "Africa/Cairo" }, "2026-04-23T22:00:00Z"],
  ])("%s reads %j with %j: %s", (text, name, overrides, expected) => {
    expect(when(text, name, overrides as Partial<NameContext>)).toBe(expected);
  });

  test("a lone date can stand for any moment up to the last second of its local day", () => {
    const reading = read("{db}-{date}", "shop-2026-10-25.sql", { timeZone: "Europe/Berlin" });
    expect(reading).toEqual({
      timeMs: Date.parse("2026-10-24T22:00:00Z"),
      latestMs: Date.parse("2026-10-25T22:59:59Z"),
    });
  });
});
