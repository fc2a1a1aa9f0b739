import { readdirSync, readFileSync } from "node:fs";
import { waitFor } from "./run.ts";

/** A process as /proc shows it. */
export interface Proc {
  readonly pid: number;
  readonly ppid: number;
  /** One letter: R, S, D, T (stopped), Z (ended, not yet waited for) … */
  readonly state: string;
  /** The short name of the executable. */
  readonly command: string;
  readonly argv: readonly string[];
  /** The environment it was started with; empty where it may not be read. */
  readonly environ: Readonly<Record<string, string>>;
}

/** The variable that marks a run of dbstash and everything it starts. */
export const testIdVariable = "DBSTASH_TEST_ID";

/** All processes of the machine, zombies too. */
export function listProcs(): Proc[] {
  return pids().flatMap((pid) => readProc(pid) ?? []);
}

/** The living processes that carry the mark of one run. */
export function marked(id: string): Proc[] {
  const mark = `${testIdVariable}=${id}`;
  // One small file per process of the machine: this is done many times a second.
  const own = pids().filter((pid) => words(readProcFile(pid, "environ")).includes(mark));
  return own.flatMap((pid) => readProc(pid) ?? []).filter((proc) => proc.state !== "Z");
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The living children of a process, their children, and so on. */
export function descendants(pid: number): Proc[] {
  const all = listProcs();
  const below = (parent: number): Proc[] =>
    all.filter((proc) => proc.ppid === parent).flatMap((proc) => [proc, ...below(proc.pid)]);
  return below(pid).filter((proc) => proc.state !== "Z");
}

/** Waits until no process of the run is alive; throws with their command lines when some stay. */
export async function waitUntilGone(id: string, timeoutMs = 10_000): Promise<void> {
  await waitFor(
    `the end of every process of run ${id}`,
    () => {
      const alive = marked(id).map((proc) => `${proc.pid} ${proc.argv.join(" ")}`);
      if (alive.length > 0) throw new Error(alive.join("; "));
      return true;
    },
    timeoutMs,
  );
}

/** Sends a signal to a process that may be gone by now. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** What could be seen of a run's processes from outside while it went on. */
export interface Sampled<T> {
  readonly result: T;
  /** Distinct command lines, words joined by spaces. */
  readonly commandLines: readonly string[];
}

/** Reads the command lines of every process of a run over and over, from now until the work is done. */
export async function sampleCommandLines<T>(
  id: string,
  during: Promise<T>,
  everyMs = 10,
): Promise<Sampled<T>> {
  const commandLines = new Set<string>();
  const sample = (): void => marked(id).forEach((proc) => commandLines.add(proc.argv.join(" ")));
  sample();
  const sampler = setInterval(sample, everyMs);
  try {
    return { result: await during, commandLines: [...commandLines] };
  } finally {
    clearInterval(sampler);
  }
}

/** A process may end at any moment: between the listing of /proc and this, or between two of its files. */
function readProc(pid: number): Proc | undefined {
  const stat = readProcFile(pid, "stat");
  const parsed = /^\d+ \((?<command>.*)\) (?<state>\S) (?<ppid>\d+) /s.exec(stat)?.groups;
  if (parsed === undefined) return undefined;
  return {
    pid,
    ppid: Number(parsed["ppid"]),
    state: parsed["state"] ?? "",
    command: parsed["command"] ?? "",
    argv: words(readProcFile(pid, "cmdline")),
    environ: Object.fromEntries(words(readProcFile(pid, "environ")).map((word) => splitOnce(word, "="))),
  };
}

function readProcFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    // Gone by now, or another user's environment: there is nothing to read.
    return "";
  }
}

function words(text: string): string[] {
  return text === "" ? [] : text.replace(/\0$/, "").split("\0");
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
