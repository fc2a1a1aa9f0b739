import type { Place, Target } from "./place.ts";
import { type Measured, median } from "./measure.ts";
import { alternate, heading, logLine } from "./report.ts";
import { printRows } from "./limit.ts";

/** The modes, and the forms of a PostgreSQL dump that a restore can take apart, to a local folder and to S3. */
export async function folders(place: Place): Promise<void> {
  const source = await place.realDatabase();
  for (const target of [place.local, await place.s3()]) {
    const directory = (jobs: number, compress: string) => () =>
      place.dbstash(source, target, {
        env: { BACKUP_MODE: "directory", BACKUP_COMPRESS: compress, DUMP_EXTRA_ARGS: `--jobs=${jobs}` },
      });
    const runs = await alternate(place, {
      "pg_dump >/dev/null: the limit": () => place.shell("pg_dump >/dev/null", source, target),
      stream: () => place.dbstash(source, target),
      "stream, zstd": () => place.dbstash(source, target, { env: { BACKUP_COMPRESS: "zstd" } }),
      "stream, custom format (true)": () =>
        place.dbstash(source, target, { env: { BACKUP_COMPRESS: "true" } }),
      tar: () => place.dbstash(source, target, { env: { BACKUP_MODE: "tar" } }),
      "tar, zstd": () =>
        place.dbstash(source, target, { env: { BACKUP_MODE: "tar", BACKUP_COMPRESS: "zstd" } }),
      directory: directory(1, "false"),
      "directory, -j4": directory(4, "false"),
      "directory, true (gzip)": directory(1, "true"),
      "directory, true (gzip), -j4": directory(4, "true"),
      "by hand: pg_dump -Fd -Z0 -j4, rclone copy": byHand(target, "-Z0"),
      "by hand: pg_dump -Fd -j4, rclone copy": byHand(target, ""),
    });
    heading(`modes of a PostgreSQL backup, to ${target.title}`);
    printRows(runs, runs["pg_dump >/dev/null: the limit"]);
    for (const [name, measured] of Object.entries(runs)) {
      const parts = measured.flatMap(partsOf);
      if (parts.length === 0) continue;
      const [dump, rest] = (["dump", "rest"] as const).map((part) =>
        median(parts.map((each) => each[part])).toFixed(2),
      );
      console.log(`${name}: dump ${dump} s, upload and the rest ${rest} s`);
    }
  }

  function byHand(target: Target, flags: string) {
    const script = `pg_dump -Fd ${flags} -j4 -f "$WORK/dump" && rclone copy "$WORK/dump" "$TARGET"`;
    return () => place.shell(script, source, target);
  }
}

/** How long the dump took that was there before its upload began, and what came after; none where they went together. */
function partsOf({ stdout, seconds }: Measured): { readonly dump: number; readonly rest: number }[] {
  const [begun, dumped] = ["backup started", "dump finished, uploading"].map((message) =>
    Date.parse(String(logLine(stdout, message)?.["time"])),
  );
  if (begun === undefined || dumped === undefined || Number.isNaN(dumped)) return [];
  const dump = (dumped - begun) / 1000;
  return [{ dump, rest: seconds - dump }];
}
