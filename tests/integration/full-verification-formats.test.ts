import { describe, expect } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callsDamaged } from "../../src/engine/content.ts";
import { mongo } from "../../src/engine/mongo/mongo.ts";
import { mariadb, mysql } from "../../src/engine/mysql/mysql.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { redis } from "../../src/engine/redis.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { systemPath } from "../support/run.ts";
import { resolve } from "../unit/job/jobs.ts";

import { type ComponentName, needs } from "../support/components.ts";
import { type EngineName, runDbstash } from "../support/dbstash.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMongo } from "../support/mongo.ts";
import { startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { bareTools } from "./places.ts";

/** A server with something in it. */
interface Filled extends AsyncDisposable {
  readonly uri: string;
  readonly binDir: string;
}

const engines = { pg: postgres, mongo, mysql, mariadb, redis };

/** One form of its dump, and what becomes of it. */
interface Form {
  readonly env: Readonly<Record<string, string>>;
  /** How deep the log says it went. */
  readonly compared: string;
  /** Shares of the file at which one bit is changed, and the exit codes of which one has to be. */
  readonly flips?: readonly number[];
  readonly found?: readonly number[];
  /** Offsets at which a changed bit is not found, as the docs say. */
  readonly unfound?: readonly number[];
  /** A share of the file, and the exit code when the rest is gone. */
  readonly cuts: readonly number[];
  /** The file of a folder that is changed. */
  readonly file?: RegExp;
  readonly onlyPath?: true;
}

const sql = "CREATE TABLE t (n INT PRIMARY KEY, line VARCHAR(80))";
const rows = Array.from({ length: 3000 }, (_, n) => `(${n}, '${Bun.hash(String(n))} ${Bun.hash(`x${n}`)}')`);
const insert = `INSERT INTO t VALUES ${rows.join(", ")}`;

const kinds: readonly {
  readonly engine: EngineName;
  readonly components: readonly ComponentName[];
  readonly open: () => Promise<Filled>;
  readonly forms: readonly Form[];
}[] = [
  {
    engine: "pg",
    components: ["postgresql"],
    open: async () => {
      const server = await startPostgres({});
      await server.createDatabase("shop");
      await server.sql(`${sql}; ${insert}`, "shop");
      return { uri: server.uri("shop"), binDir: server.binDir, [Symbol.asyncDispose]: () => server.stop() };
    },
    forms: [
      { env: {}, compared: "end of a plain pg_dump file", unfound: [20_000], cuts: [0.99] },
      {
        env: { BACKUP_COMPRESS: "zstd" },
        compared: "decompressed, end of a plain pg_dump file",
        flips: [0.5, 0.9999],
        cuts: [0.9999],
      },
      {
        env: { BACKUP_COMPRESS: "gzip:1" },
        compared: "decompressed, end of a plain pg_dump file",
        flips: [0.5],
        cuts: [],
      },
      {
        env: { BACKUP_COMPRESS: "true" },
        compared: "read by pg_restore",
        flips: [0.5, 0.8],
        // A length in it that is another one may cost more memory than there is.
        found: [1, 3],
        cuts: [0.5],
      },
      { env: { BACKUP_MODE: "tar" }, compared: "read by tar", flips: [0], unfound: [60_000], cuts: [] },
      {
        env: { BACKUP_MODE: "tar", BACKUP_COMPRESS: "zstd" },
        compared: "decompressed, read by tar",
        flips: [0.5],
        cuts: [],
      },
      {
        env: { BACKUP_MODE: "directory" },
        compared: "files, each with its SHA-256",
        flips: [0.9999],
        cuts: [],
        file: /toc\.dat$/,
      },
      {
        env: { DUMP_EXTRA_ARGS: "-Z3" },
        compared: "decompressed, end of a plain pg_dump file",
        flips: [0.5],
        cuts: [],
      },
    ],
  },
  {
    engine: "mariadb",
    components: ["mariadb"],
    open: async () => {
      const server = await startMariadb();
      await server.createDatabase("shop");
      await server.sql(`${sql}; ${insert}`, "shop");
      return { uri: server.uri("shop"), binDir: server.binDir, [Symbol.asyncDispose]: () => server.stop() };
    },
    forms: [
      {
        env: { BACKUP_COMPRESS: "zstd" },
        compared: "decompressed, end of a mysqldump file",
        flips: [0.5],
        cuts: [0.5],
      },
    ],
  },
  {
    engine: "mongo",
    components: ["mongo-tools", "ferretdb"],
    open: async () => {
      const server = await startMongo();
      const documents = rows.slice(0, 500).map((line, id) => ({ _id: id, line }));
      await server.insert("shop", "t", documents);
      return { uri: server.uri("shop"), binDir: server.binDir, [Symbol.asyncDispose]: () => server.stop() };
    },
    forms: [
      { env: {}, compared: "end of a mongodump archive file", unfound: [10_000], cuts: [0.5] },
      {
        env: { BACKUP_COMPRESS: "true" },
        compared: "decompressed, end of a mongodump archive file",
        flips: [0.5],
        cuts: [0.5],
      },
    ],
  },
  {
    engine: "redis",
    components: ["redis"],
    open: async () => {
      const server = await startRedis({});
      await server.commands(rows.map((line, n) => `SET key:${n} "${line}"\n`).join(""));
      return { uri: server.uri(), binDir: server.binDir, [Symbol.asyncDispose]: () => server.stop() };
    },
    forms: [
      {
        env: {},
        compared: "read by redis-check-rdb",
        flips: [0.5, 0.99999],
        cuts: [0.9999],
      },
      {
        env: { BACKUP_COMPRESS: "zstd" },
        compared: "decompressed, read by redis-check-rdb",
        flips: [0.5],
        cuts: [],
      },
      { env: {}, compared: "end of a Redis RDB file", unfound: [10_000], cuts: [0.5], onlyPath: true },
    ],
  },
];

/** How many bits of each file are changed, one at a time, for the tools alone. */
const sweptBits = 60;

/**
 * What the tools make of the same dump with a bit changed anywhere: where something has a checksum of all of it, no
 * other content passes, and what they say is taken for what it is.
 */
function sweep(engine: EngineName, env: Form["env"], whole: Buffer, binDir: string): void {
  const { layers } = resolve(
    { DB_HOST: "h", DB_NAME: "shop", RCLONE_REMOTE: "/b", ...env },
    engines[engine],
  ).filters;
  const first = layers?.unpackers[0] ?? layers?.reader;
  if (first === undefined || first === null || first.tools[0] === "tar") return;
  using folder = tempFolder("sweep");
  const file = folder.file("dump");
  const run = (content: Buffer) => {
    writeFileSync(file, content);
    return Bun.spawnSync(
      [Bun.which(first.tools[0] ?? "", { PATH: `${binDir}:${systemPath}` }) ?? "", ...first.args],
      {
        stdin: Bun.file(file),
        timeout: 5_000,
      },
    );
  };
  const isSame = (stdout: Buffer): boolean => first.tellsOnStdout || stdout.equals(good);
  const good = run(whole).stdout;
  const found = { damaged: 0, unclear: 0, same: 0, unnoticed: 0 };
  for (let n = 0; n < sweptBits; n++) {
    const changed = Buffer.from(whole);
    // The head of a custom-format dump is its table of contents, which has no checksum.
    const share = first.tools[0] === "pg_restore" ? 0.1 + (0.8 * n) / sweptBits : n / sweptBits;
    const at = Math.floor(share * whole.length);
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << (n % 8)), at);
    const { exitCode, stdout, stderr } = run(changed);
    const words = `${stderr.toString()}${first.tellsOnStdout ? stdout.toString("latin1") : ""}`;
    if (exitCode === 0) found[isSame(stdout) ? "same" : "unnoticed"]++;
    else found[callsDamaged(first, words) ? "damaged" : "unclear"]++;
  }
  expect({ env, unnoticed: found.unnoticed }).toEqual({ env, unnoticed: 0 });
  expect(found.damaged).toBeGreaterThanOrEqual(sweptBits - 6);
}

for (const { engine, components, open, forms } of kinds) {
  const { test } = needs(...components, "rclone-current", "zstd");
  describe(`all of a dump of ${engine}`, () => {
    test("is found whole, and damaged as far as its form shows it", async () => {
      await using server = await open();
      for (const { env, compared, flips = [], found = [1], unfound = [], cuts, file, onlyPath } of forms) {
        using bare = bareTools();
        using client = fakeTools({ "redis-cli": `exec '${join(server.binDir, "redis-cli")}' "$@"` });
        using remote = tempFolder("remote");
        const options = {
          env: { DB_URI: server.uri, RCLONE_REMOTE: remote.path, ...env },
          ...(onlyPath === true ? { onlyPath: [client.dir, bare.dir] } : { path: [server.binDir] }),
        };
        const result = await runDbstash(engine, {
          ...options,
          env: { ...options.env, BACKUP_VERIFY: "full" },
        });
        expect({ env, exitCode: result.exitCode }).toEqual({ env, exitCode: 0 });
        const [name = ""] = readdirSync(remote.path);
        const stored = join(remote.path, name);
        const verified = result.lines.find(({ msg }) => msg === "backup verified");
        expect(String(verified?.["compared"])).toMatch(/^all of it: /);
        expect(String(verified?.["compared"])).toEndWith(compared);

        const target =
          file === undefined
            ? stored
            : join(stored, [...new Bun.Glob("*").scanSync(stored)].find((name) => file.test(name)) ?? "");
        const whole = readFileSync(target);
        const verify = async (content: Buffer): Promise<number | null> => {
          writeFileSync(target, content);
          const args = ["verify", "--full", name];
          return (await runDbstash(engine, { ...options, args })).exitCode;
        };
        const flip = (at: number): Buffer => {
          const changed = Buffer.from(whole);
          changed.writeUInt8(changed.readUInt8(at) ^ 4, at);
          return changed;
        };
        const seen: Record<string, number | null> = {};
        for (const share of flips)
          seen[`flip ${share}`] = await verify(flip(Math.floor(share * whole.length)));
        for (const at of unfound) seen[`unfound ${at}`] = await verify(flip(at));
        for (const share of cuts)
          seen[`cut ${share}`] = await verify(whole.subarray(0, Math.floor(share * whole.length)));
        const wrong = Object.entries(seen).filter(([what, code]) =>
          what.startsWith("unfound") ? code !== 0 : !found.includes(code ?? -1),
        );
        expect({ env, wrong }).toEqual({ env, wrong: [] });
        sweep(engine, env, whole, server.binDir);
      }
    }, 240_000);
  });
}
