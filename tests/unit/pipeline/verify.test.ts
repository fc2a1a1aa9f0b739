import { describe, expect, test } from "bun:test";
import type { Manifest } from "../../../src/catalog/manifest.ts";
import type { Beginning, DumpRequest, Engine } from "../../../src/engine/engine.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { DbstashError } from "../../../src/errors.ts";
import { filtersOf } from "../../../src/job/filters.ts";
import {
  bad,
  type FileKind,
  judgeSize,
  ProvenBad,
  verifyFile,
  verifyFolder,
  wrongBeginning,
} from "../../../src/pipeline/verify.ts";
import { requestOf } from "../engine/dump-request.ts";
import { fakeRclone, type FakeRemoteParts, features as streams } from "../fake-rclone.ts";

const dump = `--\n-- PostgreSQL database dump\n--\n\n${"row\n".repeat(1000)}\n--\n-- PostgreSQL database dump complete\n--\n\n`;
const cut = dump.slice(0, -100);
const other = `PGDMP${"x".repeat(4000)}`;
const spools = { ...streams, putStream: false };
const never = new AbortController().signal;
const denied = new DbstashError("rclone cat failed: 403");

type Expected = [outcome: string, words: string];

describe("a stored file is", () => {
  test.each<[string, string | null, number, Partial<DumpRequest>, Expected]>([
    ["good by size and end", dump, dump.length, {}, ["good", "size and end of a plain pg_dump file"]],
    [
      "bad when it is shorter",
      dump.slice(0, 500),
      dump.length,
      {},
      ["bad", `it has 500 bytes on the remote where ${dump.length} were streamed`],
    ],
    [
      "bad when it is longer",
      `${dump}x`,
      dump.length,
      {},
      ["bad", `it has ${dump.length + 1} bytes on the remote where ${dump.length} were streamed`],
    ],
    ["bad when it is cut", cut, cut.length, {}, ["bad", "its end is not the end of a plain pg_dump file"]],
    [
      "unchecked when it is another format",
      other,
      other.length,
      {},
      ["unchecked", "it has neither the beginning nor the end of a plain pg_dump file"],
    ],
    [
      "good by size when that was asked for",
      other,
      other.length,
      { extraArgs: ["--no-comments"] },
      [
        "good",
        "size alone: it has neither the beginning nor the end of a plain pg_dump file, as extra arguments may have asked for",
      ],
    ],
    [
      "good by size where its end tells nothing",
      other,
      other.length,
      { compression: { kind: "native" } },
      ["good", "size"],
    ],
    ["good when it is small", "x", 1, { compression: { kind: "native" } }, ["good", "size"]],
  ])("%s", async (_, content, bytes, change, expected) => {
    expect(await verdictOf(content, bytes, change)).toEqual(expected);
  });

  test("looked at once when all is well, at its head when its end is wrong", async () => {
    const calls = async (content: string) => {
      const remote = fakeRclone({ "s3:b/x": content });
      await verifyFile(
        remote.rclone,
        "s3:b/x",
        { bytes: content.length, mayCountTwice: false },
        streams,
        kindOf(postgres),
        never,
      );
      return remote.calls;
    };
    expect(await calls(dump)).toEqual([`read s3:b/x --offset ${dump.length - 1024} --count 2048`]);
    expect(await calls(cut)).toHaveLength(2);
  });

  test("unchecked where the remote can't be asked, but for a stop", async () => {
    expect(await verdictOf(dump, dump.length, {}, { fails: { read: denied } })).toEqual([
      "unchecked",
      denied.message,
    ]);
    const stopped = AbortSignal.abort(new DbstashError("stopped"));
    const { rclone } = fakeRclone({}, { fails: { read: denied } });
    const streamed = { bytes: 1, mayCountTwice: false };
    const error = await verifyFile(rclone, "x", streamed, streams, kindOf(postgres), stopped).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBe(denied);
  });

  test("bad when it is no RDB, whatever else it is", async () => {
    const { rclone } = fakeRclone({ x: "ERR unknown command" });
    const streamed = { bytes: 19, mayCountTwice: false };
    expect(await verifyFile(rclone, "x", streamed, streams, kindOf(redis), never)).toMatchObject({
      outcome: "bad",
      about: "end",
    });
  });
});

describe("a count of bytes that may be twice the truth", () => {
  const half = 50 * 1024;
  test.each([
    [half, 2 * half, true, streams, half],
    [2 * half, 2 * half, true, streams, 2 * half],
    [half, 2 * half, false, streams, null],
    [200 * 1024, 400 * 1024, true, streams, null],
    [200 * 1024, 400 * 1024, true, spools, 200 * 1024],
    [16 * 1024 * 1024 - 1, 32 * 1024 * 1024 - 2, true, { ...streams, kind: "s3" }, 16 * 1024 * 1024 - 1],
    [16 * 1024 * 1024, 32 * 1024 * 1024, true, { ...streams, kind: "s3" }, null],
    [half + 1, 2 * half, true, spools, null],
  ] as const)(
    "%d bytes where %d were counted (%p, %j) are good as %p",
    (size, bytes, mayCountTwice, features, good) => {
      const verdict = judgeSize(size, { bytes, mayCountTwice }, features);
      expect(verdict.outcome === "good" ? verdict.bytes : null).toBe(good);
    },
  );

  test.each([
    // crypt (32 bytes and 16 for each of 64 KiB more), and chunker, by rclone 1.60.1.
    [1000, 2048, true],
    [60_000, 120_048, true],
    [102_399, 204_862, true],
    [102_400, 102_400, true],
    [60_000, 180_000, true],
    [200_000, 400_000, true],
    [60_000, 60_099, false],
  ])("a remote that wraps another: %d bytes where %d were counted", (size, bytes, isGood) => {
    const verdict = judgeSize(size, { bytes, mayCountTwice: true }, { ...streams, wraps: true });
    expect(verdict).toMatchObject({ outcome: isGood ? "good" : "unchecked", bytes: size });
    expect(
      judgeSize(size, { bytes: size + 1, mayCountTwice: false }, { ...streams, wraps: true }),
    ).toMatchObject({
      outcome: "bad",
    });
  });

  test("of a file that is not there, or whose size nobody tells, is none", () => {
    const streamed = { bytes: 1, mayCountTwice: true };
    expect(judgeSize(null, streamed, spools)).toEqual({ outcome: "missing" });
    expect(judgeSize(-1, streamed, spools)).toMatchObject({ outcome: "unchecked" });
  });
});

describe("a stored folder is", () => {
  const file = (path: string, bytes = 3) => ({ path, bytes });
  const manifest = (...files: Manifest["files"][number][]): Manifest => ({
    engine: "pg",
    database: "shop",
    createdAt: "2026-02-07T02:00:00Z",
    tool: "pg_dump 18",
    files,
  });
  const names = (count: number) => Array.from({ length: count }, (_, index) => file(`${index}.dat`));

  test.each<[string, Manifest, object]>([
    [
      "good when every file is there, and more",
      manifest(file("a"), file("b/c")),
      { outcome: "good", bytes: 99, how: "2 files, each with the size in dbstash.json" },
    ],
    ["bad when one is missing", manifest(file("a"), file("d")), bad("size", "d is missing")],
    [
      "bad when one has another size",
      manifest(file("b/c", 4)),
      bad("size", "b/c has 3 bytes where 4 were written"),
    ],
    [
      "bad when many are missing, of which a few are named",
      manifest(...names(7)),
      bad(
        "size",
        "0.dat is missing; 1.dat is missing; 2.dat is missing; 3.dat is missing; 4.dat is missing; and 2 more",
      ),
    ],
  ])("%s", async (_, wanted, verdict) => {
    const { rclone } = fakeRclone({ "s3:b/x/a": "123", "s3:b/x/b/c": "123", "s3:b/x/e": "123" });
    expect(await verifyFolder(rclone, "s3:b/x", wanted, 99, never)).toMatchObject(verdict);
  });

  test("unchecked where it can't be listed", async () => {
    const { rclone } = fakeRclone({}, { fails: { list: denied } });
    expect(await verifyFolder(rclone, "s3:b/x", manifest(), 99, never)).toMatchObject({
      outcome: "unchecked",
      bytes: 99,
    });
  });
});

test.each([
  ["PGDMP and the rest", null],
  ["PGDM", "it does not begin as a custom-format dump"],
  ["", "it does not begin as a custom-format dump"],
])("a file that begins %p: %p", async (content, problem) => {
  const beginning: Beginning = {
    title: "a custom-format dump",
    bytes: new TextEncoder().encode("PGDMP"),
    reader: "pg_restore",
  };
  const { rclone } = fakeRclone({ x: content });
  expect((await wrongBeginning(rclone, "x", beginning, never))?.message ?? null).toBe(problem);
});

test.each([
  ["size", "the stored backup is not whole: it is short"],
  ["end", "the stored backup is not whole: it is short"],
  ["content", "it is short"],
] as const)("a backup proven bad by its %s says so", (about, message) => {
  expect(new ProvenBad(bad(about, "it is short") as ConstructorParameters<typeof ProvenBad>[0]).message).toBe(
    message,
  );
});

async function verdictOf(
  content: string | null,
  bytes: number,
  change: Partial<DumpRequest>,
  parts: FakeRemoteParts = {},
): Promise<Expected> {
  const { rclone } = fakeRclone(content === null ? {} : { "s3:b/x": content }, parts);
  const verdict = await verifyFile(
    rclone,
    "s3:b/x",
    { bytes, mayCountTwice: false },
    streams,
    kindOf(postgres, change),
    never,
  );
  switch (verdict.outcome) {
    case "good":
      return ["good", verdict.how];
    case "bad":
      return ["bad", verdict.problem.message];
    case "unchecked":
      return ["unchecked", verdict.reason.message];
    case "missing":
      return ["missing", ""];
  }
}

function kindOf(engine: Engine, change: Partial<DumpRequest> = {}): FileKind {
  const request = requestOf("postgresql://h/db", change);
  return { engine, request, filters: filtersOf(engine, request, { backupExtension: null }) };
}
