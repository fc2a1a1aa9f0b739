import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { redactor } from "../../src/config/secret.ts";
import { createLogger, type LoggerOptions } from "../../src/logger.ts";

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
