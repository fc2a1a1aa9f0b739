import { rmSync } from "node:fs";
import { DbstashError } from "../errors.ts";
import { capture } from "../process/capture.ts";
import { type Exit, succeeded } from "../process/exit.ts";
import { Tail } from "../process/lines.ts";
import { findTool, type SpawnRequest } from "../process/spawn.ts";
import { spoolDir, type Workshop, writePrivateFile } from "../process/workshop.ts";
import type { ConfigSource } from "./config-source.ts";
import { rcloneEnvironment } from "./rclone-environment.ts";
import type { ExtraArgs } from "./extra-args.ts";
import type { RemoteFeatures } from "./features.ts";
import { parseRcloneLine, type RcloneLine } from "./log.ts";
import type { Remote } from "./remote.ts";

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

/** How a command ended, and what it said. */
export interface RcloneOutcome {
  readonly exit: Exit;
  readonly stdout: Uint8Array;
  readonly messages: Tail;
}

/** An rclone to be started: its request, its words, and what to call when it has ended. */
export interface RcloneStart {
  readonly request: Omit<SpawnRequest, "role" | "stdout">;
  readonly messages: Tail;
  readonly done: () => void;
}

/** Starts rclone with the configuration, environment and flags that all of its commands have in common. */
export class RcloneRunner {
  readonly setup: RcloneSetup;
  readonly #workshop: Workshop;
  readonly #file: string;
  #copies = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #started = 0;

  /** @throws DbstashError when rclone is not on PATH */
  constructor(setup: RcloneSetup, workshop: Workshop) {
    this.setup = setup;
    this.#workshop = workshop;
    this.#file = findTool(["rclone"], workshop.env["PATH"]);
  }

  /** How many processes were started so far. */
  get started(): number {
    return this.#started;
  }

  /**
   * Runs a command to its end, within two minutes. Those that share one writable config take turns: rclone renames the
   * file away while it saves.
   * @throws DbstashError when that took too long or it printed too much; the signal's reason when that ended it
   */
  async call(args: readonly string[], signal: AbortSignal, stdin?: Uint8Array): Promise<RcloneOutcome> {
    if (this.setup.config.kind !== "inPlace") return this.#run(args, signal, stdin);
    const turn = this.#queue.then(() => this.#run(args, signal, stdin));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** What to start for a command, and who reads its messages. */
  start(
    args: readonly string[],
    parts: Pick<SpawnRequest, "stdin"> & { onLine?: (line: RcloneLine) => void },
  ): RcloneStart {
    const { onLine, ...streams } = parts;
    const { remote, extraArgs } = this.setup;
    const messages = new Tail(20);
    const config = this.#configPath();
    this.#started += 1;
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

  async #run(args: readonly string[], signal: AbortSignal, stdin?: Uint8Array): Promise<RcloneOutcome> {
    const [verb = ""] = args;
    const input = stdin === undefined ? {} : { stdin };
    const { request, messages, done } = this.start([...args, "--use-json-log"], input);
    const limits = { graceMs: stopGraceMs, limitMs: callLimitMs, maxBytes: outputLimitBytes };
    try {
      const { exit, stdout, isLate, isCut } = await capture(
        { ...request, ...limits },
        this.#workshop.guard,
        signal,
      );
      if (isCut) throw new DbstashError(`rclone ${verb} printed more than ${outputLimitBytes} bytes`);
      if (isLate && !succeeded(exit))
        throw new DbstashError(`rclone ${verb} took longer than ${callLimitMs / 1000} s`);
      return { exit, stdout, messages };
    } finally {
      done();
    }
  }

  #configPath(): { path: string; done: () => void } {
    const { config } = this.setup;
    if (config.kind === "none") return { path: "", done: () => undefined };
    if (config.kind === "inPlace") return { path: config.path, done: () => undefined };
    const path = `${this.#workshop.privateDir}/rclone-${(this.#copies += 1)}.conf`;
    writePrivateFile(path, config.text.reveal());
    return { path, done: () => rmSync(path, { force: true }) };
  }
}
