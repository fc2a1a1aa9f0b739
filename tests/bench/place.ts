import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { EngineName } from "../../src/kinds.ts";
import { componentPath } from "../support/components.ts";
import type { PostgresServer } from "../support/postgres.ts";
import { runOk, systemPath } from "../support/run.ts";
import { startS3 } from "../support/s3.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { type Measured, measure } from "./measure.ts";
import { fillPostgres, postgresSource, type Source, startBenchPostgres } from "./sources.ts";

/** How a benchmark is to run. */
export interface Scale {
  /** Size of the real dump, in MB; the streams of zeros are multiples of it. */
  readonly megabytes: number;
  readonly runs: number;
  /** The engines of the sections that go through them. */
  readonly engines: readonly string[];
}

/** Where a backup goes. */
export interface Target {
  readonly title: string;
  /** As rclone names it; without a slash at its end. */
  readonly remote: string;
  readonly env: Readonly<Record<string, string>>;
  /** Removes what was stored. */
  clear(): void;
  /** The size of all that is stored. */
  bytes(): number;
}

/** What every section needs. */
export interface Place extends AsyncDisposable {
  readonly scale: Scale;
  readonly local: Target;
  /** Beside it. */
  readonly secondLocal: Target;
  /** Starts the S3 server when it is first asked for. */
  s3(): Promise<Target>;
  /** Starts PostgreSQL when it is first asked for. */
  postgres(): Promise<PostgresServer>;
  /** A PostgreSQL database that has nothing in it. */
  tiny(): Promise<Source>;
  /** A real PostgreSQL database whose plain dump has about this size, made once. */
  realDatabase(megabytes?: number): Promise<Source>;
  /** The compiled executable of an engine, made once. */
  executable(engine: EngineName): Promise<string>;
  /** Runs the compiled executable. */
  dbstash(source: Source, target: Target, options?: RunOptions): Promise<Measured>;
  /** Runs a script by bash; `$TARGET` is the file to store. */
  shell(script: string, source: Source, target: Target, options?: RunOptions): Promise<Measured>;
  /** A folder of the benchmark's own, on the disk of the temporary files. */
  readonly folder: TempFolder;
}

export interface RunOptions {
  /** Words for dbstash. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folders that come first on the PATH, before those of PostgreSQL and rclone. */
  readonly path?: readonly string[];
}

/** The largest stream is five times the scale's size, and some room is left. */
const roomFactor = 8;
/** Prepares a local target in temporary folders; servers and executables are made when they are asked for. */
export async function openPlace(scale: Scale): Promise<Place> {
  const folder = tempFolder("bench");
  for (const name of ["home", "tmp", "work"]) mkdirSync(folder.file(name));
  const local = localTarget(folder, scale, "local");
  const secondLocal = localTarget(folder, scale, "second");
  const postgres = once(() => startBenchPostgres());
  const s3 = once(openS3);
  const real = new Map<number, Promise<Source>>();
  const built = new Map<EngineName, Promise<string>>();

  const build = async (engine: EngineName): Promise<string> => {
    const builder = join(import.meta.dirname, "../../scripts/build.ts");
    const env = { PATH: systemPath, HOME: folder.path };
    await runOk([process.execPath, builder, engine, "--outdir", folder.path], { env });
    return folder.file(`dbstash-${engine}`);
  };
  const environment = (source: Source, target: Target, { env = {}, path = [] }: RunOptions) => ({
    PATH: [
      ...path,
      source.binDir,
      dirname(componentPath("rclone-current")),
      dirname(componentPath("zstd")),
      componentPath("age"),
      systemPath,
    ].join(":"),
    LANG: "C.UTF-8",
    HOME: folder.file("home"),
    TMPDIR: folder.file("tmp"),
    WORK: folder.file("work"),
    ...source.env,
    ...target.env,
    ...env,
  });
  const cleared = async (target: Target, work: () => Promise<Measured>): Promise<Measured> => {
    target.clear();
    emptied(folder.file("work"));
    try {
      const measured = await work();
      return { ...measured, targetBytes: target.bytes() };
    } finally {
      target.clear();
    }
  };
  const place: Place = {
    scale,
    local,
    folder,
    secondLocal,
    s3: () => s3.get(),
    postgres: () => postgres.get(),
    tiny: async () => postgresSource(await postgres.get(), "postgres"),
    realDatabase: (megabytes = scale.megabytes) => {
      const database =
        real.get(megabytes) ?? postgres.get().then((server) => fillPostgres(server, megabytes));
      real.set(megabytes, database);
      return database;
    },
    executable: (engine) => {
      const file = built.get(engine) ?? build(engine);
      built.set(engine, file);
      return file;
    },
    dbstash: async (source, target, options = {}) => {
      const program = await place.executable(source.engine);
      return cleared(target, () => {
        const settings = {
          ...source.settings,
          RCLONE_REMOTE: target.remote,
          BACKUP_SCHEDULE: "once",
          BACKUP_TEMP_DIR: folder.file("work"),
          LOG_FORMAT: "json",
          LOG_LEVEL: "debug",
        };
        const env = { ...environment(source, target, options), ...settings, ...options.env };
        return measure([program, ...(options.args ?? [])], env, folder.file("log"));
      });
    },
    shell: (script, source, target, options = {}) =>
      cleared(target, () => {
        const env = { ...environment(source, target, options), TARGET: `${target.remote}/dump.sql` };
        return measure(["bash", "-c", `set -o pipefail; ${script}`], env, folder.file("log"));
      }),
    [Symbol.asyncDispose]: async () => {
      await (await s3.made())?.[Symbol.asyncDispose]();
      await (await postgres.made())?.stop();
      for (const { remote } of [local, secondLocal]) rmSync(remote, { recursive: true });
      folder.remove();
    },
  };
  return place;
}

/** What is made when it is first asked for; `made` is what there is by then. */
function once<T>(make: () => Promise<T>): { get(): Promise<T>; made(): Promise<T | undefined> } {
  let value: Promise<T> | undefined;
  return { get: () => (value ??= make()), made: async () => value };
}

/** In memory where there is room, so that dbstash and the shell are compared, not two moods of a disk. */
function localTarget(folder: TempFolder, { megabytes }: Scale, name: string): Target {
  const memory = "/dev/shm";
  const { bavail, bsize } = existsSync(memory) ? statfsSync(memory) : { bavail: 0, bsize: 0 };
  const isRoomy = bavail * bsize > roomFactor * megabytes * 1e6;
  const remote = isRoomy ? join(memory, `${basename(folder.path)}-${name}`) : folder.file(name);
  mkdirSync(remote);
  const title = isRoomy ? "a local folder in memory" : "a local folder on disk";
  return { title, remote, env: {}, clear: () => emptied(remote), bytes: () => sizeOf(remote) };
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
    bytes: () => sizeOf(s3.dir),
    [Symbol.asyncDispose]: () => s3.stop(),
  };
}

function sizeOf(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.reduce((sum, file) => sum + statSync(file).size, 0);
}

function emptied(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
}
