import { rmSync } from "node:fs";
import type { ListingEntry } from "../catalog.ts";
import { DbstashError } from "../errors.ts";
import { Tail } from "../process/lines.ts";
import { type Exit, succeeded } from "../process/exit.ts";
import { type Child, findTool, spawn, type SpawnRequest } from "../process/spawn.ts";
import { spoolDir, type Workshop, writePrivateFile } from "../process/workshop.ts";
import type { ConfigSource } from "./config-source.ts";
import { rcloneEnvironment } from "./environment.ts";
import type { ExtraArgs } from "./extra-args.ts";
import { failure } from "./failure.ts";
import { parseFeatures, type RemoteFeatures } from "./features.ts";
import { parseListing, parseRcloneLine, parseStat, type RcloneLine } from "./log.ts";
import { folderPath, type Remote } from "./remote.ts";

/** Everything short of moving the dump itself ends within this. */
const callLimitMs = 120_000;
/** How long a stopped rclone gets to abort an upload. */
export const stopGraceMs = 5_000;
/** A listing of some 100,000 entries; more would be a folder that is not ours. */
const outputLimitBytes = 64 * 1024 * 1024;

/** What an rclone is made of, settled once per run. */
export interface RcloneSetup {
  readonly remote: Remote;
  readonly config: ConfigSource;
  readonly extraArgs: ExtraArgs;
  /** Null where the remote has to be asked. */
  readonly features: RemoteFeatures | null;
}

interface RcloneOutcome {
  readonly exit: Exit;
  readonly stdout: Uint8Array;
  readonly messages: Tail;
}

/** rclone's commands, each one process. Paths are complete ones (see `joinRemote`). */
export class Rclone {
  readonly #setup: RcloneSetup;
  readonly #workshop: Workshop;
  readonly #file: string;
  #copies = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #calls = 0;

  /** @throws DbstashError when rclone is not on PATH */
  constructor(setup: RcloneSetup, workshop: Workshop) {
    this.#setup = setup;
    this.#workshop = workshop;
    this.#file = findTool(["rclone"], workshop.env["PATH"]);
  }

  /** How many processes were started so far. */
  get calls(): number {
    return this.#calls;
  }

  /**
   * What the remote can do: asked for unless it is known. `folder` is asked with a slash at its end: without one
   * S3 and WebDAV are called.
   */
  async features(folder: string, signal: AbortSignal): Promise<RemoteFeatures> {
    if (this.#setup.features !== null) return this.#setup.features;
    const outcome = await this.#succeed(["backend", "features", folderPath(folder)], signal);
    return parseFeatures(decode(outcome.stdout));
  }

  /**
   * Lists a folder; one that does not exist is empty.
   * @param flags further lsjson flags; without times unless they ask for them
   */
  async list(folder: string, flags: readonly string[], signal: AbortSignal): Promise<ListingEntry[]> {
    const args = ["lsjson", folderPath(folder), "--no-mimetype", ...flags];
    const outcome = await this.#call(args, signal);
    if (outcome.exit.code === 3) return [];
    if (!succeeded(outcome.exit)) throw failure("can't list the remote folder", outcome);
    return parseListing(decode(outcome.stdout));
  }

  /** A file's size in bytes; null when there is none. */
  async size(path: string, signal: AbortSignal): Promise<number | null> {
    const args = ["lsjson", path, "--stat", "--files-only", "--no-modtime", "--no-mimetype"];
    return parseStat(decode((await this.#succeed(args, signal)).stdout));
  }

  /** Bytes of a file: `flags` are `--tail`, or `--offset` and `--count`. */
  async read(path: string, flags: readonly string[], signal: AbortSignal): Promise<Uint8Array> {
    return (await this.#succeed(["cat", path, ...flags], signal)).stdout;
  }

  /**
   * Renames on the remote, over whatever stands there. Without `--no-check-dest` rclone takes an old file of the same
   * size for the new one, and removes the new one.
   */
  async move(from: string, to: string, signal: AbortSignal): Promise<void> {
    await this.#succeed(["moveto", from, to, "--no-check-dest", "--retries", "1"], signal);
  }

  /** Removes a file; one that is not there is no error. */
  async remove(path: string, signal: AbortSignal): Promise<void> {
    const outcome = await this.#call(["deletefile", path, "--retries", "1"], signal);
    if (!succeeded(outcome.exit) && !wasMissing(outcome)) throw failure("can't remove a file", outcome);
  }

  /**
   * Removes files of a folder, however many, by one process; names go in as they are, one a line
   * (`--files-from-raw`, so that no name is read as a pattern). Those that are not there are no error.
   */
  async removeAll(folder: string, names: readonly string[], signal: AbortSignal): Promise<void> {
    if (names.length === 0) return;
    const stdin = new TextEncoder().encode(names.map((name) => `${name}\n`).join(""));
    const args = ["delete", folderPath(folder), "--files-from-raw", "-", "--retries", "1"];
    await this.#succeed(args, signal, stdin);
  }

  /**
   * Removes a folder and all in it; one that is not there is no error.
   * @throws DbstashError for a path without a folder's name in it
   */
  async removeFolder(path: string, signal: AbortSignal): Promise<void> {
    if (/(^|[/:])$/.test(path)) throw new DbstashError("refuses to remove the remote's own folder");
    const outcome = await this.#call(["purge", path, "--retries", "1"], signal);
    if (!succeeded(outcome.exit) && !wasMissing(outcome)) throw failure("rclone purge failed", outcome);
  }

  /** What to start for an upload from standard input, and who reads its messages. */
  upload(
    path: string,
    flags: readonly string[],
    stdin: number,
    onLine: (line: RcloneLine) => void,
  ): { request: SpawnRequest; messages: Tail; done: () => void } {
    return this.#request(["rcat", path, "--use-json-log", ...flags], { stdin, role: "sink", onLine });
  }

  /** What to start for the upload of a local folder's files into a remote folder, and who reads its messages. */
  copy(
    from: string,
    to: string,
    flags: readonly string[],
    onLine: (line: RcloneLine) => void,
  ): { request: SpawnRequest; messages: Tail; done: () => void } {
    return this.#request(["copy", from, to, "--use-json-log", ...flags], { role: "sink", onLine });
  }

  /** Writes a small file, over whatever stands there. */
  async write(path: string, content: string, flags: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#succeed(["rcat", path, ...flags], signal, new TextEncoder().encode(content));
  }

  /** Runs a command to its end, within the limit. @throws DbstashError with rclone's words unless it exits 0 */
  async #succeed(args: readonly string[], signal: AbortSignal, stdin?: Uint8Array): Promise<RcloneOutcome> {
    const outcome = await this.#call(args, signal, stdin);
    if (!succeeded(outcome.exit)) throw failure(`rclone ${args[0]} failed`, outcome);
    return outcome;
  }

  /** Processes that share one writable config take turns: rclone renames the file away while it saves. */
  async #call(args: readonly string[], signal: AbortSignal, stdin?: Uint8Array): Promise<RcloneOutcome> {
    if (this.#setup.config.kind !== "inPlace") return this.#run(args, signal, stdin);
    const turn = this.#queue.then(() => this.#run(args, signal, stdin));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #run(args: readonly string[], signal: AbortSignal, stdin?: Uint8Array): Promise<RcloneOutcome> {
    signal.throwIfAborted();
    const parts: Uint8Array[] = [];
    let size = 0;
    const { request, messages, done } = this.#request([...args, "--use-json-log"], {
      role: "producer",
      ...(stdin === undefined ? {} : { stdin }),
      stdout: (bytes) => {
        size += bytes.length;
        if (size <= outputLimitBytes) parts.push(bytes);
      },
    });
    const child = spawn(request, this.#workshop.guard);
    try {
      const exit = await this.#within(child, args[0] ?? "", signal);
      if (size > outputLimitBytes)
        throw new DbstashError(`rclone ${args[0]} printed more than ${outputLimitBytes} bytes`);
      return { exit, stdout: Buffer.concat(parts), messages };
    } finally {
      done();
    }
  }

  async #within(child: Child, verb: string, signal: AbortSignal): Promise<Exit> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(callLimitMs)]);
    const stop = () => void child.stop(stopGraceMs);
    limit.addEventListener("abort", stop);
    const exit = await child.exited;
    limit.removeEventListener("abort", stop);
    signal.throwIfAborted();
    if (limit.aborted && !succeeded(exit))
      throw new DbstashError(`rclone ${verb} took longer than ${callLimitMs / 1000} s`);
    return exit;
  }

  #request(
    args: readonly string[],
    parts: Pick<SpawnRequest, "stdin" | "stdout" | "role"> & { onLine?: (line: RcloneLine) => void },
  ): { request: SpawnRequest; messages: Tail; done: () => void } {
    const { onLine, ...streams } = parts;
    const { remote, extraArgs } = this.#setup;
    const messages = new Tail(20);
    const config = this.#configPath();
    this.#calls += 1;
    const request = {
      ...streams,
      file: this.#file,
      args: [...args, "--config", config.path, "--ask-password=false", ...extraArgs.args],
      env: {
        ...rcloneEnvironment(this.#workshop.env, spoolDir(this.#workshop.privateDir)),
        ...remote.env,
        ...extraArgs.env,
      },
      onStderrLine: (text: string) => {
        const line = parseRcloneLine(text);
        if (line.kind === "message" && line.level !== "info" && line.level !== "debug")
          messages.add(line.text);
        onLine?.(line);
      },
    };
    return { request, messages, done: config.done };
  }

  #configPath(): { path: string; done: () => void } {
    const { config } = this.#setup;
    if (config.kind === "none") return { path: "", done: () => undefined };
    if (config.kind === "inPlace") return { path: config.path, done: () => undefined };
    const path = `${this.#workshop.privateDir}/rclone-${(this.#copies += 1)}.conf`;
    writePrivateFile(path, config.text.reveal());
    return { path, done: () => rmSync(path, { force: true }) };
  }
}

/**
 * Whether what was to be removed was not there: by rclone's exit codes 3 (folder) and 4 (file), or by the end of its
 * words where a release or a backend has no code for it. A host that is not found is something else.
 */
function wasMissing({ exit, messages }: RcloneOutcome): boolean {
  if (exit.code === 3 || exit.code === 4) return true;
  return missingWords.test(messages.lines.at(-1) ?? "");
}

const missingWords =
  /((^|: )(object|directory) not found|is a directory or doesn't exist|: l?stat [^:]+: no such file or directory)$/;

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
