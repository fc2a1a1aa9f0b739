import { existsSync, mkdirSync, rmSync, statfsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { componentPath } from "../support/components.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { runOk, systemPath } from "../support/run.ts";
import { startS3 } from "../support/s3.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { type Measured, measure } from "./measure.ts";

/** How a benchmark is to run. */
export interface Scale {
  /** Size of the real dump, in MB; the streams of zeros are multiples of it. */
  readonly megabytes: number;
  readonly runs: number;
}

/** Where a backup goes. */
export interface Target {
  readonly title: string;
  /** As rclone names it; without a slash at its end. */
  readonly remote: string;
  readonly env: Readonly<Record<string, string>>;
  /** Removes what was stored. */
  clear(): void;
}

/** What every section needs. */
export interface Place extends AsyncDisposable {
  readonly scale: Scale;
  readonly server: PostgresServer;
  readonly local: Target;
  /** Beside it. */
  readonly secondLocal: Target;
  /** Starts the S3 server when it is first asked for. */
  s3(): Promise<Target>;
  /** Makes a real database whose plain dump has about this size, once, and returns its name. */
  realDatabase(megabytes?: number): Promise<string>;
  /** Runs the compiled executable. */
  dbstash(database: string, target: Target, options?: RunOptions): Promise<Measured>;
  /** Runs a script by bash; `$TARGET` is the file to store. */
  shell(script: string, database: string, target: Target, options?: RunOptions): Promise<Measured>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Folders that come first on the PATH, before those of PostgreSQL and rclone. */
  readonly path?: readonly string[];
}

/** The largest stream is five times the scale's size, and some room is left. */
const roomFactor = 8;
/** The tiny database that each server has. */
export const tinyDatabase = "postgres";
/** Measured: what one row takes in a plain dump. */
const bytesPerEvent = 176;
const bytesPerDocument = 1930;

/** Compiles dbstash-pg, starts PostgreSQL and prepares a local target, all in temporary folders. */
export async function openPlace(scale: Scale): Promise<Place> {
  const folder = tempFolder("bench");
  for (const name of ["home", "tmp"]) mkdirSync(folder.file(name));
  const builder = join(import.meta.dirname, "../../scripts/build.ts");
  const buildEnv = { PATH: systemPath, HOME: folder.path };
  await runOk([process.execPath, builder, "pg", "--outdir", folder.path], { env: buildEnv });
  const server = await startPostgres({ settings: { max_wal_size: "8GB", shared_buffers: "512MB" } });
  const local = localTarget(folder, scale, "local");
  const secondLocal = localTarget(folder, scale, "second");
  let s3: Promise<Target & AsyncDisposable> | undefined;
  const real = new Map<number, Promise<string>>();

  const environment = (database: string, target: Target, { env = {}, path = [] }: RunOptions) => ({
    PATH: [
      ...path,
      server.binDir,
      dirname(componentPath("rclone-current")),
      dirname(componentPath("zstd")),
      componentPath("age"),
      systemPath,
    ].join(":"),
    LANG: "C.UTF-8",
    HOME: folder.file("home"),
    TMPDIR: folder.file("tmp"),
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
    PGDATABASE: database,
    ...target.env,
    ...env,
  });
  const cleared = async (target: Target, work: () => Promise<Measured>): Promise<Measured> => {
    target.clear();
    try {
      return await work();
    } finally {
      target.clear();
    }
  };
  return {
    scale,
    server,
    local,
    secondLocal,
    s3: () => (s3 ??= openS3()),
    realDatabase: (megabytes = scale.megabytes) => {
      const database = real.get(megabytes) ?? fill(server, megabytes);
      real.set(megabytes, database);
      return database;
    },
    dbstash: (database, target, options = {}) =>
      cleared(target, () => {
        const settings = {
          DB_URI: server.uri(database),
          RCLONE_REMOTE: target.remote,
          BACKUP_SCHEDULE: "once",
          LOG_FORMAT: "json",
          LOG_LEVEL: "debug",
        };
        const env = { ...environment(database, target, options), ...settings, ...options.env };
        return measure([folder.file("dbstash-pg")], env, folder.file("log"));
      }),
    shell: (script, database, target, options = {}) =>
      cleared(target, () => {
        const env = { ...environment(database, target, options), TARGET: `${target.remote}/dump.sql` };
        return measure(["bash", "-c", `set -o pipefail; ${script}`], env, folder.file("log"));
      }),
    [Symbol.asyncDispose]: async () => {
      await (await s3)?.[Symbol.asyncDispose]();
      await server.stop();
      for (const { remote } of [local, secondLocal]) rmSync(remote, { recursive: true });
      folder.remove();
    },
  };
}

/** In memory where there is room, so that dbstash and the shell are compared, not two moods of a disk. */
function localTarget(folder: TempFolder, { megabytes }: Scale, name: string): Target {
  const memory = "/dev/shm";
  const { bavail, bsize } = existsSync(memory) ? statfsSync(memory) : { bavail: 0, bsize: 0 };
  const isRoomy = bavail * bsize > roomFactor * megabytes * 1e6;
  const remote = isRoomy ? join(memory, `${basename(folder.path)}-${name}`) : folder.file(name);
  mkdirSync(remote);
  const title = isRoomy ? "a local folder in memory" : "a local folder on disk";
  return { title, remote, env: {}, clear: () => emptied(remote) };
}

/**
 * Without the tests' proxy, which would be slower than rclone's own server, and without ETags: this server reads the
 * whole object for each, also when only its last bytes are asked for, which no storage service does.
 */
async function openS3(): Promise<Target & AsyncDisposable> {
  const s3 = await startS3({ etag: false });
  const env = { ...s3.remoteEnv("bench"), RCLONE_CONFIG_BENCH_ENDPOINT: s3.directEndpoint };
  return {
    title: "S3 on loopback",
    remote: `bench:${s3.bucket}`,
    env,
    clear: () => emptied(s3.dir),
    [Symbol.asyncDispose]: () => s3.stop(),
  };
}

function emptied(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
}

/**
 * A database as applications have them: half of the dump is narrow rows (hashes, addresses, numbers and times), half is
 * texts of about 2 KB, a quarter of which a compressor leaves.
 */
async function fill(server: PostgresServer, megabytes: number): Promise<string> {
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
  return name;
}
