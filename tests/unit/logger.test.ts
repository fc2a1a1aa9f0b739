import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { writeRfc3339, zoneOffsets } from "../../src/catalog/local-time.ts";
import { redactor } from "../../src/config/secret.ts";
import { createLogger, type Fields, type LoggerOptions } from "../../src/logger.ts";

function logged(
  options: Partial<LoggerOptions>,
  act: (log: ReturnType<typeof createLogger>) => void,
): string[] {
  const lines: string[] = [];
  act(
    createLogger({
      level: "info",
      format: "json",
      fields: { engine: "pg", database: "shop" },
      redact: (text) => text,
      now: () => new Date(0),
      colour: false,
      ...options,
      write: (line) => lines.push(line),
    }),
  );
  return lines;
}

describe("log lines", () => {
  test("JSON has time, level, message and fields", () => {
    const [line = ""] = logged({}, (log) => log.with({ backup_id: "b1" }).info("hello", { bytes: 3 }));
    expect(JSON.parse(line)).toEqual({
      time: "1970-01-01T00:00:00.000Z",
      level: "info",
      msg: "hello",
      engine: "pg",
      database: "shop",
      backup_id: "b1",
      bytes: 3,
    });
  });

  test("text has them in the same order, quoted where needed", () => {
    expect(logged({ format: "text" }, (log) => log.warn("hello", { file: "a b" }))).toEqual([
      '1970-01-01T00:00:00.000Z WARN  hello engine=pg database=shop file="a b"',
    ]);
  });

  test("time is that of the zone it was given", () => {
    const localTime = (at: Date): string => writeRfc3339(at.getTime(), zoneOffsets("Asia/Kolkata"));
    const [line = ""] = logged({ localTime }, (log) => log.info("hello"));
    expect(JSON.parse(line)).toMatchObject({ time: "1970-01-01T05:30:00.000+05:30" });
    expect(logged({ localTime, format: "text" }, (log) => log.info("hello"))[0]).toStartWith(
      "1970-01-01T05:30:00.000+05:30 INFO  hello ",
    );
    expect(logged({ localTime, format: "short" }, (log) => log.info("hello"))).toEqual([
      "05:30:00 INFO  hello",
    ]);
  });

  const id = { backup_id: "019c2b6e-0000-7000-8000-000000000000" };
  test.each<[string, Fields, string]>([
    ["a sentence alone", {}, "hello"],
    ["no ids", id, "hello"],
    ["no status that the sentence tells", { status: "success", exit_code: 0, warnings: 2 }, "hello"],
    ["names by themselves", { file: "shop.sql" }, "hello: shop.sql"],
    [
      "size and time as people read them",
      { duration_ms: 912, bytes: 28_207_000 },
      "hello: 26.9 MiB in 0.9 s",
    ],
    ["a size alone", { bytes: 999 }, "hello: 999 B"],
    ["a time alone", { duration_ms: 192_000, bytes: null }, "hello: in 3m 12s"],
    [
      "other fields by their names",
      { health_port: 8080, reason: "too old" },
      "hello: health port 8080, reason too old",
    ],
    ["no field that has nothing to say", { health_port: null }, "hello"],
    [
      "times without what nobody reads",
      { next_run: "2026-02-08T02:00:00.000+01:00" },
      "hello: next run 2026-02-08 02:00:00 +01:00",
    ],
    ["how many warnings a failure does not repeat", { status: "failure", warnings: 2 }, "hello: warnings 2"],
    ["a code that says more than a failure", { exit_code: 143 }, "hello: exit code 143"],
    ["its database where it is another one", { database: "stock" }, "hello: database stock"],
    [
      "the cause and the hint at the end",
      {
        ...id,
        status: "failure",
        duration_ms: 300,
        bytes: null,
        remote_path: "/b/a.sql",
        exit_code: 1,
        error: { message: "no: topsecret", words: "topsecret" },
        hint: "try again",
      },
      "hello: /b/a.sql, in 0.3 s: no: [secret] (try again)",
    ],
  ])("on a terminal a line has %s", (_, fields, words) => {
    const redact = redactor(["topsecret"]);
    expect(logged({ format: "short", redact }, (log) => log.info("hello", fields))).toEqual([
      `00:00:00 INFO  ${words}`,
    ]);
  });

  test("nothing below the level, everything of it, however often", () => {
    expect(
      logged({ level: "warn" }, (log) => [log.debug("a"), log.info("b"), log.warn("c"), log.error("d")]),
    ).toHaveLength(2);
    expect(logged({}, (log) => Array.from({ length: 20 }, () => log.info("same")))).toHaveLength(20);
  });

  test("names built by us are not maimed by a password of the same word", () => {
    const [line = ""] = logged({ redact: redactor(["shop"]) }, (log) =>
      log.info("done", { file: "shop.sql", error: "shop" }),
    );
    expect(JSON.parse(line)).toMatchObject({ file: "shop.sql", error: "[secret]" });
  });

  test("no output holds a secret, whatever it is made of", () => {
    const seed = Date.now() % 2 ** 31;
    console.log(`seed ${seed}`);
    const secret = fc
      .string({ minLength: 4, maxLength: 30, unit: fc.constantFrom(..."aZ09@:/%$'\"\\ é\n#&=+") })
      .filter((text) => text.trim().length >= 4);
    fc.assert(
      fc.property(
        secret,
        fc.string(),
        fc.string(),
        fc.constantFrom("json" as const, "text" as const),
        (value, before, after, format) => {
          const forms = [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)];
          for (const form of forms) {
            const [line = ""] = logged({ format, redact: redactor([value]) }, (log) =>
              log.info(`${before}${form}${after}`, { output: form }),
            );
            const text =
              format === "json"
                ? String((JSON.parse(line) as { output: string }).output)
                : line.slice(line.indexOf("output="));
            expect(text).toContain("[secret]");
            expect(text).not.toContain(form);
          }
        },
      ),
      { seed },
    );
  });
});
