import { describe, expect, test } from "bun:test";
import { postgres } from "../../../../src/engine/postgres/postgres.ts";

const circular = [
  "pg_dump: warning: there are circular foreign-key constraints among these tables:",
  "pg_dump: detail: hypertable",
  "pg_dump: detail: chunk",
  "pg_dump: hint: You might not be able to restore the dump without using --disable-triggers.",
  "pg_dump: hint: Consider using a full dump instead of a --data-only dump to avoid this problem.",
];
const circularWords =
  "there are circular foreign-key constraints among these tables: hypertable, chunk (You might not be able to restore the dump without using --disable-triggers. Consider using a full dump instead of a --data-only dump to avoid this problem.)";

/** What is told, by its words: first what is harmless, then what was left out. */
function judged(lines: readonly string[]): [string[], string[]] {
  const { warnings, leftOut } = postgres.judge(lines.join("\n"));
  const sentence = (remark: (typeof warnings)[number]) =>
    typeof remark === "string" ? remark : remark.message;
  return [warnings.map(sentence), leftOut.map(sentence)];
}

describe("what pg_dump warns of", () => {
  test.each([
    ["nothing", [], [], []],
    ["circular foreign keys, whole", circular, [`pg_dump: ${circularWords}`], []],
    [
      "circular foreign keys, as PostgreSQL 13 says it",
      [
        "pg_dump: warning: there are circular foreign-key constraints on this table:",
        "pg_dump:   hypertable",
        "\tmore",
      ],
      ["pg_dump: there are circular foreign-key constraints on this table: hypertable, more"],
      [],
    ],
    [
      "an owner that is gone",
      ['pg_dump: warning: owner of schema "x" appears to be invalid'],
      ['pg_dump: owner of schema "x" appears to be invalid'],
      [],
    ],
    [
      "a dependency loop",
      [
        "pg_dump: warning: could not resolve dependency loop among these items:",
        "pg_dump: detail: TABLE a (ID 1 OID 2)",
      ],
      ["pg_dump: could not resolve dependency loop among these items: TABLE a (ID 1 OID 2)"],
      [],
    ],
    [
      "subscriptions",
      ["pg_dump: warning: subscriptions not dumped because current user is not a superuser"],
      [],
      ["pg_dump: subscriptions not dumped because current user is not a superuser"],
    ],
    [
      "anything else, of either tool, among other lines",
      [
        "pg_dump: last built-in OID is 16383",
        "pg_dumpall: warning: left out",
        "pg_dumpall: running",
        ...circular,
      ],
      [`pg_dump: ${circularWords}`],
      ["pg_dumpall: left out"],
    ],
    ["a detail without a warning", ["pg_dump: detail: x", "  y"], [], []],
  ])("%s", (_, lines, warnings, leftOut) => {
    expect(judged(lines)).toEqual([warnings, leftOut]);
  });

  test("has its tool's own words as foreign ones", () => {
    expect(postgres.judge("pg_dump: warning: a\npg_dump: detail: b").leftOut).toEqual([
      { message: "pg_dump: a b", words: "a b" },
    ]);
  });

  test("is all that is kept of its lines", () => {
    const kept = (line: string) => postgres.remarks?.test(line);
    for (const line of circular) expect(kept(line)).toBe(true);
    for (const line of [
      "pg_dump: reading schemas",
      'pg_dump: dumping contents of table "public.warning"',
      "",
    ])
      expect(kept(line)).toBe(false);
  });
});
