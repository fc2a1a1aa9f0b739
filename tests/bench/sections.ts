import { readFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath } from "../support/components.ts";
import { type FakeTools, fakeTools } from "../support/fake-tools.ts";
import { type Measured, median } from "./measure.ts";
import { timeNames } from "./names.ts";
import { type Place, type Target, tinyDatabase } from "./place.ts";

/** What people type. */
const shellPipe = 'pg_dump | rclone rcat "$TARGET"';

/** The sections by name, in the order they run. */
export const sections: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  tiny,
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
  const bytes = 2 * place.scale.megabytes * 1e6;
  using tools = zeroDump(bytes);
  const options = { path: [tools.dir], env: otherFormat };
  const runs = await alternate(place, {
    dbstash: () => place.dbstash(tinyDatabase, place.local, options),
    shell: () => place.shell(shellPipe, tinyDatabase, place.local, options),
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

async function phaseOf(place: Place, database: string, factor: number): Promise<void> {
  const stamp = 'date +%s%N >"$FAKE_DIR';
  using tools = fakeTools({
    pg_dump: `${stamp}/start"; exec ${join(place.server.binDir, "pg_dump")} "$@"`,
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
  heading(`dbstash's own process, zeros to ${place.local.title}`);
  for (const size of [0.1, 1, 5].map((factor) => factor * place.scale.megabytes * 1e6)) {
    using tools = zeroDump(size);
    const run = await place.dbstash(tinyDatabase, place.local, { path: [tools.dir], env: otherFormat });
    console.log(`${megabytes(size).padStart(10)}  ${run.seconds.toFixed(2)} s`);
    printOwn([run]);
  }
}

/** What a run costs where the dump costs nothing. */
async function tiny(place: Place): Promise<void> {
  const runs = await alternate(place, {
    dbstash: () => place.dbstash(tinyDatabase, place.local),
    shell: () => place.shell(shellPipe, tinyDatabase, place.local),
  });
  heading(`a tiny database to ${place.local.title}`);
  printPair(runs);
  const overhead = (seconds(runs.dbstash) - seconds(runs.shell)) * 1000;
  verdict("dbstash - shell, ms", overhead, 500);
  const processes = logLine(runs.dbstash[0], "rclone processes started")?.["count"];
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
  heading(`forms of a PostgreSQL backup, to ${place.local.title}, PostgreSQL ${place.server.major}`);
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
    stdout: other.stdout,
  };
}

/** Runs the variants in turn, so that what else the machine does meets all of them. */
async function alternate<Name extends string>(
  place: Place,
  variants: Readonly<Record<Name, () => Promise<Measured>>>,
): Promise<Record<Name, Measured[]>> {
  const names = Object.keys(variants) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as Measured[]])) as Record<
    Name,
    Measured[]
  >;
  for (let round = 0; round < place.scale.runs; round++) {
    for (const name of names) measured[name].push(await variants[name]());
  }
  return measured;
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

function seconds(runs: readonly Measured[]): number {
  return median(runs.map((run) => run.seconds));
}

function ratio(some: readonly Measured[], others: readonly Measured[]): number {
  return seconds(some) / seconds(others);
}

function logLine(run: Measured | undefined, message: string): Record<string, unknown> | undefined {
  const lines = (run?.stdout ?? "").split("\n").filter((line) => line.startsWith("{"));
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find((line) => line["msg"] === message);
}

function storedBytes(run: Measured | undefined): number {
  const bytes = logLine(run, "backup stored")?.["bytes"];
  if (typeof bytes !== "number") throw new Error(`no stored size in the log:\n${run?.stdout}`);
  return bytes;
}

function peakMiB(runs: readonly Measured[]): string {
  return (Math.max(...runs.map((run) => run.peakBytes)) / 1_048_576).toFixed(0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function heading(text: string): void {
  console.log(`\n== ${text}`);
}

function printPair(runs: Readonly<Record<"dbstash" | "shell", readonly Measured[]>>): void {
  for (const name of ["dbstash", "shell"] as const) {
    const all = runs[name].map((run) => run.seconds.toFixed(2)).join(" ");
    console.log(`${name.padEnd(8)} median ${seconds(runs[name]).toFixed(2)} s  (${all})`);
  }
}

function printOwn(runs: readonly Measured[]): void {
  const share = median(runs.map((run) => (100 * run.ownCpuSeconds) / run.cpuSeconds));
  const own = median(runs.map((run) => run.ownCpuSeconds));
  console.log(`own CPU ${own.toFixed(2)} s`);
  verdict("own share of the pipeline's CPU, %", share, 1);
  verdict("own memory (VmHWM), MiB", Number(peakMiB(runs)), 48);
}

/** Says whether a target was met; a benchmark reports, it does not fail. */
function verdict(what: string, value: number, limit: number): void {
  const shown = value.toFixed(2).replace(/\.00$/, "");
  console.log(`${value <= limit ? "met    " : "NOT MET"} ${what}: ${shown} (target: at most ${limit})`);
}
