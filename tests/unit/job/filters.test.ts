import { describe, expect, test } from "bun:test";
import type { DumpRequest, Engine } from "../../../src/engine/engine.ts";
import type { DumpFormat, Stranger } from "../../../src/engine/format.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mariadb, mysql } from "../../../src/engine/mysql/mysql.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { filtersOf, zstdThreads } from "../../../src/job/filters.ts";
import { requestOf, streamPaths } from "../engine/dump-request.ts";
import { type Env, resolve, uri } from "./jobs.ts";

const request = requestOf("postgresql://h/db");

const recipient = "age1563phs7q86qkcscft068lv7vrgge4q0n7yqqv4269xl3qwcux3qq5u5cpz";

test.each<[Env, string]>([
  [{}, ".sql"],
  [{ BACKUP_COMPRESS: "true" }, ".dump"],
  [{ BACKUP_COMPRESS: "zstd:3" }, ".sql.zst"],
  [{ BACKUP_COMPRESS: "gzip" }, ".sql.gz"],
  [{ BACKUP_EXTENSION: "dmp", BACKUP_COMPRESS: "zstd" }, ".dmp.zst"],
  [{ BACKUP_MODE: "tar" }, ".tar"],
  [{ BACKUP_MODE: "tar", BACKUP_COMPRESS: "gzip" }, ".tar.gz"],
  [{ BACKUP_MODE: "directory" }, ""],
  [{ BACKUP_ENCRYPT_TO: recipient }, ".sql.age"],
  [{ BACKUP_ENCRYPT_TO: recipient, BACKUP_EXTENSION: "dmp", BACKUP_COMPRESS: "zstd" }, ".dmp.zst.age"],
  [{ BACKUP_ENCRYPT_TO: recipient, BACKUP_NAME_TEMPLATE: "{db}.sql.age" }, ".sql.age"],
])("with %j its backups end in %j", (env, extension) => {
  expect(resolve({ ...uri, ...env }).naming.extension).toBe(extension);
});

test.each<[Engine, string, Stranger]>([
  [postgres, "", "unchecked"],
  [postgres, "--table=t -v --no-owner", "unchecked"],
  [postgres, "--no-comments", "good"],
  [postgres, "-vFp", "good"],
  [postgres, "--format plain", "good"],
  [mysql, "--skip-triggers --where=compact -i", "unchecked"],
  [mysql, "--comments=1 --skip-dump-date", "unchecked"],
  [mysql, "--compact", "good"],
  [mariadb, "--skip-comments", "good"],
  [mariadb, "--loose_skip_comments", "good"],
  [mysql, "--comments=OFF", "good"],
  [mysql, "--xml", "unchecked"],
  [mongo, "--oplog --quiet", "unchecked"],
  [redis, "-3", "bad"],
])("a dump of another format: %#", (engine, words, stranger) => {
  expect(endMark(engine, { ...request, extraArgs: words.split(" ") })?.stranger).toBe(stranger);
});

describe("what stands in the pipe", () => {
  const pg = postgres;
  test.each<[string, Engine, Partial<DumpRequest>, string, string, string | null, string | null]>([
    ["plain", pg, {}, "", ".sql", "plain pg_dump", null],
    ["of all databases", pg, { database: null }, "", ".sql", "pg_dumpall", null],
    [
      "compressed by the tool",
      pg,
      { compression: { kind: "native" } },
      "",
      ".dump",
      null,
      "a custom-format dump",
    ],
    [
      "zstd",
      pg,
      { compression: { kind: "zstd", level: null } },
      `zstd -q -c -T${zstdThreads(null)}`,
      ".sql.zst",
      null,
      "a zstd file",
    ],
    [
      "zstd:9",
      pg,
      { compression: { kind: "zstd", level: 9 } },
      `zstd -q -c -T${zstdThreads(9)} -9`,
      ".sql.zst",
      null,
      "a zstd file",
    ],
    [
      "gzip",
      pg,
      { compression: { kind: "gzip", level: null } },
      "gzip -q -c",
      ".sql.gz",
      null,
      "a gzip file",
    ],
    [
      "gzip:1",
      redis,
      { compression: { kind: "gzip", level: 1 } },
      "gzip -q -c -1",
      ".rdb.gz",
      null,
      "a gzip file",
    ],
    ["tar", pg, { mode: "tar" }, "", ".tar", "tar", null],
    [
      "tar.zst",
      pg,
      { mode: "tar", compression: { kind: "zstd", level: 3 } },
      `zstd -q -c -T${zstdThreads(3)} -3`,
      ".tar.zst",
      null,
      "a zstd file",
    ],
    ["folder", pg, { mode: "directory" }, "", "", null, null],
    [
      "encrypted",
      pg,
      { recipients: ["age1a", "age1b"] },
      "age --encrypt -R /private/recipients",
      ".sql.age",
      null,
      "a file that age has encrypted",
    ],
    [
      "compressed and then encrypted",
      mongo,
      { recipients: ["age1a"], compression: { kind: "zstd", level: null } },
      `zstd -q -c -T${zstdThreads(null)} | age --encrypt -R /private/recipients`,
      ".archive.zst.age",
      null,
      "a file that age has encrypted",
    ],
    [
      "tar.gz.age",
      pg,
      { mode: "tar", recipients: ["age1a"], compression: { kind: "gzip", level: null } },
      "gzip -q -c | age --encrypt -R /private/recipients",
      ".tar.gz.age",
      null,
      "a file that age has encrypted",
    ],
    [
      "folder that the tool compresses",
      pg,
      { mode: "directory", compression: { kind: "zstd", level: 3 } },
      "",
      "",
      null,
      null,
    ],
  ])("of a backup that is %s", (_, engine, change, command, extension, endMark, beginning) => {
    const filters = filtersOf(engine, { ...request, ...change }, { backupExtension: null });
    const words = filters.commands(streamPaths).map(({ tools, args }) => [...tools, ...args].join(" "));
    expect(words.join(" | ")).toBe(command);
    expect([filters.extension, filters.endMark?.title ?? null, filters.beginning?.title ?? null]).toEqual([
      extension,
      endMark,
      beginning,
    ]);
  });
});

test("age reads its recipients from a private file", () => {
  const [command] = filtersOf(
    postgres,
    { ...request, recipients: ["age1a", "age1b"] },
    { backupExtension: null },
  ).commands(streamPaths);
  expect(command?.files.map(({ path, content }) => [path, content.reveal()])).toEqual([
    ["/private/recipients", "age1a\nage1b\n"],
  ]);
});

test("an extension of the user's stands before the compressor's", () => {
  const extension = (change: Partial<DumpRequest>) =>
    filtersOf(postgres, { ...request, ...change }, { backupExtension: ".x" }).extension;
  expect(extension({})).toBe(".x");
  expect(extension({ compression: { kind: "gzip", level: null } })).toBe(".x.gz");
  expect(extension({ mode: "directory" })).toBe("");
});

function endMark(engine: Engine, of: DumpRequest): DumpFormat | null {
  return filtersOf(engine, of, { backupExtension: null }).endMark;
}

test.each([
  [null, 1, 1],
  [null, 2, 2],
  [null, 64, 4],
  [1, 64, 4],
  [3, 8, 4],
  [4, 8, 8],
  [19, 64, 64],
])("zstd at level %p on %i cores has %i threads", (level, cores, threads) => {
  expect(zstdThreads(level, cores)).toBe(threads);
});
