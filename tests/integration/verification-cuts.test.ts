import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseUri } from "../../src/engine/connection.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { type DumpFormat, headBytes, judgeEnd, tailBytes } from "../../src/engine/format.ts";
import { mongo } from "../../src/engine/mongo/mongo.ts";
import { mariadb, mysql } from "../../src/engine/mysql/mysql.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { redis } from "../../src/engine/redis.ts";
import { tarFormat } from "../../src/engine/format.ts";
import { backUp } from "../e2e/backups.ts";
import { type ComponentName, needs } from "../support/components.ts";
import { type EngineName, runDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMongo } from "../support/mongo.ts";
import { startMysql } from "../support/mysql.ts";
import { startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { expectNothingStored, localPlace } from "./places.ts";

/** A server with something in it. */
interface Filled extends AsyncDisposable {
  readonly uri: string;
  readonly binDir: string;
}

interface DumpKind {
  readonly title: string;
  readonly engine: EngineName;
  readonly components: readonly ComponentName[];
  readonly open: () => Promise<Filled>;
  readonly format: DumpFormat;
  readonly env?: Readonly<Record<string, string>>;
  /** Who writes the stream, and what it does in place of that when it writes the file $CUT of $WHOLE bytes. */
  readonly tool: string;
  readonly says?: string;
  /** Lengths of beginnings that lack nothing of the data, or that only the dump tool's exit code can tell from a whole one. */
  readonly excused?: (whole: Buffer) => readonly number[];
}

const sql = "CREATE TABLE t (n INT PRIMARY KEY, line VARCHAR(40))";
const rows = Array.from({ length: 300 }, (_, n) => `(${n}, '-- Dump completed ${n}')`).join(", ");

async function filledPostgres(release: "distro" | "newest"): Promise<Filled> {
  const server = await startPostgres({ release });
  await server.createDatabase("shop");
  await server.sql(`${sql}; INSERT INTO t VALUES ${rows}`, "shop");
  return { uri: server.uri("shop"), binDir: server.binDir, [Symbol.asyncDispose]: () => server.stop() };
}

async function filledMysql(start: typeof startMysql | typeof startMariadb): Promise<Filled> {
  const server = await start();
  await server.createDatabase("shop");
  await server.sql(`${sql}; INSERT INTO t VALUES ${rows}`, "shop");
  return { uri: server.uri("shop"), binDir: server.binDir, [Symbol.asyncDispose]: () => server.stop() };
}

async function filledMongo(): Promise<Filled> {
  const server = await startMongo();
  for (const name of ["first", "second"])
    await server.insert("shop", name, [
      { _id: 1, line: "x".repeat(2000) },
      { _id: 2, n: -1 },
    ]);
  return { uri: server.uri("shop"), binDir: server.binDir, [Symbol.asyncDispose]: () => server.stop() };
}

async function filledRedis(flavour: "redis" | "valkey"): Promise<Filled> {
  const server = await startRedis({ flavour });
  // Numbers below 128 hold no byte that an end mark has.
  const keys = Array.from({ length: 300 }, (_, n) => `SET key:${n} ${"value".repeat(n % 7)}\n`);
  await server.commands(keys.join(""));
  return { uri: server.uri(), binDir: server.binDir, [Symbol.asyncDispose]: () => server.stop() };
}

function formatOf(engine: Engine, database: string | null = "shop"): DumpFormat {
  const connection = parseUri("redis://h");
  const request = {
    connection,
    database,
    mode: "stream",
    compression: { kind: "none" },
    recipients: null,
    extraArgs: [],
  } as const;
  const format = engine.expectedFormat(request);
  if (format === null) throw new Error(`${engine.name} has no format`);
  return format;
}

/** psql's lock goes off behind the mark that the dump is complete. */
const withoutUnrestrict = (whole: Buffer): number[] => {
  const last = /\\unrestrict \w+\n\n$/.exec(whole.toString("latin1"))?.[0];
  return last === undefined ? [] : [whole.length - last.length];
};

/** Each namespace of an archive ends alike, and nothing ends the archive but the last of them. */
const namespaceEnds = (whole: Buffer): number[] => {
  const fields = Buffer.from("\x08EOF\x00\x01\x12CRC\x00", "latin1");
  const ends: number[] = [];
  for (let at = whole.indexOf(fields); at >= 0; at = whole.indexOf(fields, at + 1))
    ends.push(at + fields.length + 8 + 1 + 4);
  return ends;
};

/** tar fills its last record up with zeros; two blocks of them are the end. */
const padding = (whole: Buffer): number[] => {
  const data = whole.findLastIndex((byte) => byte !== 0) + 1;
  const end = Math.ceil(data / 512) * 512 + 1024;
  // A file's own last block may be filled up with zeros too, which then stand for some of the end's.
  return Array.from({ length: whole.length - data }, (_, index) => data + index).filter(
    (length) => length >= end - 511 || length - data >= 1024,
  );
};

const redisSays = `echo "SYNC sent to master, writing $WHOLE bytes to '-'" >&2`;

const kinds: readonly DumpKind[] = [
  {
    title: "pg_dump 15",
    engine: "pg",
    components: ["postgresql"],
    open: () => filledPostgres("distro"),
    format: formatOf(postgres),
    tool: "pg_dump",
    excused: withoutUnrestrict,
  },
  {
    title: "pg_dump 18",
    engine: "pg",
    components: ["postgresql-newest"],
    open: () => filledPostgres("newest"),
    format: formatOf(postgres),
    tool: "pg_dump",
    excused: withoutUnrestrict,
  },
  {
    title: "pg_dumpall",
    engine: "pg",
    components: ["postgresql"],
    open: () => filledPostgres("distro"),
    format: formatOf(postgres, null),
    env: { BACKUP_ALL_DATABASES: "true" },
    tool: "pg_dumpall",
  },
  {
    title: "pg_dump's folder as a tar",
    engine: "pg",
    components: ["postgresql"],
    open: () => filledPostgres("distro"),
    format: tarFormat,
    env: { BACKUP_MODE: "tar" },
    tool: "tar",
    excused: padding,
  },
  {
    title: "mariadb-dump",
    engine: "mariadb",
    components: ["mariadb"],
    open: () => filledMysql(startMariadb),
    format: formatOf(mariadb),
    tool: "mariadb-dump",
  },
  {
    title: "mysqldump",
    engine: "mysql",
    components: ["mysql"],
    open: () => filledMysql(startMysql),
    format: formatOf(mysql),
    tool: "mysqldump",
  },
  {
    title: "mongodump",
    engine: "mongo",
    components: ["ferretdb", "mongo-tools"],
    open: filledMongo,
    format: formatOf(mongo),
    tool: "mongodump",
    excused: namespaceEnds,
  },
  {
    title: "Redis",
    engine: "redis",
    components: ["redis"],
    open: () => filledRedis("redis"),
    format: formatOf(redis),
    tool: "redis-cli",
    says: redisSays,
  },
  {
    title: "Valkey",
    engine: "redis",
    components: ["valkey"],
    open: () => filledRedis("valkey"),
    format: formatOf(redis),
    tool: "redis-cli",
    says: redisSays,
  },
];

for (const kind of kinds) {
  const { test } = needs(...kind.components, "rclone-current", "zstd");
  test(`a dump of ${kind.title} that is cut anywhere never passes`, async () => {
    await using server = await kind.open();
    const env = { DB_URI: server.uri, ...kind.env };
    using remote = tempFolder("remote");
    const { file } = await backUp(kind.engine, remote.path, { path: [server.binDir], env });
    const whole = readFileSync(file);
    const excused = new Set(kind.excused?.(whole));
    expect(judge(kind.format, whole)).toBe("whole");
    const passed: number[] = [];
    for (let length = headBytes; length < whole.length; length++)
      if (judge(kind.format, whole.subarray(0, length)) !== "cut") passed.push(length);
    expect(passed.filter((length) => !excused.has(length))).toEqual([]);

    const verify = () =>
      runDbstash(kind.engine, {
        args: ["verify", basename(file)],
        path: [server.binDir],
        env: { ...env, RCLONE_REMOTE: remote.path },
      });
    expect((await verify()).exitCode).toBe(0);
    const { length } = whole;
    const places = [1, 30, 600, length >> 1, length - 1500, length - 60, length - 9, length - 1];
    const cuts = places.map((place) =>
      excused.has(place) ? place - 2048 - 10_240 * Number(kind.tool === "tar") : place,
    );
    expect(cuts.filter((cut) => cut < 1 || cut >= length || excused.has(cut))).toEqual([]);
    for (const cut of cuts) {
      writeFileSync(file, whole.subarray(0, cut));
      const { exitCode, stdout } = await verify();
      expect({ cut, exitCode, stdout }).toEqual({
        cut,
        ...complaint(kind.format, basename(file), whole.subarray(0, cut)),
      });
    }
    for (const cut of [length >> 1, cuts.at(-1) ?? 0]) await expectRefused(kind, server, whole, cut);
  });
}

/** What `verify` says of a cut dump: where too little is left to know the format by, nothing is proven. */
function complaint(format: DumpFormat, name: string, left: Buffer): { exitCode: number; stdout: string } {
  const known = format.stranger === "bad" || format.begins(left.subarray(0, headBytes));
  return known
    ? { exitCode: 1, stdout: `${name}: bad: its end is not the end of a ${format.title} file\n` }
    : {
        exitCode: 3,
        stdout: `${name}: could not be checked: it has neither the beginning nor the end of a ${format.title} file\n`,
      };
}

/** A backup whose dump ends too early, by a tool that exits 0 all the same. */
async function expectRefused(kind: DumpKind, server: Filled, whole: Buffer, cut: number): Promise<void> {
  using place = localPlace();
  using folder = tempFolder("cut");
  const file = folder.file("dump");
  writeFileSync(file, whole.subarray(0, cut));
  const real = kind.tool === "tar" ? "/bin/tar" : join(server.binDir, kind.tool);
  using fakes = fakeTools({
    [kind.tool]: `case "$*" in *--version*|*--help*) exec '${real}' "$@";; esac
CUT='${file}' WHOLE=${whole.length}
${kind.says ?? ":"}
cat "$CUT"`,
  });
  const result = await runDbstash(kind.engine, {
    path: [fakes.dir, server.binDir],
    env: { DB_URI: server.uri, ...kind.env, RCLONE_REMOTE: place.remote },
  });
  await expectNothingStored(result, place, { error: /^the stored backup is not whole: / });
}

function judge(format: DumpFormat, bytes: Buffer): string {
  return judgeEnd(format, bytes.subarray(-tailBytes), bytes.subarray(0, headBytes));
}
