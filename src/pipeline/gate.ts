import { setTimeout as delay } from "node:timers/promises";
import { DbstashError, toProblem } from "../errors.ts";
import type { Guard } from "../process/guard.ts";
import type { Libc } from "../process/libc.ts";
import type { Tail } from "../process/lines.ts";
import { type HeldPipes, KernelPipe } from "../process/pipe.ts";
import { succeeded } from "../process/exit.ts";
import { spawn } from "../process/spawn.ts";
import { orAborted } from "../process/waiting.ts";
import { stopGraceMs } from "../remote/rclone-runner.ts";
import { allExited, emptyDump, sinkFailure, stageFailure } from "./cause.ts";
import type { Running, Sink, Stage } from "./stage.ts";

/** How long a producer gets between TERM and KILL; with rclone's 5 s an abort stays below 8 s. */
const producerGraceMs = 2_000;
/** How often the first pipe is looked at until it holds a byte. */
const firstByteEveryMs = 4;

/** What flows where. */
export interface GatedStream {
  readonly libc: Libc;
  readonly guard: Guard;
  readonly pipes: HeldPipes;
  readonly producer: Stage;
  /** Asked when the first byte is there: what stands between producer and upload, in order. */
  readonly filters: (producerMessages: Tail) => Promise<readonly Stage[]>;
  /** Resolves, when the target is ready, to the function that starts the upload. */
  readonly upload: Promise<(stdin: number) => Sink>;
  /** Ends the stream for any reason; its reason is the cause. */
  readonly signal: AbortSignal;
  /** Ends it also after the end of input was given: limits, not a person's signal. */
  readonly limit: AbortSignal;
  /** The last look before the commit, when every process before the upload has exited 0: null, or why there is none. */
  readonly refusal: (producerMessages: Tail) => DbstashError | null;
  /** The same of the place: whether it may still take what is about to be stored. */
  readonly placeRefusal: () => Promise<DbstashError | null>;
  /** Called when the end of input was given: there is no way back. */
  readonly onEndOfInput: () => void;
}

/** A stream that came to nothing, and how far the upload got. */
export class StreamFailure extends DbstashError {
  override readonly name = "StreamFailure";
  override readonly cause: DbstashError;
  readonly uploadStarted: boolean;
  /** The upload has seen the end of input: what it made of it may stand there whole. */
  readonly endGiven: boolean;

  constructor(cause: DbstashError, uploadStarted: boolean, endGiven: boolean) {
    super(cause.message);
    this.cause = cause;
    this.uploadStarted = uploadStarted;
    this.endGiven = endGiven;
  }
}

/**
 * Streams producer → filters → sink. The sink sees the end of input only after every process before it has exited 0.
 * On any other ending the sink is stopped and waited for, then the others, and then the pipes are let go.
 * @returns the words the producer left
 * @throws StreamFailure with the cause: what ended first, not what broke over it
 */
export async function streamThroughGate(parts: GatedStream): Promise<Tail> {
  const { pipes, guard, signal, limit } = parts;
  const chain: Running[] = [];
  let sink: Sink | null = null;
  let endGiven = false;
  try {
    const producer = startStage(parts.producer, { stdout: pipes.first.writeFd }, guard);
    chain.push(producer);
    const startUpload = await firstByteAndTarget(parts, producer);
    const filters = await parts.filters(producer.child.messages);
    const gate = filters.length === 0 ? pipes.first : pipes.last;
    startFilters(parts, filters, chain);
    sink = startUpload(gate.readFd);
    pipes.first.closeRead();
    pipes.last.closeRead();
    await allExited(chain, sink, guard, signal);
    const refusal = parts.refusal(producer.child.messages);
    if (refusal !== null) throw refusal;
    const placeRefusal = await orAborted(parts.placeRefusal(), signal);
    if (placeRefusal !== null) throw placeRefusal;
    // What has ended before the end of input is given can't have taken all of it.
    if (sink.child.exit !== null) throw sinkFailure(sink);
    releaseAll(parts);
    endGiven = true;
    parts.onEndOfInput();
    const exit = await orAborted(sink.child.exited, limit);
    if (!succeeded(exit)) throw sinkFailure(sink, endGiven);
    return producer.child.messages;
  } catch (error) {
    const cause = error instanceof DbstashError ? error : unexpected(error);
    await sink?.child.stop(stopGraceMs);
    await Promise.all(chain.map(({ child }) => child.stop(producerGraceMs)));
    throw new StreamFailure(cause, sink !== null, endGiven);
  } finally {
    pipes.first.close();
    pipes.last.close();
  }
}

function unexpected(error: unknown): DbstashError {
  return new DbstashError("the stream broke", undefined, toProblem(error).message);
}

function startStage(stage: Stage, streams: { stdin?: number; stdout: number }, guard: Guard): Running {
  return { stage, child: spawn({ ...stage.request, ...streams, role: "producer" }, guard) };
}

/** Puts the filters between the first and the last pipe; then only the dump holds the first one's write end. */
function startFilters(
  { libc, pipes, guard }: GatedStream,
  filters: readonly Stage[],
  chain: Running[],
): void {
  const between: KernelPipe[] = [];
  let input = pipes.first;
  try {
    for (const [index, stage] of filters.entries()) {
      const isLast = index === filters.length - 1;
      const output = isLast ? pipes.last : new KernelPipe(libc);
      if (!isLast) between.push(output);
      chain.push(startStage(stage, { stdin: input.readFd, stdout: output.writeFd }, guard));
      input = output;
    }
  } finally {
    for (const pipe of between) pipe.close();
  }
  if (filters.length === 0) return;
  pipes.first.close();
  guard.release(0);
}

/** The commit: nobody holds a write end any more, and the sink sees the end of input. */
function releaseAll({ pipes, guard }: GatedStream): void {
  guard.release(0);
  guard.release(1);
  pipes.first.closeWrite();
  pipes.last.closeWrite();
}

/** A dump that fails or ends before its first byte uploads nothing; neither does one without a place to go. */
async function firstByteAndTarget(
  { pipes, upload, signal }: GatedStream,
  producer: Running,
): Promise<(stdin: number) => Sink> {
  const { child } = producer;
  const otherFailed = new AbortController();
  const firstByte = async () => {
    while (pipes.first.bufferedBytes() === 0 && !otherFailed.signal.aborted) {
      signal.throwIfAborted();
      // Asked in this order: what it wrote before it ended is in the pipe by then.
      if (child.exit !== null && pipes.first.bufferedBytes() === 0) {
        await child.exited;
        throw succeeded(child.exit) ? emptyDump(producer) : stageFailure(producer);
      }
      await delay(firstByteEveryMs);
    }
  };
  try {
    const [start] = await Promise.all([orAborted(upload, signal), firstByte()]);
    // What failed while the target was made ready has nothing to upload either.
    if (child.exit !== null && !succeeded(child.exit)) {
      await child.exited;
      throw stageFailure(producer);
    }
    return start;
  } finally {
    otherFailed.abort();
  }
}
