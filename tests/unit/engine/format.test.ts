import { describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { DumpRequest, Engine } from "../../../src/engine/engine.ts";
import { type DumpFormat, headBytes, judgeEnd, tailBytes, textFormat } from "../../../src/engine/format.ts";
import { isEmptyArchive } from "../../../src/engine/mongo/archive.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mariadb, mysql } from "../../../src/engine/mysql/mysql.ts";
import { parseUri } from "../../../src/engine/connection.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";

const request: DumpRequest = {
  connection: parseUri("postgresql://h/db"),
  database: "db",
  mode: "stream",
  compression: { kind: "none" },
  recipients: null,
  extraArgs: [],
};

function formatOf(engine: Engine, database: string | null = "db"): DumpFormat {
  const format = engine.expectedFormat({ ...request, database });
  if (format === null) throw new Error(`${engine.name} has no format`);
  return format;
}

function bytes(...parts: (string | number[])[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))),
  );
}

/** A BSON document of these raw fields. */
function document(...fields: Buffer[]): Buffer {
  const body = Buffer.concat(fields);
  const length = Buffer.alloc(4);
  length.writeInt32LE(body.length + 5);
  return Buffer.concat([length, body, Buffer.from([0])]);
}

function text(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32LE(value.length + 1);
  return bytes("\x02", name, [0], [...length], value, [0]);
}

const stop = Buffer.from([0xff, 0xff, 0xff, 0xff]);
const prelude = bytes(
  [0x6d, 0xe2, 0x99, 0x81],
  [...document(text("version", "0.1"), text("tool_version", "100.16.1"))],
);
const items = [text("db", "shop"), text("collection", "items")];
const eof = bytes("\x08EOF", [0, 1], "\x12CRC", [0], [0xf8, 0xff, 0xff, 0xff, 0xff, 0x00, 0x81, 0x28]);
const emptyArchive = Buffer.concat([prelude, stop]);
const viewsAlone = Buffer.concat([prelude, document(...items, text("type", "view")), stop]);
const archive = Buffer.concat([
  prelude,
  document(...items, text("type", "")),
  stop,
  document(...items),
  // Data that looks like a terminator.
  document(text("a", "x".repeat(3000)), bytes("\x10n", [0], [0xff, 0xff, 0xff, 0xff])),
  stop,
  document(...items, eof),
  stop,
]);

const rows = Array.from(
  { length: 300 },
  (_, id) => `INSERT INTO \`t\` VALUES (${id},'${"-- Dump completed".repeat(id % 3)}');\n`,
).join("");
const copy = Array.from({ length: 300 }, (_, id) => `${id}\tPostgreSQL database dump complete\n`).join("");
// Values without 0xff, as Redis compresses and stores most; the checksum may hold any byte.
const keys = Array.from({ length: 3000 }, (_, index) => index % 251);

/** `optional`: bytes at the very end without which nothing of the data is missing. */
const dumps: [name: string, format: DumpFormat, content: Buffer, optional?: number][] = [
  [
    "pg_dump",
    formatOf(postgres),
    bytes(
      `--\n-- PostgreSQL database dump\n--\n\nCOPY t FROM stdin;\n${copy}\\.\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n`,
    ),
  ],
  [
    "pg_dump with a restrict key",
    formatOf(postgres),
    bytes(
      `--\n-- PostgreSQL database dump\n--\n\n\\restrict x1Y\n${copy}\\.\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x1Y\n\n`,
    ),
    "\\unrestrict x1Y\n\n".length,
  ],
  [
    "pg_dumpall",
    formatOf(postgres, null),
    bytes(
      `--\n-- PostgreSQL database cluster dump\n--\n\n${copy}\n--\n-- PostgreSQL database dump complete\n--\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n`,
    ),
  ],
  [
    "mysqldump",
    formatOf(mysql),
    bytes(
      `-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)\n--\n${rows}\n-- Dump completed on 2026-11-23  9:29:51\n`,
    ),
  ],
  [
    "mariadb-dump, behind its sandbox line, without a date",
    formatOf(mariadb),
    bytes(
      `/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n--\n${rows}\n-- Dump completed\n`,
    ),
  ],
  ["mongodump", formatOf(mongo), archive],
  ["RDB", formatOf(redis), bytes("REDIS0011", keys, [0xff], [0xff, 1, 2, 3, 4, 5, 6, 7])],
  ["RDB without a checksum", formatOf(redis), bytes("VALKEY080", keys, [0xff], [0, 0, 0, 0, 0, 0, 0, 0])],
  [
    "RDB with the marker of a diskless transfer",
    formatOf(redis),
    bytes("REDIS0010", keys, [0xff, 1, 2, 3, 4, 5, 6, 7, 8], "0123456789abcdef".repeat(2), "01234567"),
    40,
  ],
];

describe("a dump", () => {
  test.each(dumps)("of %s is whole as it is", (_, format, content) => {
    expect(judgeEnd(format, content.subarray(-tailBytes), null)).toBe("whole");
  });

  const cutting = dumps.map(
    ([name, format, content, optional = 0]) => [name, format, content, optional] as const,
  );
  test.each(cutting)("of %s is never whole when it is cut, wherever", (_, format, content, optional) => {
    const passed: number[] = [];
    for (let length = 0; length < content.length; length++) {
      const cut = content.subarray(0, length);
      const verdict = judgeEnd(format, cut.subarray(-tailBytes), cut.subarray(0, headBytes));
      if (verdict === "whole" || (length >= headBytes && verdict !== "cut")) passed.push(length);
    }
    expect(passed).toEqual(optional === 0 ? [] : [content.length - optional]);
  });

  test("is unknown where nothing but its tail was read and that does not match", () => {
    expect(judgeEnd(formatOf(postgres), bytes("x"), null)).toBe("unknown");
  });

  test("is unknown where it begins as another format, which proves nothing", () => {
    const custom = bytes("PGDMP", keys);
    expect(judgeEnd(formatOf(postgres), custom.subarray(-tailBytes), custom.subarray(0, headBytes))).toBe(
      "unknown",
    );
  });

  test("of Redis is bad where it begins as anything else, since no argument changes an RDB", () => {
    const reply = bytes("ERR unknown command\n");
    expect(judgeEnd(formatOf(redis), reply, reply)).toBe("cut");
  });
});

describe("the end of an RDB", () => {
  test.each([
    [
      "a marker with a capital letter",
      [0xff, 1, 2, 3, 4, 5, 6, 7, 8],
      "0123456789ABCDEF".repeat(2) + "01234567",
    ],
    ["a marker of 39 digits", [0xff, 1, 2, 3, 4, 5, 6, 7, 8], "0".repeat(39)],
    ["no EOF opcode", [0xfe, 1, 2, 3, 4, 5, 6, 7, 8], ""],
    ["a short checksum", [0xff, 1, 2, 3, 4, 5, 6, 7], ""],
  ])("is not %s", (_, end, marker) => {
    expect(formatOf(redis).ends(bytes("REDIS0011", keys, end, marker))).toBe(false);
  });
});

describe("an archive of MongoDB", () => {
  test.each([
    ["plain", emptyArchive],
    ["gzip", gzipSync(emptyArchive)],
    ["zstd", zstdCompressSync(emptyArchive)],
  ])("without a collection is recognised, %s", (_, object) => {
    expect(isEmptyArchive(object)).toBe(true);
    expect(mongo.emptiness?.(request, object)?.message).toBe(
      "the database db does not exist or holds no collection",
    );
  });

  test("of all databases without a collection is recognised", () => {
    expect(mongo.emptiness?.({ ...request, database: null }, emptyArchive)?.message).toContain("no database");
  });

  test.each([
    ["with a collection", archive],
    ["with a view alone", viewsAlone],
    ["compressed, with a view alone", gzipSync(viewsAlone)],
    ["cut in its header", emptyArchive.subarray(0, 20)],
    ["cut in its magic", emptyArchive.subarray(0, 3)],
    ["cut gzip", gzipSync(archive).subarray(0, 50)],
    ["of another format", bytes("-- MySQL dump")],
    ["that is nothing", bytes("")],
  ])("%s is not taken for an empty one", (_, object) => {
    expect(isEmptyArchive(object)).toBe(false);
  });

  test("is whole with a view alone, and without a collection, which is another complaint", () => {
    expect(formatOf(mongo).ends(viewsAlone)).toBe(true);
    expect(formatOf(mongo).ends(emptyArchive)).toBe(true);
  });
});

test("a text format reads bytes that are no UTF-8", () => {
  const format = textFormat("t", /^head/, /end$/);
  expect(format.ends(bytes([0xff, 0xfe, 0x80], "end"))).toBe(true);
  expect(format.begins(bytes("head", [0xff]))).toBe(true);
});
