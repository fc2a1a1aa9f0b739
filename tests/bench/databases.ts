import type { Measured } from "./measure.ts";
import type { Place, Target } from "./place.ts";
import { alternate, heading, peakMiB, ratio, seconds, verdict } from "./report.ts";
import { postgresSource, type Source } from "./sources.ts";

const count = 40;

/**
 * Forty tiny databases, each a backup of its own: one process for all of them, against one of ours for each, and against
 * what people type in a loop.
 */
export async function databases(place: Place): Promise<void> {
  const server = await place.postgres();
  const names = Array.from({ length: count }, (_, at) => `tenant_${at}`);
  for (const name of names) {
    await server.createDatabase(name);
    await server.sql("CREATE TABLE t AS SELECT 1 AS n", name);
  }
  const asked = await place.tiny();
  const sources = names.map((name) => postgresSource(server, name));
  const program = await place.executable("pg");
  for (const target of [place.local, await place.s3()]) {
    const together = (parallel: number) => () =>
      place.dbstash(asked, target, {
        env: { BACKUP_DATABASES: "tenant_*", BACKUP_PARALLEL: String(parallel) },
      });
    const runs = await alternate(place, {
      "one process": together(1),
      "one process, two at a time": together(2),
      "one process each": () => place.shell(ownLoop(program, sources, target), asked, target),
      "pg_dump | rclone rcat": () =>
        place.shell(
          `for db in ${names.join(" ")}; do pg_dump "$db" | rclone rcat "$TARGET-$db"; done`,
          asked,
          target,
        ),
    });
    heading(`${count} tiny databases to ${target.title}`);
    for (const [name, measured] of Object.entries(runs)) print(name, measured);
    const [two, each] = [runs["one process, two at a time"], runs["one process each"]];
    verdict("one process with two at a time / one process each", ratio(two, each), 0.75);
  }
  heading("memory of the one process");
  const peaks: number[] = [];
  for (const parallel of [1, 4, 16]) {
    const run = await place.dbstash(asked, place.local, {
      env: { BACKUP_DATABASES: "tenant_*", BACKUP_PARALLEL: String(parallel) },
    });
    peaks.push(Number(peakMiB([run])));
    console.log(`${parallel} at a time: ${peakMiB([run])} MiB`);
  }
  const [one = 0, , sixteen = 0] = peaks;
  verdict("MiB", one, 60);
  verdict("more for each that runs at once, MiB", (sixteen - one) / 15, 2);
}

function ownLoop(program: string, sources: readonly Source[], { remote }: Target): string {
  return sources
    .map(({ settings }) => {
      const variables = { ...settings, RCLONE_REMOTE: remote, BACKUP_SCHEDULE: "once", LOG_LEVEL: "warn" };
      const words = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
      return `${words.join(" ")} ${program}`;
    })
    .join("\n");
}

function print(name: string, runs: readonly Measured[]): void {
  const each = (seconds(runs) / count).toFixed(3);
  console.log(`${name.padEnd(28)} ${seconds(runs).toFixed(2)} s, ${each} s each`);
}
