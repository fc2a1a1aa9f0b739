import type { EngineName } from "../../src/kinds.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMongo } from "../support/mongo.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { startMysql } from "../support/mysql.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";

/** A database on a running server, and how it is dumped: by hand and by dbstash. */
export interface Source {
  readonly engine: EngineName;
  readonly title: string;
  /** The dump as a shell is told it, to its standard output, with the flags that decide what is in it. */
  readonly dump: string;
  /** What that needs, beside a PATH that begins with `binDir`. */
  readonly env: Readonly<Record<string, string>>;
  readonly binDir: string;
  readonly settings: Readonly<Record<string, string>>;
}

export interface StartedSource extends Source {
  stop(): Promise<void>;
}

/** Starts a server with a database whose dump has about so many megabytes. */
export type StartSource = (megabytes: number) => Promise<StartedSource>;

/** Documents that a server has to be given one by one, in portions of so many. */
const documentsAtOnce = 5000;

/** The engines that are measured; the share of the size asked for that each gets, where its server is the floor. */
export const engines: readonly {
  readonly name: string;
  readonly share: number;
  readonly start: StartSource;
}[] = [
  { name: "pg", share: 1, start: postgres },
  { name: "mariadb", share: 1, start: async (size) => mysqlFamily("mariadb", await startMariadb(), size) },
  { name: "mysql", share: 1, start: async (size) => mysqlFamily("mysql", await startMysql(), size) },
  { name: "mongo", share: 0.2, start: mongo },
  { name: "redis", share: 0.5, start: redis },
];

async function postgres(megabytes: number): Promise<StartedSource> {
  const server = await startBenchPostgres();
  const source = await fillPostgres(server, megabytes);
  return { ...source, stop: () => server.stop() };
}

/** With room in memory for what is asked again and again. */
export function startBenchPostgres(release: "distro" | "newest" = "distro"): Promise<PostgresServer> {
  return startPostgres({ release, settings: { max_wal_size: "8GB", shared_buffers: "512MB" } });
}

/** One database of a PostgreSQL server. */
export function postgresSource(server: PostgresServer, database: string): Source {
  return {
    engine: "pg",
    title: `PostgreSQL ${server.major}`,
    dump: "pg_dump",
    env: {
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.user,
      PGPASSWORD: server.password,
      PGDATABASE: database,
    },
    binDir: server.binDir,
    settings: { DB_URI: server.uri(database) },
  };
}

/** Measured: what one row takes in a plain dump. */
const [bytesPerEvent, bytesPerDocument] = [176, 1930];

/**
 * A database as applications have them: half of the dump is narrow rows (hashes, addresses, numbers and times), half is
 * texts of about 2 KB, a quarter of which a compressor leaves.
 */
export async function fillPostgres(server: PostgresServer, megabytes: number): Promise<Source> {
  const name = `bench${megabytes}`;
  await server.createDatabase(name);
  const half = (megabytes * 1e6) / 2;
  const result = await server.run("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", name], {
    timeoutMs: 900_000,
    stdin: `
      CREATE UNLOGGED TABLE events AS SELECT n AS id, md5(n::text) AS hash,
        'user' || n || '@' || left(md5((n % 5000)::text), 8) || '.example' AS mail,
        random() AS x, random() * 1000 AS y, now() - n * interval '1 second' AS at,
        repeat('status ' || n % 7 || ' ', 4) AS note
      FROM generate_series(1, ${Math.round(half / bytesPerEvent)}) n;
      CREATE UNLOGGED TABLE documents AS SELECT n AS id, 'Document ' || n AS title,
        (SELECT string_agg('Paragraph ' || p || ' of the text says ' || md5((n * 31 + p)::text)
          || ' and then some more words, as texts do. ', E'\\n') FROM generate_series(1, 5 + n % 30) p) AS body
      FROM generate_series(1, ${Math.round(half / bytesPerDocument)}) n;
      ALTER TABLE events SET LOGGED;
      ALTER TABLE documents SET LOGGED;
      ANALYZE; CHECKPOINT;`,
  });
  if (result.exitCode !== 0) throw new Error(result.stderr);
  return postgresSource(server, name);
}

/** Photographs and keys, as far as a dump is concerned: bytes that no compressor makes smaller, written as hex. */
export async function fillPostgresWithBytes(server: PostgresServer, megabytes: number): Promise<Source> {
  await server.createDatabase("bytes");
  await server.sql(
    `CREATE TABLE pictures AS SELECT n AS id, decode((SELECT string_agg(md5((n * 1000 + p)::text), '')
       FROM generate_series(1, 250) p), 'hex') AS body FROM generate_series(1, ${megabytes * 125}) n;`,
    "bytes",
  );
  return postgresSource(server, "bytes");
}

async function mysqlFamily(
  engine: "mysql" | "mariadb",
  server: MysqlServer,
  megabytes: number,
): Promise<StartedSource> {
  await server.createDatabase("bench");
  const numbers = Array.from({ length: 1000 }, (_, index) => `(${index})`).join(",");
  const [events, documents] = [
    Math.round((megabytes * 1e6) / 2 / 130),
    Math.round((megabytes * 1e6) / 2 / 2000),
  ];
  // A thousand times a thousand rows for each of so many turns; the last turn makes the rest.
  const turns = (rows: number, insert: (first: number, count: number) => string): string =>
    Array.from({ length: Math.ceil(rows / 1e6) }, (_, turn) =>
      insert(turn * 1e6, Math.min(1e6, rows - turn * 1e6)),
    ).join("\n");
  const result = await server.run(engine, ["bench"], {
    timeoutMs: 1_800_000,
    stdin: `CREATE TABLE numbers (i INT PRIMARY KEY); INSERT INTO numbers VALUES ${numbers};
      CREATE TABLE events (id INT PRIMARY KEY, hash CHAR(32), mail VARCHAR(60), x DOUBLE, at DATETIME, note VARCHAR(60));
      CREATE TABLE documents (id INT PRIMARY KEY, title VARCHAR(60), body TEXT);
      SET SESSION unique_checks = 0, sql_log_bin = 0;
      ${turns(
        events,
        (
          first,
          count,
        ) => `INSERT INTO events SELECT n, left(sha2(n, 256), 32), concat('user', n, '@example'), rand(n), '2026-01-01' + INTERVAL n SECOND,
        repeat(concat('status ', n % 7, ' '), 3) FROM (SELECT ${first} + a.i * 1000 + b.i AS n FROM numbers a, numbers b) s
        ORDER BY n LIMIT ${count};`,
      )}
      ${turns(
        documents,
        (first, count) => `INSERT INTO documents SELECT n, concat('Document ', n),
        repeat(concat('The text says ', left(sha2(n, 256), 32), left(sha2(n * 7, 256), 32), ' and then some more words, as texts do. '), 16)
        FROM (SELECT ${first} + a.i * 1000 + b.i AS n FROM numbers a, numbers b) s ORDER BY n LIMIT ${count};`,
      )}
      DROP TABLE numbers; ANALYZE TABLE events, documents;`,
  });
  if (result.exitCode !== 0) throw new Error(result.stderr);
  const flags = engine === "mysql" ? "--set-gtid-purged=OFF --column-statistics=0" : "--skip-add-locks";
  return {
    engine,
    title: `${engine === "mysql" ? "MySQL" : "MariaDB"} ${server.version}`,
    dump: `${engine === "mysql" ? "mysqldump" : "mariadb-dump"} --defaults-file='${server.optionFile}' --single-transaction --quick --hex-blob --no-tablespaces --routines --events --triggers ${flags} bench`,
    env: {},
    binDir: server.binDir,
    settings: { DB_URI: server.uri("bench") },
    stop: () => server.stop(),
  };
}

async function mongo(megabytes: number): Promise<StartedSource> {
  const server = await startMongo();
  const count = megabytes * 500;
  for (let first = 0; first < count; first += documentsAtOnce) {
    const documents = Array.from({ length: Math.min(documentsAtOnce, count - first) }, (_, index) => {
      const hash = Bun.hash(String(first + index)).toString(16);
      const lines = Array.from(
        { length: 22 },
        (_each, line) =>
          `${Bun.hash(`${hash}${line}`).toString(16)} says ${hash}, and then some more words, as texts do.`,
      );
      return { _id: first + index, hash, mail: `user${first + index}@example`, lines };
    });
    await server.insert("bench", "documents", documents);
  }
  return {
    engine: "mongo",
    title: "FerretDB, by mongodump",
    dump: `mongodump --quiet --archive '--uri=${server.uri("bench")}'`,
    env: {},
    binDir: server.binDir,
    settings: { DB_URI: server.uri("bench") },
    stop: () => server.stop(),
  };
}

/** Values of 1 KB: half hashes, half words. */
const fillRedis = `for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local parts = {}
  for p = 1, 12 do parts[p] = redis.sha1hex(i .. ':' .. p) .. ' and then some more words, as texts' end
  redis.call('SET', 'document:' .. i, table.concat(parts))
end`;

async function redis(megabytes: number): Promise<StartedSource> {
  const server = await startRedis();
  const [count, atOnce] = [Math.round((megabytes * 1e6) / 610), 20_000];
  for (let first = 0; first < count; first += atOnce)
    await server.command("EVAL", fillRedis, "0", String(first), String(Math.min(first + atOnce, count) - 1));
  return {
    engine: "redis",
    title: "Redis, by redis-cli --rdb",
    dump: `redis-cli -h ${server.host} -p ${server.port} --rdb -`,
    env: {},
    binDir: server.binDir,
    settings: { DB_URI: server.uri() },
    stop: () => server.stop(),
  };
}
