import { openSync, closeSync, readFileSync } from "node:fs";
import { descendants, sendSignal } from "./procs.ts";
import { systemPath, waitFor } from "./run.ts";
import { nobody } from "./temp.ts";

/** A server under the test's control, with all processes it starts. */
export interface ServerProcess {
  readonly pid: number;
  /** All it has written to stdout and stderr so far. */
  output(): string;
  /** Asks it to end, waits for that, and kills what is left after 20 s; may be called twice. */
  stop(): Promise<void>;
  /** SIGKILL to the whole process tree; returns when it is gone. */
  kill9(): Promise<void>;
  /** SIGSTOP to the whole process tree. */
  pause(): void;
  /** SIGCONT to the whole process tree. */
  resume(): void;
}

export interface ServerOptions {
  readonly command: readonly string[];
  /** Where its stdout and stderr go. */
  readonly logFile: string;
  /** Whether it is started as root where the tests run as root; else as nobody. */
  readonly asRoot?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What makes it end in good order. */
  readonly stopSignal?: NodeJS.Signals;
  /** Asked until it answers true; what it throws is part of the error when it never does. */
  readonly isReady: (output: string) => boolean | Promise<boolean>;
  readonly timeoutMs?: number;
}

/**
 * What a command line begins with so that its process runs as nobody where the tests run as root, and gets a
 * signal when the test process dies. (The change of user would clear a death signal set before it.)
 */
export function asServerUser(asRoot = false, deathSignal: NodeJS.Signals = "SIGKILL"): string[] {
  const setpriv = ["setpriv", "--pdeathsig", deathSignal.replace("SIG", "")];
  if (asRoot || process.getuid?.() !== 0) return [...setpriv, "--"];
  return [...setpriv, "--reuid", String(nobody.uid), "--regid", String(nobody.gid), "--clear-groups", "--"];
}

/**
 * Starts a server and waits until it is ready; throws with the end of its output when it ends before, or is not
 * ready in time. The kernel ends it (with the stop signal) when the test process dies.
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { stopSignal = "SIGTERM", timeoutMs = 60_000 } = options;
  const log = openSync(options.logFile, "a");
  const child = Bun.spawn([...asServerUser(options.asRoot ?? false, stopSignal), ...options.command], {
    stdin: "ignore",
    stdout: log,
    stderr: log,
    cwd: options.cwd ?? "/",
    env: { PATH: systemPath, LANG: "C.UTF-8", ...options.env },
  });
  closeSync(log);
  const output = (): string => readFileSync(options.logFile, "utf8");
  const server = control(child, stopSignal, output);
  try {
    await waitFor(
      `${options.command[0]} to be ready`,
      () => hasEnded(child) || options.isReady(output()),
      timeoutMs,
    );
    if (hasEnded(child))
      throw new Error(`${options.command[0]} ended with ${child.exitCode ?? child.signalCode}`);
  } catch (error) {
    await server.kill9();
    throw new Error(`${(error as Error).message}\n${output().split("\n").slice(-15).join("\n")}`, {
      cause: error,
    });
  }
  return server;
}

type Child = Bun.Subprocess<"ignore", number, number>;

function control(child: Child, stopSignal: NodeJS.Signals, output: () => string): ServerProcess {
  const tree = (): number[] =>
    hasEnded(child) ? [] : [child.pid, ...descendants(child.pid).map((proc) => proc.pid)];
  const kill9 = async (): Promise<void> => {
    // Stopped first, from the top: a process that is being stopped starts no other.
    for (const pid of tree()) sendSignal(pid, "SIGSTOP");
    for (const pid of tree()) sendSignal(pid, "SIGKILL");
    await child.exited;
  };
  const resume = (): void => tree().forEach((pid) => sendSignal(pid, "SIGCONT"));
  return {
    pid: child.pid,
    output,
    kill9,
    resume,
    pause: () => tree().forEach((pid) => sendSignal(pid, "SIGSTOP")),
    stop: async () => {
      const others = descendants(child.pid).map((proc) => proc.pid);
      resume();
      child.kill(stopSignal);
      const timer = setTimeout(() => void kill9(), 20_000);
      await child.exited;
      clearTimeout(timer);
      // A session of a server that ended before it (sshd's) has nobody left to end it.
      for (const pid of others) sendSignal(pid, "SIGKILL");
    },
  };
}

function hasEnded(child: Child): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
