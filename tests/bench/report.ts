import { type Measured, median } from "./measure.ts";
import type { Place } from "./place.ts";

/** Runs the variants in turn, so that what else the machine does meets all of them. */
export async function alternate<Name extends string>(
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

export function seconds(runs: readonly Measured[]): number {
  return median(runs.map((run) => run.seconds));
}

export function ratio(some: readonly Measured[], others: readonly Measured[]): number {
  return seconds(some) / seconds(others);
}

/** The first line of a JSON log with this message. */
export function logLine(log: string, message: string): Record<string, unknown> | undefined {
  const lines = log.split("\n").filter((line) => line.startsWith("{"));
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find((line) => line["msg"] === message);
}

export function storedBytes(run: Measured | undefined): number {
  const bytes = logLine(run?.stdout ?? "", "backup stored")?.["bytes"];
  if (typeof bytes !== "number") throw new Error(`no stored size in the log:\n${run?.stdout}`);
  return bytes;
}

export function peakMiB(runs: readonly Measured[]): string {
  return (Math.max(...runs.map((run) => run.peakBytes)) / 1_048_576).toFixed(0);
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

export function heading(text: string): void {
  console.log(`\n== ${text}`);
}

export function printPair(runs: Readonly<Record<"dbstash" | "shell", readonly Measured[]>>): void {
  for (const name of ["dbstash", "shell"] as const) {
    const all = runs[name].map((run) => run.seconds.toFixed(2)).join(" ");
    console.log(`${name.padEnd(8)} median ${seconds(runs[name]).toFixed(2)} s  (${all})`);
  }
}

export function printOwn(runs: readonly Measured[]): void {
  const share = median(runs.map((run) => (100 * run.ownCpuSeconds) / run.cpuSeconds));
  const own = median(runs.map((run) => run.ownCpuSeconds));
  console.log(`own CPU ${own.toFixed(2)} s`);
  verdict("own share of the pipeline's CPU, %", share, 1);
  verdict("own memory (VmHWM), MiB", Number(peakMiB(runs)), 48);
}

/** Says whether a target was met; a benchmark reports, it does not fail. */
export function verdict(what: string, value: number, limit: number): void {
  const shown = value.toFixed(2).replace(/\.00$/, "");
  console.log(`${value <= limit ? "met    " : "NOT MET"} ${what}: ${shown} (target: at most ${limit})`);
}
