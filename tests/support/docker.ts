import { chownSync } from "node:fs";
import { join } from "node:path";
import { startEngine } from "../../scripts/setup/docker-engine.ts";
import type { EngineName } from "./dbstash.ts";
import { run, type RunResult, systemPath } from "./run.ts";
import { type TempFolder, tempFolder } from "./temp.ts";

/** An image that the tests build. */
export interface Image {
  readonly engine: EngineName;
  readonly tag: string;
  readonly dockerfile: string;
  /** Build arguments that differ from the Dockerfile's defaults. */
  readonly args: Readonly<Record<string, string>>;
  /** The database's image, whose tools are in it. */
  readonly tools: string;
  readonly programs: readonly string[];
}

const pgPrograms = ["pg_dump", "pg_dumpall", "pg_restore", "psql"];

/** One image of each engine, and PostgreSQL's with a second version: of the tools, and of their C library. */
export const images: readonly Image[] = [
  image("pg", "pg-17", "pg", { DB_VERSION: "17" }, "postgres:17-trixie", pgPrograms),
  image("pg", "pg-18", "pg", {}, "postgres:18-trixie", pgPrograms),
  image("mongo", "mongo", "mongo", {}, "mongo:8.0", ["mongodump"]),
  image("mysql", "mysql", "mysql", {}, "mysql:9.7", ["mysqldump", "mysql"]),
  image("mariadb", "mariadb", "mysql", { ENGINE: "mariadb", DB_VERSION: "11.8" }, "mariadb:11.8", [
    "mariadb-dump",
    "mariadb",
  ]),
  // Its C library is older than that of the other programs, as in most official images.
  image("mariadb", "mariadb-10", "mysql", { ENGINE: "mariadb", DB_VERSION: "10.11" }, "mariadb:10.11", [
    "mariadb-dump",
    "mariadb",
  ]),
  image("redis", "redis", "redis", {}, "redis:8", ["redis-cli"]),
];

function image(
  engine: EngineName,
  version: string,
  file: string,
  args: Readonly<Record<string, string>>,
  tools: string,
  programs: readonly string[],
): Image {
  return {
    engine,
    tag: `dbstash:${version}`,
    dockerfile: `docker/Dockerfile.${file}`,
    args,
    tools,
    programs,
  };
}

/** What the images are built with as VERSION. */
export const imageVersion = "9.8.7-test";

/** A container as the README advises to run it, in the host's network; `--rm` and a name are the caller's. */
export const hardened = [
  "--read-only",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
  "--network=host",
] as const;

/** A folder that the image's user can write to, and what mounts it as /backups. */
export interface BackupsFolder extends TempFolder {
  readonly mount: readonly string[];
}

/** Makes such a folder; the engine sees it since it is below the temporary one. */
export function backupsFolder(): BackupsFolder {
  const folder = tempFolder("backups");
  chownSync(folder.path, 65_532, 65_532);
  return { ...folder, mount: ["-v", `${folder.path}:/backups`] };
}

/** Variables as flags of `docker run`. */
export function variables(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
}

/** A Docker engine of the test's own; it keeps its images from one run to the next. */
export interface Docker extends AsyncDisposable {
  /** Runs `docker …` to its end, whatever its exit code. */
  run(args: readonly string[], timeoutMs?: number): Promise<RunResult>;
  /** Runs `docker …`, which must succeed, and returns its stdout without the last line end. */
  ok(args: readonly string[], timeoutMs?: number): Promise<string>;
  /** Builds the images from the unmodified Dockerfiles; what hasn't changed comes from the cache. */
  build(): Promise<void>;
  /** Ends the engine and every container. */
  stop(): Promise<void>;
}

/** Starts the engine that the set-up has unpacked. */
export async function startDocker(): Promise<Docker> {
  const folder = tempFolder("docker");
  const engine = await startEngine(folder.path);
  const env = { PATH: systemPath, HOME: folder.path, ...engine.env };
  const docker: Docker["run"] = (args, timeoutMs = 60_000) =>
    run([engine.docker, ...args], { env, timeoutMs });
  const ok: Docker["ok"] = async (args, timeoutMs) => {
    const { exitCode, stdout, stderr } = await docker(args, timeoutMs);
    if (exitCode === 0) return stdout.replace(/\n$/, "");
    throw new Error(`docker ${args.slice(0, 3).join(" ")} … ended with ${exitCode}: ${stderr.slice(-2000)}`);
  };
  const stop = async (): Promise<void> => {
    // The cache of builds would grow with every change of the source.
    await docker(["image", "prune", "--force"]);
    await docker(["builder", "prune", "--force", "--keep-storage=3GB"]);
    await engine.stop();
    folder.remove();
  };
  return {
    run: docker,
    ok,
    build: async () => {
      for (const { tag, dockerfile, args } of images) {
        const given = Object.entries({ ...args, VERSION: imageVersion });
        const flags = given.flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
        const repository = join(import.meta.dirname, "../..");
        const where = ["--network=host", "--file", join(repository, dockerfile), "--tag", tag];
        await ok(["buildx", "build", "--progress=plain", ...where, ...flags, repository], 300_000);
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
