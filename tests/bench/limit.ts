import { type Measured, median } from "./measure.ts";
import type { Place } from "./place.ts";
import { alternate, heading, megabytes, printOwn, ratio, seconds, verdict } from "./report.ts";
import { engines, type Source } from "./sources.ts";

/**
 * Each engine against its own limit, the dump into nothing, and against what people type in a shell: plain to a local
 * folder and to S3, through zstd, and (once, since it takes ten times as long) through gzip.
 */
export async function limit(place: Place): Promise<void> {
  for (const { name, share, start } of engines) {
    if (!place.scale.engines.includes(name)) continue;
    const source = await start(Math.max(1, Math.round(place.scale.megabytes * share)));
    try {
      await againstLimit(place, source);
    } finally {
      await source.stop();
    }
  }
}

async function againstLimit(place: Place, source: Source): Promise<void> {
  const { dump } = source;
  const s3 = await place.s3();
  const upload = 'rclone rcat "$TARGET"';
  const zstd = { env: { BACKUP_COMPRESS: "zstd" } };
  const runs = await alternate(place, {
    "dump >/dev/null: the limit": () => place.shell(`${dump} >/dev/null`, source, place.local),
    "local: dump >FILE": () => place.shell(`${dump} >"$TARGET"`, source, place.local),
    "local: dump | rclone rcat": () => place.shell(`${dump} | ${upload}`, source, place.local),
    "local: dbstash": () => place.dbstash(source, place.local),
    "S3: dump | rclone rcat": () => place.shell(`${dump} | ${upload}`, source, s3),
    "S3: dbstash": () => place.dbstash(source, s3),
    "dump | zstd -T0 >/dev/null": () => place.shell(`${dump} | zstd -q -T0 >/dev/null`, source, place.local),
    "local: dump | zstd -T0 | rclone rcat": () =>
      place.shell(`${dump} | zstd -q -T0 | ${upload}`, source, place.local),
    "local: dbstash, zstd": () => place.dbstash(source, place.local, zstd),
    "S3: dump | zstd -T0 | rclone rcat": () => place.shell(`${dump} | zstd -q -T0 | ${upload}`, source, s3),
    "S3: dbstash, zstd": () => place.dbstash(source, s3, zstd),
  });
  const once = await alternate(
    { ...place, scale: { ...place.scale, runs: 1 } },
    {
      "local: dump | gzip | rclone rcat": () =>
        place.shell(`${dump} | gzip | ${upload}`, source, place.local),
      "local: dbstash, gzip": () => place.dbstash(source, place.local, { env: { BACKUP_COMPRESS: "gzip" } }),
    },
  );
  const whole = runs["dump >/dev/null: the limit"];
  heading(`${source.title}, ${megabytes(median(runs["local: dbstash"].map((run) => run.targetBytes)))}`);
  printRows({ ...runs, ...once }, whole);
  const against = (what: string, mine: readonly Measured[], other: readonly Measured[], most: number): void =>
    verdict(what, ratio(mine, other), most);
  against("local / the limit", runs["local: dbstash"], whole, 1.08);
  console.log(
    `of it, a file in the same folder without any tool: ${ratio(runs["local: dump >FILE"], whole).toFixed(2)}`,
  );
  against("local / shell pipe", runs["local: dbstash"], runs["local: dump | rclone rcat"], 1);
  against("S3 / shell pipe", runs["S3: dbstash"], runs["S3: dump | rclone rcat"], 0.92);
  against("zstd / zstd into nothing", runs["local: dbstash, zstd"], runs["dump | zstd -T0 >/dev/null"], 1.05);
  printOwn(runs["local: dbstash"]);
}

/** A table as the documentation has it. */
export function printRows(
  runs: Readonly<Record<string, readonly Measured[]>>,
  limit: readonly Measured[],
): void {
  console.log(
    "| what | seconds | of the limit | CPU s, client side | stored MB |\n| --- | --- | --- | --- | --- |",
  );
  for (const [name, measured] of Object.entries(runs)) {
    const cpu = median(measured.map((run) => run.cpuSeconds)).toFixed(2);
    const bytes = median(measured.map((run) => run.targetBytes));
    const stored = bytes === 0 ? "–" : (bytes / 1e6).toFixed(0);
    const share = ratio(measured, limit).toFixed(2);
    console.log(
      `| ${name.replaceAll("|", "\\|")} | ${seconds(measured).toFixed(2)} | ${share} | ${cpu} | ${stored} |`,
    );
  }
}
