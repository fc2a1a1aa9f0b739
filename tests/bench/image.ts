import { chownSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { type Docker, hardened, startDocker, variables } from "../support/docker.ts";
import { waitFor } from "../support/run.ts";
import { median } from "./measure.ts";
import type { Place, Target } from "./place.ts";
import { heading, logLine, megabytes, verdict } from "./report.ts";
import { fillPostgres, postgresSource, type Source, startBenchPostgres } from "./sources.ts";

const tag = "dbstash:pg-18";

/**
 * The same dump of the same server in the built image and on the host, alternating; the image's pg_dump and the host's
 * are of one Debian. From the dump's start to the stored backup, as the log tells it: what Docker itself takes to make
 * and to remove a container is told beside it, and so is the time from `docker run` to the first stored byte.
 */
export async function image(place: Place): Promise<void> {
  const server = await startBenchPostgres("newest");
  const docker = await startDocker();
  try {
    await docker.build();
    const source = await fillPostgres(server, place.scale.megabytes);
    // The engine sees the machine's temporary folder alone.
    const folder = place.folder.file("image");
    const target: Target = {
      title: "a folder on disk",
      remote: folder,
      env: {},
      clear: () => {
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder);
        chownSync(folder, 65_532, 65_532);
      },
      bytes: () => 0,
    };
    const runs = { host: [] as number[], image: [] as number[] };
    for (let round = 0; round < place.scale.runs; round++) {
      runs.host.push(streamedSeconds((await place.dbstash(source, target)).stdout));
      target.clear();
      runs.image.push(streamedSeconds(await docker.ok(inImage(folder, source), 900_000)));
    }
    heading(
      `pg_dump of ${megabytes(place.scale.megabytes * 1e6)} to ${target.title}, on the host and in ${tag}`,
    );
    for (const [where, seconds] of Object.entries(runs))
      console.log(
        `${where.padEnd(6)} median ${median(seconds).toFixed(2)} s  (${seconds.map((one) => one.toFixed(2)).join(" ")})`,
      );
    verdict("image / host", median(runs.image) / median(runs.host), 1.05);
    await firstByte(place, docker, target, postgresSource(server, "postgres"));
  } finally {
    await docker.stop();
    await server.stop();
  }
}

async function firstByte(place: Place, docker: Docker, target: Target, tiny: Source): Promise<void> {
  const [bare, first] = [[] as number[], [] as number[]];
  const timed = async (work: Promise<unknown>): Promise<number> => {
    const startedMs = performance.now();
    await work;
    return (performance.now() - startedMs) / 1000;
  };
  for (let round = 0; round < place.scale.runs; round++) {
    bare.push(await timed(docker.ok(["run", "--rm", ...hardened, "--entrypoint=/usr/bin/true", tag])));
    target.clear();
    const run = docker.ok(inImage(target.remote, tiny));
    first.push(await timed(waitFor("the first byte", () => hasBytes(target.remote))));
    await run;
  }
  console.log(`a container that does nothing: ${median(bare).toFixed(2)} s`);
  console.log(`from docker run to the first stored byte of a tiny database: ${median(first).toFixed(2)} s`);
}

function inImage(folder: string, { settings }: Source): string[] {
  const env = variables({
    ...settings,
    RCLONE_REMOTE: "/backups",
    BACKUP_SCHEDULE: "once",
    LOG_FORMAT: "json",
    LOG_LEVEL: "debug",
  });
  return ["run", "--rm", ...hardened, "--tmpfs=/tmp", "-v", `${folder}:/backups`, ...env, tag];
}

function hasBytes(folder: string): boolean {
  return readdirSync(folder).some(
    (name) => (statSync(`${folder}/${name}`, { throwIfNoEntry: false })?.size ?? 0) > 0,
  );
}

function streamedSeconds(log: string): number {
  const ms = logLine(log, "backup stored")?.["duration_ms"];
  if (typeof ms !== "number") throw new Error(`no duration in the log:\n${log}`);
  return ms / 1000;
}
