import { describe, expect, test } from "bun:test";
import type { Beginning, DumpRequest, Engine } from "../../../src/engine/engine.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { DbstashError } from "../../../src/errors.ts";
import { filtersOf } from "../../../src/job/filters.ts";
import { type FileKind, verifyFile, wrongBeginning } from "../../../src/pipeline/verify-file.ts";
import { requestOf } from "../engine/dump-request.ts";
import { fakeRclone, type FakeRemoteParts, features as streams } from "../fake-rclone.ts";

const dump = `--\n-- PostgreSQL database dump\n--\n\n${"row\n".repeat(1000)}\n--\n-- PostgreSQL database dump complete\n--\n\n`;
const cut = dump.slice(0, -100);
const other = `PGDMP${"x".repeat(4000)}`;
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
