import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compileTemplate,
  decodeDatabase,
  encodeDatabase,
  formatName,
  type NameReading,
  nameReader,
  newUuid,
  readSubject,
  subjectText,
} from "../../../src/catalog/naming.ts";
import { engineNames } from "../../../src/kinds.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`naming properties: TEST_SEED=${seed}`);

describe("properties of names", () => {
  const tokenTexts = ["{db}", "{engine}", "{date}", "{time}", "{timestamp}", "{ts}", "{uuid}"];
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...tokenTexts) },
    {
      weight: 2,
      arbitrary: fc.constantFrom("-", "_", "/", ".", "T", "0", "Z", "backup", "a+b", "[x]", "$", "\\d"),
    },
  );
  const template = fc
    .array(piece, { minLength: 1, maxLength: 7 })
    .map((pieces) =>
      pieces
        .join("")
        .replace(/\/+/g, "/")
        .replace(/^\/|\/$/g, ""),
    )
    .filter((text) => text !== "" && !text.split("/").some((segment) => /^\.{1,2}$/.test(segment)));
  const database = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom("shop", "shop-eu", "..", "a/b", "%", "2026-02-07", "~", " "),
  );
  const zone = fc.constantFrom(
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
  );
  const time = fc.oneof(
    fc.date({
      min: new Date("2001-09-09T01:46:40Z"),
      max: new Date("2099-12-31T23:59:59Z"),
      noInvalidDate: true,
    }),
    // The hours around Berlin's and Lord Howe's changes of 2026.
    fc
      .tuple(
        fc.constantFrom(
          "2026-03-29T01:00:00Z",
          "2026-10-25T01:00:00Z",
          "2026-04-04T15:00:00Z",
          "2026-10-03T15:30:00Z",
        ),
        fc.integer({ min: -7_200_000, max: 7_200_000 }),
      )
      .map(([change, distanceMs]) => new Date(Date.parse(change) + distanceMs)),
  );
  const engine = fc.constantFrom(...engineNames);
  const extension = fc.constantFrom("", ".sql", ".sql.zst", ".archive.gz", ".0");
  const uuid = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(newUuid);
  const job = fc.record({ database, engine, extension, timeZone: zone });

  test("what was written is read back, to the resolution of its tokens", () => {
    fc.assert(
      fc.property(template, job, time, uuid, (text, context, now, digits) => {
        const compiled = compileTemplate(text);
        const values = { ...context, now, uuid: digits };
        const reading = nameReader(compiled, context)(formatName(compiled, values) + context.extension);
        expect(reading).not.toBeNull();
        const { timeMs, latestMs } = reading as NameReading;
        expect(timeMs !== null).toBe(compiled.hasTime);
        if (timeMs === null || latestMs === null) return;
        const second = Math.floor(now.getTime() / 1000) * 1000;
        if (/\{(timestamp|ts)\}/.test(text)) {
          expect(timeMs).toBe(second);
        } else if (text.includes("{time}")) {
          // Either that second, or the later one with the same local time.
          expect(timeMs).toBeGreaterThanOrEqual(second);
          expect(timeMs - second).toBeLessThanOrEqual(2 * 3_600_000);
          expect(formatName(compiled, { ...values, now: new Date(timeMs) })).toBe(
            formatName(compiled, values),
          );
        } else {
          expect(timeMs).toBeLessThanOrEqual(second);
          expect(latestMs).toBeGreaterThanOrEqual(second);
          const day = (atMs: number): string => formatName(compiled, { ...values, now: new Date(atMs) });
          expect([day(timeMs), day(latestMs)]).toEqual([day(second), day(second)]);
          expect([day(timeMs - 1), day(latestMs + 1000)]).not.toContain(day(second));
        }
      }),
      { seed, numRuns: 3000 },
    );
  });

  test("what can be read is what would be written at that time", () => {
    const name = fc
      .tuple(
        fc.integer({ min: 2025, max: 2027 }),
        fc.integer({ min: 0, max: 13 }),
        fc.integer({ min: 0, max: 32 }),
      )
      .chain(([year, month, day]) =>
        fc
          .tuple(fc.integer({ min: 0, max: 25 }), fc.integer({ min: 0, max: 60 }))
          .map(([hour, minute]) =>
            [year, month, day, hour, minute].map((part) => String(part).padStart(2, "0")),
          ),
      );
    fc.assert(
      fc.property(name, zone, ([year, month, day, hour, minute], timeZone) => {
        const compiled = compileTemplate("{db}/{date}T{time}");
        const context = { database: "shop", engine: "pg", extension: ".sql", timeZone } as const;
        const candidate = `shop/${year}-${month}-${day}T${hour}${minute}30.sql`;
        const reading = nameReader(compiled, context)(candidate);
        if (reading?.timeMs == null) return;
        const values = { ...context, now: new Date(reading.timeMs), uuid: "0123abcd" };
        expect(`${formatName(compiled, values)}.sql`).toBe(candidate);
      }),
      { seed, numRuns: 3000 },
    );
  });

  test("a name is read for its own database alone, however alike the other's name is", () => {
    const fragment = fc.constantFrom(
      "2",
      "-",
      "0",
      "Z",
      "T",
      ".",
      "%",
      "-eu",
      "a",
      "20260207T020000Z",
      "+0530",
      "-07",
    );
    const pair = fc
      .tuple(database, fragment, fc.constantFrom("before", "behind"))
      .map(([one, more, side]) => [one, side === "before" ? more + one : one + more] as const);
    fc.assert(
      fc.property(template, job, pair, time, uuid, (text, context, [one, other], now, digits) => {
        const compiled = compileTemplate(text);
        fc.pre(compiled.hasDb);
        for (const [writer, reader] of [
          [one, other],
          [other, one],
        ] as const) {
          const name =
            formatName(compiled, { ...context, database: writer, now, uuid: digits }) + context.extension;
          expect(nameReader(compiled, { ...context, database: reader })(name)).toBeNull();
        }
      }),
      { seed, numRuns: 2000 },
    );
  });

  test("an encoded database is one safe path segment", () => {
    fc.assert(
      fc.property(database, (name) => {
        const encoded = encodeDatabase(name);
        expect(encoded).toMatch(/^[^/\\:*?"<>|\p{Cc}]+$/u);
        expect(encoded).not.toMatch(/^[-.~ @]|[. ]$/);
        expect(decodeDatabase(encoded)).toBe(name);
      }),
      { seed, numRuns: 2000 },
    );
  });

  test("what is read of a text of {db} is written like it again, and so of one thing alone", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("all", "%61ll", "@globals", "%40globals", "@x", "%", "%2F", "%2f"),
      fc
        .array(fc.constantFrom("%", "4", "0", "6", "1", "a", "l", "@", "-", "F"), { maxLength: 6 })
        .map((all) => all.join("")),
    );
    fc.assert(
      fc.property(text, (each) => {
        const subject = readSubject(each);
        if (subject !== null) expect(subjectText(subject)).toBe(each);
      }),
      { seed, numRuns: 2000 },
    );
  });
});
