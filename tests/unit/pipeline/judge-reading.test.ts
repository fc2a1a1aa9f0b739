import { describe, expect, test } from "bun:test";
import type { Reader } from "../../../src/engine/content.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import type { DumpRequest, Engine } from "../../../src/engine/engine.ts";
import { filtersOf } from "../../../src/job/filters.ts";
import type { Layers } from "../../../src/job/layers.ts";
import { judgeReading, type Reading } from "../../../src/pipeline/judge-reading.ts";
import { Tail } from "../../../src/process/lines.ts";
import { requestOf } from "../engine/dump-request.ts";

const bytes = 5000;
const wholeEnd = "\n-- PostgreSQL database dump complete\n--\n\n";
const head = "--\n-- PostgreSQL database dump\n";

interface Step {
  readonly code?: number;
  readonly signal?: string;
  readonly words?: string;
}

/** What a reading came to: the source, each unpacker, the last in the row. */
function reading(
  layers: Layers,
  steps: readonly Step[],
  ends: string | null = null,
  source: Partial<Step> & { delivered?: number } = {},
): Reading {
  const messages = new Tail(20);
  if (source.words !== undefined) messages.add(source.words);
  const readers: (Reader | null)[] = [...layers.unpackers, ends === null ? layers.reader : null];
  return {
    source: { exit: exitOf(source), messages },
    deliveredBytes: source.delivered ?? bytes,
    steps: readers.map((reader, index) => ({
      reader,
      exit: exitOf(steps[index] ?? {}),
      lines: (steps[index]?.words ?? "").split("\n"),
    })),
    ends: ends === null ? null : new TextEncoder().encode(ends),
  };
}

function exitOf({ code = 0, signal }: Step) {
  return signal === undefined ? { code, signal: null } : { code: null, signal };
}

function layers(engine: Engine, change: Partial<DumpRequest> = {}): Layers {
  const request = { ...requestOf("postgresql://h/db"), ...change };
  const found = filtersOf(engine, request, { backupExtension: null }).layers;
  if (found === null) throw new Error("a folder has no layers");
  return found;
}

const zstd = { compression: { kind: "zstd", level: null } } as const;
const native = { compression: { kind: "native" } } as const;
const plain = layers(postgres);
const packed = layers(postgres, zstd);
const custom = layers(postgres, native);
const tar = layers(postgres, { mode: "tar", ...zstd });
const rdb = layers(redis);
const sealed = layers(postgres, { recipients: ["age1x"], ...zstd });

test.each<[string, Layers, Reading, string]>([
  ["plain", plain, reading(plain, [], head + wholeEnd), "all of it: end of a plain pg_dump file"],
  [
    "zstd",
    packed,
    reading(packed, [], head + wholeEnd),
    "all of it: decompressed, end of a plain pg_dump file",
  ],
  ["custom", custom, reading(custom, []), "all of it: read by pg_restore"],
  ["tar", tar, reading(tar, []), "all of it: decompressed, read by tar"],
  [
    "encrypted",
    sealed,
    reading(sealed, [], ""),
    "all of it: its size alone compared, since only its key could open it",
  ],
  ["an RDB", rdb, reading(rdb, []), "all of it: read by redis-check-rdb"],
  [
    "another format that was asked for",
    layers(postgres, { extraArgs: ["--no-comments"] }),
    reading(plain, [], "SELECT 1;"),
    "all of it: it has neither the beginning nor the end of a plain pg_dump file, as extra arguments may have asked for",
  ],
])("good, and how deep it went: %s", (_, what, read, how) => {
  expect(judgeReading(what, bytes, read)).toEqual({ outcome: "good", bytes, how });
});

describe("bad is what was read as a whole and", () => {
  test.each<[string, Layers, Reading, string]>([
    [
      "a decompressor calls damaged",
      packed,
      reading(
        packed,
        [{ code: 1, words: "/*stdin*\\ : Decoding error (20) : Data corruption detected" }],
        "",
      ),
      "zstd calls it damaged: /*stdin*\\ : Decoding error (20) : Data corruption detected",
    ],
    [
      "pg_restore calls damaged",
      custom,
      reading(custom, [
        { code: 1, words: "pg_restore: error: could not uncompress data: incorrect data check" },
      ]),
      "pg_restore calls it damaged: pg_restore: error: could not uncompress data: incorrect data check",
    ],
    [
      "redis-check-rdb calls damaged, told by its own line and no key",
      rdb,
      reading(rdb, [
        {
          code: 1,
          words:
            "[offset 0] Checking\n--- RDB ERROR DETECTED ---\n[offset 9] RDB CRC error\n[info] Reading key 'k'",
        },
      ]),
      "redis-check-rdb calls it damaged: --- RDB ERROR DETECTED ---; [offset 9] RDB CRC error",
    ],
    [
      "begins and does not end as its format does",
      packed,
      reading(packed, [], head),
      "its end is not the end of a plain pg_dump file",
    ],
  ])("%s", (_, what, read, message) => {
    expect(judgeReading(what, bytes, read)).toMatchObject({
      outcome: "bad",
      about: "content",
      problem: { message },
    });
  });
});

describe("nothing is said against what", () => {
  const damaged = { code: 1, words: "zstd: premature end" };
  test.each<[string, Layers, Reading, string]>([
    [
      "rclone could not read, whatever a tool made of it",
      packed,
      reading(packed, [damaged], "", { code: 1, words: "Failed to cat: unexpected EOF" }),
      "it could not be read to its end: unexpected EOF",
    ],
    [
      "came as fewer bytes",
      packed,
      reading(packed, [damaged], "", { delivered: bytes - 1 }),
      "the remote gave 4999 bytes of it instead of 5000",
    ],
    [
      "came as more",
      plain,
      reading(plain, [], head + wholeEnd, { delivered: bytes + 1 }),
      "the remote gave 5001 bytes of it instead of 5000",
    ],
    [
      "killed its tool",
      custom,
      reading(custom, [{ code: 137, words: "pg_restore: error: could not uncompress data: x" }]),
      "pg_restore failed (exit code 137): pg_restore: error: could not uncompress data: x",
    ],
    [
      "whose reader was killed with its shell",
      packed,
      reading(packed, [{ signal: "SIGKILL" }], ""),
      "zstd failed (killed by SIGKILL)",
    ],
    [
      "needs more memory",
      packed,
      reading(
        packed,
        [{ code: 1, words: "Decoding error (16) : Frame requires too much memory for decoding" }],
        "",
      ),
      "zstd failed (exit code 1): Decoding error (16) : Frame requires too much memory for decoding",
    ],
    [
      "its tool is too old for",
      custom,
      reading(custom, [{ code: 1, words: "pg_restore: error: unsupported version (1.16) in file header" }]),
      "pg_restore failed (exit code 1): pg_restore: error: unsupported version (1.16) in file header",
    ],
    [
      "an older redis-check-rdb does not know",
      rdb,
      reading(rdb, [
        { code: 1, words: "--- RDB ERROR DETECTED ---\n[offset 9] Can't handle RDB format version 80" },
      ]),
      "redis-check-rdb failed (exit code 1): --- RDB ERROR DETECTED ---; [offset 9] Can't handle RDB format version 80",
    ],
    [
      "is neither this format nor one that was asked for",
      plain,
      reading(plain, [], "SELECT 1;"),
      "it has neither the beginning nor the end of a plain pg_dump file",
    ],
  ])("%s", (_, what, read, message) => {
    expect(judgeReading(what, bytes, read)).toMatchObject({
      outcome: "unchecked",
      bytes,
      reason: { message },
    });
  });
});

test.each<[string, Engine, Partial<DumpRequest>, readonly string[], string | null, string | null]>([
  ["plain", postgres, {}, [], null, "plain pg_dump"],
  ["zstd", postgres, zstd, ["zstd"], null, "plain pg_dump"],
  ["all databases", postgres, { database: null }, [], null, "pg_dumpall"],
  ["custom", postgres, native, [], "pg_restore", null],
  ["custom in zstd", postgres, { ...zstd, extraArgs: ["-Fc"] }, ["zstd"], "pg_restore", null],
  ["pg_dump's own tar", postgres, { extraArgs: ["-Ft"] }, [], "tar", null],
  ["tar mode", postgres, { mode: "tar" }, [], "tar", "tar"],
  ["pg_dump's own gzip", postgres, { extraArgs: ["-Z9"] }, ["gzip"], null, "plain pg_dump"],
  ["pg_dump's own zstd", postgres, { extraArgs: ["--compress=zstd:3"] }, ["zstd"], null, "plain pg_dump"],
  ["pg_dump's own lz4", postgres, { extraArgs: ["-Zlz4"] }, [], null, null],
  ["an archive", mongo, {}, [], null, "mongodump archive"],
  ["an archive in gzip", mongo, native, ["gzip"], null, "mongodump archive"],
  ["an RDB", redis, {}, [], "redis-check-rdb", "Redis RDB"],
  ["an RDB in zstd", redis, zstd, ["zstd"], "redis-check-rdb", "Redis RDB"],
])("who takes %s apart", (_, engine, change, unpackers, reader, end) => {
  const found = layers(engine, change);
  expect(found.unpackers.map(({ tools }) => String(tools[0]))).toEqual([...unpackers]);
  expect(found.reader?.tools[0] ?? null).toBe(reader);
  expect(found.endMark?.title ?? null).toBe(end);
  expect(found.unknown !== null).toBe(reader === null && end === null);
});
