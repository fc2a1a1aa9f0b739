import { closeSync, openSync, readFileSync } from "node:fs";

/** What one command cost. */
export interface Measured {
  readonly seconds: number;
  /** CPU of the command and of everything it started and waited for. */
  readonly cpuSeconds: number;
  /** CPU of the command's own process, sampled: its last moments may be missing. */
  readonly ownCpuSeconds: number;
  /** Most resident memory of the command's own process (VmHWM). */
  readonly peakBytes: number;
  /** Most resident memory of any one process among it and its children. */
  readonly largestBytes: number;
  readonly stdout: string;
  /** Of what stood in the target at the end; 0 where nothing was looked at. */
  readonly targetBytes: number;
}

interface Sample {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

const sampleEveryMs = 20;
/** A run that hangs is killed, and fails. */
const limitMs = 900_000;
/** USER_HZ: the unit of /proc/PID/stat on every Linux that Bun runs on (proc(5)). */
const ticksPerSecond = 100;

/**
 * Runs a command and measures it.
 * @param logFile where its stdout and stderr go
 * @throws Error with its output when it does not exit 0: a failed run must not count as a fast one
 */
export async function measure(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  logFile: string,
): Promise<Measured> {
  const log = openSync(logFile, "w");
  const startedMs = performance.now();
  const child = Bun.spawn([...command], { stdio: ["ignore", log, log], env });
  closeSync(log);
  let sample: Sample = { cpuSeconds: 0, peakBytes: 0 };
  const timer = setInterval(() => {
    sample = takeSample(child.pid) ?? sample;
  }, sampleEveryMs);
  const late = setTimeout(() => child.kill("SIGKILL"), limitMs);
  await child.exited;
  clearTimeout(late);
  const seconds = (performance.now() - startedMs) / 1000;
  clearInterval(timer);
  const stdout = readFileSync(logFile, "utf8");
  if (child.exitCode !== 0)
    throw new Error(`${command[0]} ended with ${child.exitCode ?? child.signalCode}:\n${stdout}`);
  const cpuMicroseconds = child.resourceUsage()?.cpuTime.total ?? 0n;
  return {
    seconds,
    cpuSeconds: Number(cpuMicroseconds) / 1e6,
    ownCpuSeconds: sample.cpuSeconds,
    peakBytes: sample.peakBytes,
    largestBytes: child.resourceUsage()?.maxRSS ?? 0,
    stdout,
    targetBytes: 0,
  };
}

/** The middle of the values; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new Error("no values");
  return (low + high) / 2;
}

/** Undefined when the process is gone, or has ended and only its number is left. */
function takeSample(pid: number): Sample | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    if (peak === undefined) return undefined;
    // The name, in parentheses, may hold blanks: fields are counted after it; utime and stime are 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
      peakBytes: Number(peak) * 1024,
    };
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
