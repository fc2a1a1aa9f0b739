import { describe, expect, test } from "bun:test";
import { parseListing, parseRcloneLine, parseStat } from "../../../src/remote/log.ts";

describe("rclone's words", () => {
  test("statistics of a current and of an old rclone", () => {
    expect(parseRcloneLine('{"level":"notice","msg":"x","stats":{"bytes":42}}')).toEqual({
      kind: "stats",
      bytes: 42,
      mayCountTwice: false,
    });
    expect(parseRcloneLine('{"level":"warning","msg":"x","stats":{"bytes":42}}')).toEqual({
      kind: "stats",
      bytes: 42,
      mayCountTwice: true,
    });
  });

  test.each<[string, string, string]>([
    ['{"level":"error","msg":"full","object":"a.sql"}', "error", "a.sql: full"],
    ['{"level":"critical","msg":" no such remote "}', "critical", "no such remote"],
    ["2026/11/23 06:00:18 Failed to rcat: disk full", "error", "Failed to rcat: disk full"],
    ["{not json", "error", "{not json"],
    [
      '{"level":"error","msg":"not read\\n\\tstatus code: 404, request id: A, host id: \\ncaused by: UnmarshalError\\n\\t00000000  3c 3f 78\\n00000010  2e  |.|\\n\\ncaused by: EOF"}',
      "error",
      "not read status code: 404 caused by: UnmarshalError caused by: EOF",
    ],
  ])("%s", (line, level, text) => {
    expect(parseRcloneLine(line)).toEqual({ kind: "message", level, text });
  });

  test("listings and sizes", () => {
    expect(parseListing('[{"Path":"a","Name":"a","Size":3,"ModTime":"","IsDir":false}]')).toEqual([
      { path: "a", bytes: 3, isFolder: false, modTimeMs: null },
    ]);
    expect(
      parseListing('[{"Path":"a","Size":-1,"ModTime":"1970-01-01T00:00:01Z","IsDir":true}]')[0]?.modTimeMs,
    ).toBe(1000);
    expect([
      parseStat("null"),
      parseStat('{"Size":5,"IsDir":false}'),
      parseStat('{"Size":-1,"IsDir":true}'),
    ]).toEqual([null, 5, null]);
  });
});
