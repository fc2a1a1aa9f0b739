import { createServer } from "node:net";

/** How a command ended and what it said. */
export interface RunResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The whole environment; by default one with a PATH and nothing else. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly stdinFile?: string;
  /** Where stdout goes instead of into the result. */
  readonly stdoutFile?: string;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** The folders of a plain system's PATH. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs a command to its end, whatever its exit code; throws only when it can't be started or runs into the timeout. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { stdin, stdinFile, stdoutFile, cwd, timeoutMs = 60_000 } = options;
  const child = Bun.spawn([...command], {
    env: options.env ?? { PATH: systemPath, LANG: "C.UTF-8" },
    stdin:
      stdinFile === undefined ? (stdin === undefined ? "ignore" : new Blob([stdin])) : Bun.file(stdinFile),
    stdout: stdoutFile === undefined ? "pipe" : Bun.file(stdoutFile),
    stderr: "pipe",
    ...(cwd === undefined ? {} : { cwd }),
  });
  const output = child.stdout instanceof ReadableStream ? new Response(child.stdout).text() : "";
  const ended = Promise.all([output, new Response(child.stderr).text(), child.exited]);
  const [stdout, stderr] = await within(ended, timeoutMs, command[0] ?? "").catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  const signal = child.signalCode === null ? null : String(child.signalCode);
  return { exitCode: signal === null ? child.exitCode : null, signal, stdout, stderr };
}

/** Runs a command that must succeed, and returns its stdout; throws with its stderr when it doesn't. */
export async function runOk(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, options);
  if (result.exitCode === 0) return result.stdout;
  throw new Error(`${command[0]} ended with ${result.exitCode ?? result.signal}: ${result.stderr.trim()}`);
}

/**
 * Asks until the answer is neither undefined nor false, and returns it. A probe that throws counts as no answer
 * yet; what it threw last is part of the error when the time is over.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs;
  let reason = "";
  do {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      reason = `: ${(error as Error).message}`;
    }
    await Bun.sleep(10);
  } while (Date.now() < deadlineMs);
  throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}${reason}`);
}

/** Below those that the kernel gives to whoever asks for any (ip(7), `ip_local_port_range`). */
const [lowestPort, highestPort] = [10_000, 32_000];

/**
 * A loopback port nobody listens on at the moment, and that nobody is given before its server has begun to listen: the
 * suite that runs beside this one takes the odd ones where this one takes the even, and the kernel gives neither.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const pair = lowestPort + 2 * Math.floor((Math.random() * (highestPort - lowestPort)) / 2);
    const port = pair + (process.pid % 2);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

async function within<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} ran longer than ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
