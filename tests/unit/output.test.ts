import { describe, expect, test } from "bun:test";
import { closeSync, readSync } from "node:fs";
import fc from "fast-check";
import { redactor } from "../../src/config/secret.ts";
import { createLogger, type LoggerOptions } from "../../src/logger.ts";
import { openOutput } from "../../src/output.ts";
import { openLibc } from "../../src/process/libc.ts";
import { LineSplitter, Tail } from "../../src/process/lines.ts";
import { progressText } from "../../src/run/progress.ts";

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

  test("short values are not searched for", () => {
    expect(redactor(["abc", ""])("abcabc")).toBe("abcabc");
  });
});

describe("lines of a tool", () => {
  const split = (...parts: string[]) => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (const part of parts) splitter.push(new TextEncoder().encode(part));
    splitter.end();
    return lines;
  };

  test.each<[string[], string[]]>([
    [["a\nb\n"], ["a", "b"]],
    [
      ["a", "b\nc"],
      ["ab", "c"],
    ],
    [["1 %\r2 %\r\nend"], ["1 %", "2 %", "end"]],
    [[], []],
  ])("%j are %j", (parts, lines) => {
    expect(split(...parts)).toEqual(lines);
  });

  test("a line without an end does not grow for ever", () => {
    expect(split("x".repeat(20_000), "y".repeat(20_000))[0]).toHaveLength(12_288);
    expect(split("x".repeat(16_384))[0]).toHaveLength(16_384);
  });

  test("a line that is cut ends well before a secret that lies across the cut", () => {
    const secret = "s3cret".repeat(100);
    const line = `${"x".repeat(16_384 - 300)}${secret}`;
    for (const end of ["", "\n"]) expect(split(line, end)[0]).toBe("x".repeat(12_288));
  });

  test("a tail keeps the last lines, without blank ones", () => {
    const tail = new Tail(2);
    for (const line of ["a", " ", "b", "c"]) tail.add(line);
    expect(tail.lines).toEqual(["b", "c"]);
  });
});

describe("progress", () => {
  test.each<[number, number, number | null, string]>([
    [0, 0, null, "0 B  0 B/s  0:00"],
    [1_288_490_189, 14_000, null, "1.2 GiB  87.8 MiB/s  0:14"],
    [512 * 1024, 1000, 1024 * 1024, "512.0 KiB  512.0 KiB/s  0:01  ~50 %  ~0:01 left"],
    [2048, 3_725_000, 1024, "2.0 KiB  1 B/s  1:02:05  ~99 %"],
  ])("%d bytes after %d ms of an expected %p: %s", (bytes, elapsedMs, expectedBytes, text) => {
    expect(progressText({ bytes, elapsedMs, expectedBytes })).toBe(text);
  });
});

describe("a reader who does not come", () => {
  const libc = openLibc();
  const never = new AbortController().signal;

  /** What `act` writes to a pipe, read only when all of it has been written. */
  const readLate = async (act: (output: ReturnType<typeof openOutput>) => void): Promise<string> => {
    const { readFd, writeFd } = libc.pipe();
    const output = openOutput(writeFd, () => libc.canWrite(writeFd));
    act(output);
    const seen: Buffer[] = [];
    const done = output.drained(never).then(() => closeSync(writeFd));
    const piece = Buffer.alloc(65_536);
    for (let isOver = false; !isOver;) {
      isOver = await Promise.race([done.then(() => true), Bun.sleep(1).then(() => false)]);
      while (isOver || libc.readableBytes(readFd) > 0) {
        const count = readSync(readFd, piece);
        if (count === 0) break;
        seen.push(Buffer.from(piece.subarray(0, count)));
      }
    }
    closeSync(readFd);
    return Buffer.concat(seen).toString();
  };
  const line = (index: number) => `${String(index).padStart(6, "0")} ${"x".repeat(1_000)}`;

  test("does not hold up who writes, and gets the first lines, how many are left out, and the last ones", async () => {
    const text = await readLate((output) => {
      output.onDropped((count) => `left out ${count}\n`);
      for (let index = 0; index < 5_000; index += 1) output.write(`${line(index)}\n`);
    });
    const lines = text.trimEnd().split("\n");
    expect(lines[0]).toBe(line(0));
    expect(lines.at(-1)).toBe(line(4_999));
    const notes = lines.filter((one) => one.startsWith("left out "));
    expect(notes).toHaveLength(1);
    expect(lines.length - 1 + Number(notes[0]?.slice("left out ".length))).toBe(5_000);
    expect(text.length).toBeLessThan(1_300_000);
    expect(lines.filter((one) => !one.startsWith("left")).toSorted()).toEqual(
      lines.filter((one) => !one.startsWith("left")),
    );
  });

  test("gets the whole of what was asked for", async () => {
    const answer = `${"y".repeat(3_000_000)}\n`;
    expect(await readLate((output) => output.print(answer))).toBe(answer);
  });
});
