import { readdirSync, readFileSync } from "node:fs";
import { DbstashError, toProblem } from "../errors.ts";
import { drain } from "./drain.ts";
import { describeExit, type Exit, stuck, unstoppable } from "./exit.ts";
import type { Guard, Role } from "./guard.ts";
import { LineSplitter, Tail } from "./lines.ts";
import { lowerWeight } from "./weight.ts";

/** Writes its own number on the life line, then becomes the tool: no child runs that the guard does not know. */
const register = 'echo "$0 $$" >&3 && umask "$1" && shift && exec "$@" 3>&-';

/** Lines of a tool's messages that are kept for the error report. */
const keptLines = 20;

/** How long a child may take to end once it was killed. */
const killedMs = 3_000;

/** What to start. */
export interface SpawnRequest {
  /** As a warning names it; left out: by its file. */
  readonly title?: string;
  /** The executable, found on PATH before (see `findTool`). */
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A descriptor, bytes, or nothing. Our copy of a descriptor stays open. */
  readonly stdin?: number | Uint8Array;
  /** A descriptor to write to, or who takes the bytes; left out: thrown away. */
  readonly stdout?: number | ((bytes: Uint8Array) => void);
  /** More descriptors to write to: they become its 4, 5 and so on. */
  readonly outputs?: readonly number[];
  /** The mask of the rights of files that it makes; left out: dbstash's own. */
  readonly umask?: number;
  /** Sees each line of the tool's messages. */
  readonly onStderrLine?: (line: string) => void;
  readonly role: Role;
}

/** One child process, in a session and process group of its own. */
export class Child {
  readonly pid: number;
  /**
   * Resolves when the child has ended and its messages are read; with `unstoppable` when it was stopped and may not
   * be killed, with `stuck` when it was killed and does not end. Never rejects.
   */
  readonly exited: Promise<Exit>;
  readonly messages = new Tail(keptLines);
  readonly #role: Role;
  readonly #guard: Guard;
  readonly #end: (exit: Exit) => Promise<void>;
  readonly #title: string;
  #exit: Exit | null = null;

  constructor(shell: Bun.Subprocess, request: SpawnRequest, guard: Guard) {
    this.pid = shell.pid;
    this.#role = request.role;
    this.#guard = guard;
    this.#title = request.title ?? request.file.slice(request.file.lastIndexOf("/") + 1);
    const lines = new LineSplitter((line) => {
      this.messages.add(line);
      request.onStderrLine?.(line);
    });
    const readers = [drain(output(shell.stderr), (bytes) => lines.push(bytes))];
    if (typeof request.stdout === "function") readers.push(drain(output(shell.stdout), request.stdout));
    const { promise, resolve } = Promise.withResolvers<Exit>();
    this.exited = promise;
    this.#end = async (exit) => {
      if (this.#exit !== null) return;
      this.#exit = exit;
      await Promise.all(readers.map((reader) => reader.finish()));
      lines.end();
      resolve(exit);
    };
    void shell.exited.then(() => {
      guard.gone(this.pid);
      this.signal("SIGKILL");
      const signal = shell.signalCode;
      return this.#end(
        signal === null ? { code: shell.exitCode, signal } : { code: null, signal: String(signal) },
      );
    });
  }

  /** How it ended; null while it runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  /** Sends a signal to those of the child's process group that may be signalled; what runs as another user may not. */
  signal(name: "SIGTERM" | "SIGKILL"): void {
    reach(-this.pid, name);
  }

  /**
   * Ends the child: TERM, and KILL after `graceMs`. Resolves when it has ended, or can't be ended, which the guard is
   * told. For a sink an end of input would be the commit: while anybody of its process group lives the guard holds the
   * gate, even after the run.
   */
  async stop(graceMs: number): Promise<Exit> {
    if (this.#exit === null) {
      this.signal("SIGTERM");
      const killer = setTimeout(() => this.#kill(), graceMs);
      void this.exited.then(() => clearTimeout(killer));
    }
    const exit = await this.exited;
    const isLeft = exit === stuck || exit === unstoppable;
    if (!isLeft && (this.#role === "producer" || !isGroupDenied(this.pid))) return exit;
    const left = isLeft ? exit : unstoppable;
    this.#guard.outlives(`${this.#title} (process ${this.pid}) goes on: ${describeExit(left)}`);
    if (this.#role === "sink") this.#guard.outlive(this.pid);
    return left;
  }

  #kill(): void {
    this.signal("SIGKILL");
    if (reach(this.pid, 0) === "denied") return void this.#end(unstoppable);
    const late = setTimeout(() => void this.#end(stuck), killedMs);
    void this.exited.then(() => clearTimeout(late));
  }
}

/** Signals a process, or with a negative number a group; 0 only asks (kill(2)). `denied`: all of it is another user's. */
function reach(target: number, signal: "SIGTERM" | "SIGKILL" | 0): "reached" | "denied" | "gone" {
  try {
    process.kill(target, signal);
    return "reached";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "gone" : "denied";
  }
}

/** Whether somebody lives in a process group who may not be killed. */
function isGroupDenied(group: number): boolean {
  const answer = reach(-group, 0);
  if (answer !== "reached") return answer === "denied";
  // One who may be killed, a zombie too, hides those who may not.
  return numbersOfProcesses().some((pid) => isAliveIn(group, pid) && reach(pid, 0) === "denied");
}

function numbersOfProcesses(): number[] {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    // No /proc: what the group as a whole answered has to do.
    return [];
  }
}

/** Whether a process is of the group, and no zombie (proc_pid_stat(5): state, ppid, pgrp after the name). */
function isAliveIn(group: number, pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
    return pgrp === String(group) && state !== "Z";
  } catch {
    // Gone while we looked.
    return false;
  }
}

/**
 * Starts a child under the guard. This is the only place that starts one (but for the guard itself).
 * @throws DbstashError when it can't be started, or the guard was killed
 */
export function spawn(request: SpawnRequest, guard: Guard): Child {
  const stdout = typeof request.stdout === "function" ? "pipe" : (request.stdout ?? "ignore");
  const umask = (request.umask ?? process.umask()).toString(8).padStart(3, "0");
  if (guard.isLost) throw guard.lossOf();
  try {
    const shell = Bun.spawn(["sh", "-c", register, request.role, umask, request.file, ...request.args], {
      stdio: [request.stdin ?? "ignore", stdout, "pipe", guard.lifeFd, ...(request.outputs ?? [])],
      env: request.env,
      detached: true,
    });
    const child = new Child(shell, request, guard);
    lowerWeight(child.pid, () => child.exit === null);
    return child;
  } catch (error) {
    throw new DbstashError(`can't start ${request.file}`, undefined, toProblem(error).message);
  }
}

/**
 * The first of these tools that is on PATH, as a full path.
 * @throws DbstashError that names them
 */
export function findTool(tools: readonly string[], path: string | undefined): string {
  for (const tool of tools) {
    const found = Bun.which(tool, path === undefined ? {} : { PATH: path });
    if (found !== null) return found;
  }
  throw new DbstashError(
    `${tools.join(" or ")} was not found on PATH`,
    "install it, or use the dbstash image, which has the tools it needs",
  );
}

/** What is piped is a stream, which the type of a child started with any streams can't tell. */
function output(stream: Bun.Subprocess["stdout"]): ReadableStream<Uint8Array> {
  if (stream instanceof ReadableStream) return stream;
  throw new DbstashError("a child's output is no stream");
}
