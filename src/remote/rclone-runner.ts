import { rmSync } from "node:fs";
import { DbstashError } from "../errors.ts";
import { capture } from "../process/capture.ts";
import { type Exit, succeeded } from "../process/exit.ts";
import { Tail } from "../process/lines.ts";
import { findTool, type SpawnRequest } from "../process/spawn.ts";
import { spoolDir, type Workshop } from "../process/workshop.ts";
import { configOrigin, configPath, type ConfigSource } from "./config-source.ts";
import { rcloneEnvironment } from "./rclone-environment.ts";
import type { ExtraArgs } from "./extra-args.ts";
import type { RemoteFeatures } from "./features.ts";
import { parseRcloneLine, type RcloneLine } from "./log.ts";
import { lastWords, rcloneHint } from "./rclone-failure.ts";
import type { Turns } from "./turns.ts";
import { addressed, type Remote, withoutAlias } from "./remote.ts";

/** Everything short of moving the dump itself ends within this. */
const callLimitMs = 120_000;
/** How long a stopped rclone gets to abort an upload. */
export const stopGraceMs = 5_000;
/** A listing of some 100,000 entries; more would be a folder that is not ours. */
const outputLimitBytes = 64 * 1024 * 1024;

/** Without an answer for so long, somebody may want to know. */
const slowMs = 10_000;

/** A command printed more than can be held: a folder with far too much in it. */
export class TooMuchOutput extends DbstashError {
  override readonly name = "TooMuchOutput";

  constructor(verb: string) {
    super(
      `rclone ${verb} printed more than ${outputLimitBytes / 1024 / 1024} MiB`,
      "give each job a folder of its own in RCLONE_REMOTE (--rclone-remote)",
    );
  }
}

/** While it tries again and again, rclone says nothing. */
function late(verb: string, messages: Tail): DbstashError {
  const words = lastWords(messages) || "rclone said nothing";
  const hint =
    rcloneHint(messages.toString()) ?? "the remote takes connections and does not answer, or refuses them";
  return new DbstashError(`rclone ${verb} took longer than ${callLimitMs / 1000} s`, hint, words);
}

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
  /** Where its configuration comes from, for people; null for none. */
  readonly configured: string | null;
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
  readonly #onSlow: (verb: string) => void;
  readonly #turns: Turns;
  #started = 0;

  /** @param onSlow told when a command has had no answer for ten seconds. @throws DbstashError when rclone is not on PATH */
  constructor(setup: RcloneSetup, workshop: Workshop, onSlow: (verb: string) => void, turns: Turns) {
    this.#turns = turns;
    this.setup = setup;
    this.#onSlow = onSlow;
    this.#workshop = workshop;
    this.#file = findTool(["rclone"], workshop.env["PATH"]);
  }

  /** How many processes were started so far. */
  get started(): number {
    return this.#started;
  }

  /**
   * Runs a command to its end, within two minutes. Those that share one writable config take turns.
   * @throws DbstashError when that took too long or it printed too much; the signal's reason when that ended it
   */
  async call(args: readonly string[], signal: AbortSignal, stdin?: Uint8Array): Promise<RcloneOutcome> {
    if (this.setup.config.kind !== "inPlace") return this.#run(args, signal, stdin);
    return this.#turns.take(() => this.#run(args, signal, stdin));
  }

  /** See `Guard.recover`. */
  recover(): void {
    this.#workshop.guard.recover();
  }

  /** What to start for a command, and who reads its messages. */
  start(
    args: readonly string[],
    parts: Pick<SpawnRequest, "stdin"> & { onLine?: (line: RcloneLine) => void },
  ): RcloneStart {
    const { onLine, ...streams } = parts;
    const { remote, extraArgs } = this.setup;
    const address = addressed(remote, args);
    const messages = new Tail(20);
    const config = this.#configPath();
    this.#started += 1;
    const request = {
      ...streams,
      file: this.#file,
      umask: this.#workshop.umask,
      args: [...address.args, "--config", config.path, "--ask-password=false", ...extraArgs.args],
      env: {
        ...rcloneEnvironment(this.#workshop.env, spoolDir(this.#workshop.privateDir)),
        ...address.env,
        ...extraArgs.env,
      },
      onStderrLine: (text: string) => {
        const line = parseRcloneLine(withoutAlias(remote, text));
        if (line.kind === "continuation") messages.extend(line.text);
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
    const patience = ["--low-level-retries=5", "--contimeout=20s"];
    const { request, messages, done } = this.start([...args, "--use-json-log", ...patience], input);
    const slow = setTimeout(() => this.#onSlow(verb), slowMs);
    const limits = { graceMs: stopGraceMs, limitMs: callLimitMs, maxBytes: outputLimitBytes };
    try {
      const { exit, stdout, isLate, isCut } = await capture(
        { ...request, ...limits },
        this.#workshop.guard,
        signal,
      );
      if (isCut) throw new TooMuchOutput(verb);
      if (isLate && !succeeded(exit)) throw late(verb, messages);
      return { exit, stdout, messages, configured: configOrigin(this.setup.config) };
    } finally {
      clearTimeout(slow);
      done();
    }
  }

  #configPath(): { path: string; done: () => void } {
    // Each place has a runner, and all of them one folder.
    const path = configPath(this.setup.config, this.#workshop, `rclone-${crypto.randomUUID()}.conf`);
    const isCopy = this.setup.config.kind === "copied";
    return {
      path: path ?? "",
      done: () => (isCopy && path !== null ? rmSync(path, { force: true }) : undefined),
    };
  }
}
