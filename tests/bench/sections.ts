import { databases } from "./databases.ts";
import { folders } from "./folders.ts";
import { image } from "./image.ts";
import { levelsOfZstd } from "./levels.ts";
import { limit } from "./limit.ts";
import { many } from "./many.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath } from "../support/components.ts";
import { type FakeTools, fakeTools } from "../support/fake-tools.ts";
import { type Measured, median } from "./measure.ts";
import { timeNames } from "./names.ts";
import {
  alternate,
  heading,
  logLine,
  megabytes,
  peakMiB,
  printOwn,
  printPair,
  ratio,
  seconds,
  storedBytes,
  verdict,
} from "./report.ts";
import type { Place, Target } from "./place.ts";
import type { Source } from "./sources.ts";

/** What people type. */
const shellPipe = 'pg_dump | rclone rcat "$TARGET"';

/** The sections by name, in the order they run. */
export const sections: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  tiny: smallest,
  local: async (place) => real(place, place.local, 0.8),
  s3: async (place) => real(place, await place.s3(), 0.9),
  zeros,
  phase,
  memory,
  formats,
  names,
  age,
  full,
  places,
  databases,
  limit,
  folders,
  levels: levelsOfZstd,
  image,
  many,
};

/** Names alone: nothing of it is in the way of a dump. */
async function names(): Promise<void> {
  heading("reading and planning names of backups");
  for (const { what, readMs, planMs } of timeNames()) {
    console.log(`reading ${what}: ${readMs.toFixed(0)} ms`);
    verdict(`planning ${what}, ms`, planMs, 200);
  }
}

/** A real pg_dump, against the shell pipe with rclone's defaults. */
async function real(place: Place, target: Target, limit: number): Promise<void> {
  const database = await place.realDatabase();
  const runs = await alternate(place, {
    dbstash: () => place.dbstash(database, target),
    shell: () => place.shell(shellPipe, database, target),
  });
  const bytes = storedBytes(runs.dbstash[0]);
  heading(`pg_dump of ${megabytes(bytes)} to ${target.title}`);
  printPair(runs);
  verdict("wall time, dbstash / shell", ratio(runs.dbstash, runs.shell), limit);
  printOwn(runs.dbstash);
}

/** Zeros are no plain dump, and need not be where arguments may ask for another format. */
const otherFormat = { DUMP_EXTRA_ARGS: "--no-comments" };

/** A producer that costs nothing. */
async function zeros(place: Place): Promise<void> {
  const tiny = await place.tiny();
  const bytes = 2 * place.scale.megabytes * 1e6;
  using tools = zeroDump(bytes);
  const options = { path: [tools.dir], env: otherFormat };
  const runs = await alternate(place, {
    dbstash: () => place.dbstash(tiny, place.local, options),
    shell: () => place.shell(shellPipe, tiny, place.local, options),
  });
  heading(`${megabytes(bytes)} of zeros to ${place.local.title}`);
  printPair(runs);
  verdict("wall time, dbstash / shell", ratio(runs.dbstash, runs.shell), 0.4);
  printOwn(runs.dbstash);
}

/**
 * From the dump's start to the upload's end, against the same two processes with the same flags in a shell pipe.
 * At two sizes: that rclone starts only when the dump has written a byte costs the same whatever the size.
 */
async function phase(place: Place): Promise<void> {
  for (const factor of [1, 3])
    await phaseOf(place, await place.realDatabase(factor * place.scale.megabytes), factor);
}

async function phaseOf(place: Place, database: Source, factor: number): Promise<void> {
  const stamp = 'date +%s%N >"$FAKE_DIR';
  using tools = fakeTools({
    pg_dump: `${stamp}/start"; exec ${join(database.binDir, "pg_dump")} "$@"`,
    rclone: `${componentPath("rclone-current")} "$@"; code=$?; [ "$1" != rcat ] || ${stamp}/end"; exit $code`,
  });
  const options = { path: [tools.dir] };
  const seconds = (): number => (stampOf(tools, "end") - stampOf(tools, "start")) / 1e9;
  const timed = async (run: Promise<Measured>): Promise<Measured> => ({ ...(await run), seconds: seconds() });
  const shell = (): Promise<Measured> => {
    const dump = tools.calls("pg_dump")[0] ?? [];
    const upload = tools.calls("rclone").find(([command]) => command === "rcat") ?? [];
    const words = [dump, upload.slice(2)].map((call) => call.map(quoted).join(" "));
    return timed(
      place.shell(`pg_dump ${words[0]} | rclone rcat "$TARGET" ${words[1]}`, database, place.local, options),
    );
  };
  const runs = await alternate(place, {
    dbstash: () => timed(place.dbstash(database, place.local, options)),
    shell,
  });
  const size = megabytes(factor * place.scale.megabytes * 1e6);
  heading(`the streaming phase alone, about ${size}, against the same pipe with the flags dbstash chooses`);
  printPair(runs);
  verdict("wall time, dbstash / shell", ratio(runs.dbstash, runs.shell), 1.02);
}

/** dbstash's own memory and CPU do not grow with the dump. */
async function memory(place: Place): Promise<void> {
  const tiny = await place.tiny();
  heading(`dbstash's own process, zeros to ${place.local.title}`);
  for (const size of [0.1, 1, 5].map((factor) => factor * place.scale.megabytes * 1e6)) {
    using tools = zeroDump(size);
    const run = await place.dbstash(tiny, place.local, { path: [tools.dir], env: otherFormat });
    console.log(`${megabytes(size).padStart(10)}  ${run.seconds.toFixed(2)} s`);
    printOwn([run]);
  }
}

/** What a run costs where the dump costs nothing. */
async function smallest(place: Place): Promise<void> {
  const tiny = await place.tiny();
  const runs = await alternate(place, {
    dbstash: () => place.dbstash(tiny, place.local),
    shell: () => place.shell(shellPipe, tiny, place.local),
  });
  heading(`a tiny database to ${place.local.title}`);
  printPair(runs);
  const overhead = (seconds(runs.dbstash) - seconds(runs.shell)) * 1000;
  verdict("dbstash - shell, ms", overhead, 500);
  const processes = logLine(runs.dbstash[0]?.stdout ?? "", "rclone processes started")?.["count"];
  console.log(`rclone processes per run: ${String(processes)}; memory: ${peakMiB(runs.dbstash)} MiB`);
}

/** What each form of a PostgreSQL backup costs. */
async function formats(place: Place): Promise<void> {
  const database = await place.realDatabase();
  const forms: Record<string, Record<string, string>> = {
    plain: {},
    "custom (its own gzip)": { BACKUP_COMPRESS: "true" },
    "plain, zstd": { BACKUP_COMPRESS: "zstd" },
    "custom uncompressed, zstd": { BACKUP_COMPRESS: "zstd", DUMP_EXTRA_ARGS: "-Fc -Z0" },
    "plain, gzip": { BACKUP_COMPRESS: "gzip" },
  };
  const runs = await alternate(
    place,
    Object.fromEntries(
      Object.entries(forms).map(([name, env]) => [name, () => place.dbstash(database, place.local, { env })]),
    ),
  );
  heading(`forms of a PostgreSQL backup, to ${place.local.title}, ${database.title}`);
  printForms(runs);
}

function printForms(runs: Readonly<Record<string, readonly Measured[]>>): void {
  console.log(`${"".padEnd(26)}       s        bytes   CPU s`);
  for (const [name, measured] of Object.entries(runs)) {
    const cpu = median(measured.map((run) => run.cpuSeconds)).toFixed(2);
    console.log(
      `${name.padEnd(26)}${seconds(measured).toFixed(2).padStart(8)}${String(storedBytes(measured[0])).padStart(13)}${cpu.padStart(8)}`,
    );
  }
}

/** A public key whose secret one nobody has kept. */
const recipient = "age1g43hssyj0r9mg38830t8vprkn485697vzhyq729qqleh9en24qxqla7mtg";

/** What encryption costs, behind a compressor and without one. */
async function age(place: Place): Promise<void> {
  const database = await place.realDatabase();
  const to = { BACKUP_ENCRYPT_TO: recipient };
  const zstd = { BACKUP_COMPRESS: "zstd" };
  const backUp = (env: Record<string, string>) => () => place.dbstash(database, place.local, { env });
  const runs = await alternate(place, {
    plain: backUp({}),
    "plain, age": backUp(to),
    zstd: backUp(zstd),
    "zstd, age": backUp({ ...zstd, ...to }),
  });
  heading(`age against none, to ${place.local.title}`);
  printForms(runs);
  verdict("wall time, plain, age / none", ratio(runs["plain, age"], runs.plain), 1.5);
  verdict("wall time, zstd, age / none", ratio(runs["zstd, age"], runs.zstd), 1.25);
  verdict("own memory (VmHWM), MiB", Number(peakMiB(runs["plain, age"])), 48);
}

/** Reading all of a backup back costs a download, and the work of the tool that takes it apart. */
async function full(place: Place): Promise<void> {
  const database = await place.realDatabase();
  const all = { BACKUP_VERIFY: "full" };
  const zstd = { BACKUP_COMPRESS: "zstd" };
  const backUp = (env: Record<string, string>) => () => place.dbstash(database, place.local, { env });
  const runs = await alternate(place, {
    plain: backUp({}),
    "plain, full": backUp(all),
    zstd: backUp(zstd),
    "zstd, full": backUp({ ...zstd, ...all }),
  });
  heading(`BACKUP_VERIFY=full against true, to ${place.local.title}`);
  printForms(runs);
  verdict("wall time, plain, full / true", ratio(runs["plain, full"], runs.plain), 2);
  verdict("wall time, zstd, full / true", ratio(runs["zstd, full"], runs.zstd), 1.75);
  verdict("own memory (VmHWM), MiB", Number(peakMiB(runs["plain, full"])), 50);
}

/** One dump to two places, against one of them, and against a dump for each. */
async function places(place: Place): Promise<void> {
  const database = await place.realDatabase();
  const s3 = await place.s3();
  const { secondLocal: second } = place;
  const both = (target: Target) => async () => {
    const env = { ...second.env, ...s3.env, RCLONE_EXTRA_REMOTES: second.remote };
    const measured = await place.dbstash(database, target, { env });
    second.clear();
    return measured;
  };
  const runs = await alternate(place, {
    "one folder": () => place.dbstash(database, place.local),
    "two folders": both(place.local),
    "two dumps, a folder each": async () => {
      const first = await place.dbstash(database, place.local);
      return added(first, await place.dbstash(database, second));
    },
    S3: () => place.dbstash(database, s3),
    "S3 and a folder": both(s3),
  });
  heading(`${megabytes(storedBytes(runs["one folder"][0]))} to two places`);
  printForms(runs);
  verdict("wall time, two folders / one", ratio(runs["two folders"], runs["one folder"]), 1.4);
  verdict("wall time, S3 and a folder / S3", ratio(runs["S3 and a folder"], runs.S3), 1.25);
  verdict(
    "wall time, two folders / two dumps",
    ratio(runs["two folders"], runs["two dumps, a folder each"]),
    1,
  );
  verdict("own memory (VmHWM), MiB", Number(peakMiB(runs["two folders"])), 50);
}

function added(one: Measured, other: Measured): Measured {
  return {
    seconds: one.seconds + other.seconds,
    cpuSeconds: one.cpuSeconds + other.cpuSeconds,
    ownCpuSeconds: one.ownCpuSeconds + other.ownCpuSeconds,
    peakBytes: Math.max(one.peakBytes, other.peakBytes),
    largestBytes: Math.max(one.largestBytes, other.largestBytes),
    targetBytes: one.targetBytes + other.targetBytes,
    stdout: other.stdout,
  };
}

function zeroDump(bytes: number): FakeTools {
  return fakeTools({ pg_dump: `exec head -c ${bytes} /dev/zero` });
}

function stampOf(tools: FakeTools, name: string): number {
  return Number(readFileSync(join(tools.dir, name), "utf8"));
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
