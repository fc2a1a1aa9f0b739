import { statSync } from "node:fs";
import { dirname } from "node:path";
import { componentPath } from "../support/components.ts";
import { runOk, systemPath } from "../support/run.ts";
import { measure } from "./measure.ts";
import type { Place } from "./place.ts";
import { heading } from "./report.ts";
import { engines, fillPostgresWithBytes, type Source } from "./sources.ts";

const levels = ["-1", "-2", "-3", "-4", "-5", "-6", "-9", "-3 --long=27", "-1 --long=27"];
const threads = [1, 2, 4, 8];

/** What zstd makes of each kind of dump, by level and by threads: the one thing that a default can be chosen by. */
export async function levelsOfZstd(place: Place): Promise<void> {
  const size = place.scale.megabytes;
  if (place.scale.engines.includes("pg")) {
    await ofDump(place, "SQL text", await place.realDatabase());
    const bytes = await fillPostgresWithBytes(await place.postgres(), Math.round(size / 4));
    await ofDump(place, "SQL with bytes in hex", bytes);
  }
  for (const name of ["mongo", "redis"] as const) {
    const engine = engines.find((one) => one.name === name);
    if (engine === undefined || !place.scale.engines.includes(name)) continue;
    const started = await engine.start(Math.max(1, Math.round(size * engine.share)));
    try {
      await ofDump(place, started.title, started);
    } finally {
      await started.stop();
    }
  }
}

async function ofDump(place: Place, title: string, source: Source): Promise<void> {
  const [dump, out] = [place.folder.file("dump"), place.folder.file("compressed")];
  const env = {
    PATH: `${source.binDir}:${dirname(componentPath("zstd"))}:${systemPath}`,
    HOME: place.folder.path,
    ...source.env,
  };
  await runOk(["bash", "-c", `set -o pipefail; ${source.dump} >"$0"`, dump], { env, timeoutMs: 900_000 });
  heading(`zstd on ${title}, ${(statSync(dump).size / 1e6).toFixed(0)} MB`);
  console.log("| level | threads | seconds | CPU s | MB |\n| --- | --- | --- | --- | --- |");
  const row = async (flags: string, count: number): Promise<void> => {
    // From a pipe, as in a run: of a file zstd would know the size.
    const script = `cat "$1" | zstd -q -c -T${count} ${flags} >"$2"`;
    const run = await measure(["bash", "-c", script, "bash", dump, out], env, place.folder.file("log"));
    const megabytes = (statSync(out).size / 1e6).toFixed(1);
    console.log(
      `| ${flags} | ${count} | ${run.seconds.toFixed(2)} | ${run.cpuSeconds.toFixed(2)} | ${megabytes} |`,
    );
  };
  for (const level of levels) await row(level, 2);
  for (const count of threads) await row("-3", count);
}
