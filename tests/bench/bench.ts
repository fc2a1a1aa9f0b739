/**
 * The benchmark: `bun run bench [section…] [--size MB] [--runs N] [--engines pg,redis]`, after `npm test` has set up its
 * parts once. Sections: tiny local s3 zeros phase memory formats names age full places databases limit folders levels image many; by default all.
 * `--size` is the size of the real dump (1000); zeros are twice that, and the memory section goes from a tenth to five
 * times of it. `--quick` is 200 MB and 3 runs: `bun run bench limit --quick` goes through all engines in some minutes.
 * The S3 server is rclone's own on the same machine, which may be the bottleneck there.
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { component } from "../support/components.ts";
import { openPlace } from "./place.ts";
import { sections } from "./sections.ts";
import { engines } from "./sources.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      size: { type: "string" },
      runs: { type: "string" },
      engines: { type: "string", default: engines.map(({ name }) => name).join(",") },
      quick: { type: "boolean", default: false },
    },
  });
  const [size, times] = values.quick ? ["200", "3"] : ["1000", "5"];
  const [megabytes, runs] = [Number(values.size ?? size), Number(values.runs ?? times)];
  const wanted = values.engines.split(",");
  const names = positionals.length > 0 ? positionals : Object.keys(sections);
  const unknown = names.filter((name) => sections[name] === undefined);
  const isKnown = wanted.every((name) => engines.some((engine) => engine.name === name));
  if (unknown.length > 0 || !isKnown || !(megabytes >= 1) || !Number.isInteger(runs) || runs < 1) {
    console.error(
      `usage: bun run bench [section…] [--size MB] [--runs N] [--engines pg,redis] [--quick]\nsections: ${Object.keys(sections).join(" ")}`,
    );
    return 2;
  }
  const rclone = component("rclone-current");
  const version = "path" in rclone ? rclone.version : "missing";
  console.log(
    `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, rclone ${version}, ${runs} runs, alternating`,
  );
  await using place = await openPlace({ megabytes, runs, engines: wanted });
  for (const name of names) {
    console.log(`\n[${name}] load before: ${loadavg()[0]?.toFixed(2)}`);
    await sections[name]?.(place);
  }
  return 0;
}
