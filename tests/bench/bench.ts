/**
 * The benchmark: `bun run bench [section…] [--size MB] [--runs N]`, after `npm test` has set up its parts once.
 * Sections: tiny local s3 zeros phase memory formats names age full; by default all. `--size` is the size of the real dump (1000);
 * zeros are twice that, and the memory section goes from a tenth to five times of it. A quick look:
 * `bun run bench tiny local --size 200 --runs 3`. The S3 server is rclone's own on the same machine, which may be
 * the bottleneck there.
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { component } from "../support/components.ts";
import { openPlace } from "./place.ts";
import { sections } from "./sections.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { size: { type: "string", default: "1000" }, runs: { type: "string", default: "5" } },
  });
  const [megabytes, runs] = [Number(values.size), Number(values.runs)];
  const names = positionals.length > 0 ? positionals : Object.keys(sections);
  const unknown = names.filter((name) => sections[name] === undefined);
  if (unknown.length > 0 || !(megabytes >= 1) || !Number.isInteger(runs) || runs < 1) {
    console.error(
      `usage: bun run bench [section…] [--size MB] [--runs N]\nsections: ${Object.keys(sections).join(" ")}`,
    );
    return 2;
  }
  const rclone = component("rclone-current");
  const version = "path" in rclone ? rclone.version : "missing";
  console.log(
    `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, rclone ${version}, ${runs} runs, alternating`,
  );
  await using place = await openPlace({ megabytes, runs });
  for (const name of names) {
    console.log(`\n[${name}] load before: ${loadavg()[0]?.toFixed(2)}`);
    await sections[name]?.(place);
  }
  return 0;
}
