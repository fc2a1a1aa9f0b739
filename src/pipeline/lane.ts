import { DbstashError, errorOf, toProblem } from "../errors.ts";
import { stuck, succeeded, unstoppable } from "../process/exit.ts";
import type { KernelPipe } from "../process/pipe.ts";
import { orAborted } from "../process/waiting.ts";
import { stopGraceMs } from "../remote/rclone-runner.ts";
import { sinkFailure } from "./cause.ts";
import type { Sink } from "./stage.ts";
import { Standstill, type StandstillLimits, stoodStill } from "./standstill.ts";

/** One upload of a stream, to one of its places. */
export interface Upload {
  /** Which of the gates is its own. */
  readonly gate: number;
  /** Starts it with the read end of its gate. */
  start(stdin: number): Sink;
  /** The last look at its place before the commit: null, or why it may not take what is about to be stored. */
  refusal(): Promise<DbstashError | null>;
  /** How many bytes it has taken so far. */
  bytes(): number;
  /** After the end of input its bytes move unseen. */
  readonly endsUnseen: boolean;
  /** It is out before the end of input, and its process has ended. */
  onOut(cause: DbstashError): void;
}

/** What became of an upload that has seen the end of input. */
export interface Ended<U extends Upload> {
  readonly upload: U;
  /** Null when it ended well. */
  readonly failure: DbstashError | null;
}

/** An upload at work behind its gate. */
export class Lane<U extends Upload> {
  readonly upload: U;
  readonly gate: KernelPipe;
  readonly sink: Sink;
  /** Resolves when its process has ended, and whoever is to know of that was told. */
  readonly settled: Promise<void>;
  #state: "open" | "held" | "out" | "ending" = "open";
  readonly #onLeft: () => void;
  #cause: DbstashError | null = null;

  /** @param onLeft told when it was to be stopped and lives on, with its pipe's read end in its hand */
  constructor(upload: U, gate: KernelPipe, sink: Sink, onLeft: () => void) {
    this.#onLeft = onLeft;
    this.upload = upload;
    this.gate = gate;
    this.sink = sink;
    this.settled = sink.child.exited.then(() => {
      if (this.#state !== "open") return;
      this.#state = "out";
      upload.onOut(this.#cause ?? sinkFailure(sink));
    });
  }

  /** Whether it may see the end of input: what has ended before that can't have taken all of it. */
  isLive(): boolean {
    return this.#state === "open" && this.#cause === null && this.sink.child.exit === null;
  }

  isEnding(): boolean {
    return this.#state === "ending";
  }

  /** The whole stream is given up: this one's end is no failure of its own. @returns whether it was still in the stream */
  hold(): boolean {
    if (this.#state !== "open") return false;
    this.#state = "held";
    return true;
  }

  /** Ends it before its time. */
  async stop(cause: DbstashError): Promise<void> {
    this.#cause ??= cause;
    const exit = await this.sink.child.stop(stopGraceMs);
    if ((exit === stuck || exit === unstoppable) && !this.isEnding()) this.#onLeft();
    await this.settled;
  }

  /** Ends it where its place may not take the backup any more. */
  async askPlace(): Promise<void> {
    if (!this.isLive()) return;
    const refusal = await this.upload.refusal();
    if (refusal !== null) await this.stop(refusal);
  }

  /** The end of input was given: waits for what comes of it. */
  async end(limit: AbortSignal): Promise<Ended<U>> {
    this.#state = "ending";
    const { upload, sink } = this;
    try {
      const exit = await orAborted(sink.child.exited, limit);
      return { upload, failure: succeeded(exit) ? null : (this.#cause ?? sinkFailure(sink, true)) };
    } catch (error) {
      await sink.child.stop(stopGraceMs);
      return { upload, failure: error instanceof DbstashError ? error : errorOf(toProblem(error)) };
    }
  }
}

/** How long one of several places may stand still. */
export interface Watch {
  readonly limits: StandstillLimits;
  /** Called while a place stands still: the run's own clock judges only when none is at fault. */
  readonly onWaiting: () => void;
}

const lookEveryMs = 500;

/**
 * Stops an upload that stands still. While the dump may still come, the one at fault is told by its own full pipe: those
 * of the others, who wait for it, are empty.
 * @returns ends the watch
 */
export function watchLanes(lanes: readonly Lane<Upload>[], watch: Watch | null): () => void {
  if (watch === null) return () => undefined;
  const { limits, onWaiting } = watch;
  const clocks = lanes.map((lane) => ({ lane, clock: new Standstill(performance.now()) }));
  const look = (): void => {
    for (const { lane, clock } of clocks) {
      const { upload, gate, sink } = lane;
      if (sink.child.exit !== null) continue;
      const isWaitedFor = lane.isEnding() ? !upload.endsUnseen : gate.isFull();
      const stillMs = clock.look(performance.now(), isWaitedFor, upload.bytes());
      if (stillMs > 0) onWaiting();
      const limitMs = lane.isEnding() ? limits.afterMs : limits.duringMs;
      if (limitMs > 0 && stillMs >= limitMs) void lane.stop(stoodStill(limitMs, limits));
    }
  };
  const shortestMs = Math.min(...[limits.duringMs, limits.afterMs].filter((ms) => ms > 0));
  const timer = setInterval(look, Math.min(lookEveryMs, shortestMs / 4));
  return () => clearInterval(timer);
}
