import { closeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { DbstashError, toProblem } from "../errors.ts";
import type { Guard } from "../process/guard.ts";
import type { Libc } from "../process/libc.ts";
import type { Tail } from "../process/lines.ts";
import { type HeldPipes, KernelPipe } from "../process/pipe.ts";
import { succeeded } from "../process/exit.ts";
import { type Child, findTool, spawn } from "../process/spawn.ts";
import { orAborted } from "../process/waiting.ts";
import { stopGraceMs } from "../remote/rclone-runner.ts";
import { allExited, emptyDump, sinkFailure, stageFailure, UploadsEnded } from "./cause.ts";
import { type Ended, Lane, type Upload, type Watch, watchLanes } from "./lane.ts";
import type { Running, Stage } from "./stage.ts";

/** How long a producer gets between TERM and KILL; with rclone's 5 s an abort stays below 8 s. */
const producerGraceMs = 2_000;
/** How often the first pipe is looked at until it holds a byte: the more seldom the longer the server takes. */
const firstByteEvery = { shortestMs: 4, longestMs: 100, shareOfWait: 0.02 };

/** What flows where. */
export interface GatedStream<U extends Upload> {
  readonly libc: Libc;
  readonly guard: Guard;
  /** The environment of what the stream itself starts. */
  readonly env: Readonly<Record<string, string>>;
  readonly pipes: HeldPipes;
  readonly producer: Stage;
  /** Asked when the first byte is there: what stands between producer and uploads, in order. */
  readonly filters: (producerMessages: Tail) => Promise<readonly Stage[]>;
  /** What writes into these pipes all that it reads; asked for where there are gates. */
  readonly tee: (outputs: readonly number[]) => { readonly stage: Stage; readonly stdout: number };
  /** Resolves, when the places are ready, to their uploads. */
  readonly uploads: Promise<readonly U[]>;
  /** Ends the stream for any reason; its reason is the cause. */
  readonly signal: AbortSignal;
  /** Ends it also after the end of input was given: limits, not a person's signal. */
  readonly limit: AbortSignal;
  /** How long one of several places may stand still; null where there is one. */
  readonly watch: Watch | null;
  /** The last look before the commit, when every process before the uploads has exited 0: null, or why there is none. */
  readonly refusal: (producerMessages: Tail) => DbstashError | null;
  /** Called when the end of input was given: there is no way back. */
  readonly onEndOfInput: (uploads: readonly U[]) => void;
}

/** A stream that came to nothing, and the uploads that were still in it. */
export class StreamFailure<U extends Upload = Upload> extends DbstashError {
  override readonly name = "StreamFailure";
  override readonly cause: DbstashError;
  readonly uploads: readonly U[];

  constructor(cause: DbstashError, uploads: readonly U[]) {
    super(cause.message);
    this.cause = cause;
    this.uploads = uploads;
  }
}

/** A stream that was whole. */
export interface WholeStream<U extends Upload> {
  /** What the producer said. */
  readonly messages: Tail;
  /** The uploads that have seen the end of input; the others are out, and were told so. */
  readonly ended: readonly Ended<U>[];
}

/**
 * Streams producer → filters → one upload, or by `tee` several. An upload sees the end of input only after every
 * process before it has exited 0, and all do at one moment. On any other ending they are stopped and waited for, then
 * the others, and then the pipes are let go. An upload that ends before its time is out, and the stream goes on for the
 * others; where none is left it comes to nothing.
 * @returns null where every upload is out
 * @throws StreamFailure with the cause: what ended first, not what broke over it
 */
export async function streamThroughGate<U extends Upload>(
  parts: GatedStream<U>,
): Promise<WholeStream<U> | null> {
  const { pipes, guard, signal, limit } = parts;
  const all = [pipes.first, pipes.last, ...pipes.gates];
  const chain: Running[] = [];
  const lanes: Lane<U>[] = [];
  const drains: Child[] = [];
  let stopWatching = (): void => undefined;
  try {
    const producer = startStage(parts.producer, { stdout: pipes.first.writeFd }, guard);
    chain.push(producer);
    const uploads = await firstByteAndUploads(parts, producer);
    const filters = await parts.filters(producer.child.messages);
    startFilters(parts, filters, chain);
    const filtered = filters.length === 0 ? pipes.first : pipes.last;
    const gates = pipes.gates.length === 0 ? [filtered] : pipes.gates;
    const ways = uploads.map((upload) => ({ upload, gate: gates[upload.gate] ?? filtered }));
    if (pipes.gates.length > 0) startTee(parts, filtered, ways, chain);
    for (const { upload, gate } of ways) {
      const onLeft = (): void => void drains.push(drain(gate, parts));
      lanes.push(new Lane(upload, gate, upload.start(gate.readFd), onLeft));
    }
    for (const pipe of all) pipe.closeRead();
    stopWatching = watchLanes(lanes, parts.watch);
    const [first, ...others] = lanes.map(({ sink }) => sink);
    if (first === undefined) throw new DbstashError("the stream has nowhere to go");
    await allExited(chain, [first, ...others], guard, signal);
    const refusal = parts.refusal(producer.child.messages);
    if (refusal !== null) throw refusal;
    await orAborted(Promise.all(lanes.map((lane) => lane.askPlace())), signal);
    const live = lanes.filter((lane) => lane.isLive());
    if (live.length === 0) throw new UploadsEnded(sinkFailure(first));
    release(parts, live);
    parts.onEndOfInput(live.map(({ upload }) => upload));
    const ended = await Promise.all(live.map((lane) => lane.end(limit)));
    await Promise.all(lanes.map(({ settled }) => settled));
    return { messages: producer.child.messages, ended };
  } catch (error) {
    const isOver = error instanceof UploadsEnded;
    const left = isOver ? [] : lanes.filter((lane) => lane.hold());
    await Promise.all(lanes.map(({ sink }) => sink.child.stop(stopGraceMs)));
    await Promise.all(chain.map(({ child }) => child.stop(producerGraceMs)));
    await Promise.all(lanes.map(({ settled }) => settled));
    if (isOver) return null;
    const cause = error instanceof DbstashError ? error : unexpected(error);
    throw new StreamFailure(
      cause,
      left.map(({ upload }) => upload),
    );
  } finally {
    stopWatching();
    await Promise.all(drains.map((child) => child.stop(0)));
    for (const pipe of all) pipe.close();
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
  { libc, pipes, guard }: Pick<GatedStream<Upload>, "libc" | "pipes" | "guard">,
  filters: readonly Stage[],
  chain: Running[],
): void {
  const between: KernelPipe[] = [];
  let input = pipes.first;
  try {
    for (const [index, stage] of filters.entries()) {
      const isLast = index === filters.length - 1;
      const output = isLast ? pipes.last : new KernelPipe(libc, pipes.bytes);
      if (!isLast) between.push(output);
      chain.push(startStage(stage, { stdin: input.readFd, stdout: output.writeFd }, guard));
      input = output;
    }
  } finally {
    for (const pipe of between) pipe.close();
  }
  if (filters.length === 0) return;
  pipes.first.close();
  // It is no gate: with several places the guard has none of it.
  if (pipes.gates.length === 0) guard.release(0);
}

/** Puts `tee` between what the filters have made and the gates; then only who writes to it holds its pipe's write end. */
function startTee(
  { guard, tee }: Pick<GatedStream<Upload>, "guard" | "tee">,
  input: KernelPipe,
  ways: readonly { readonly gate: KernelPipe }[],
  chain: Running[],
): void {
  const { stage, stdout } = tee(ways.map(({ gate }) => gate.writeFd));
  chain.push(startStage(stage, { stdin: input.readFd, stdout }, guard));
  input.close();
}

/**
 * Empties the pipe of an upload that neither reads nor ends (it hangs in the kernel, or runs as another user), so that
 * the others get on.
 */
function drain(gate: KernelPipe, { guard, env }: Pick<GatedStream<Upload>, "guard" | "env">): Child {
  const stdin = gate.openAnotherRead();
  try {
    return spawn({ file: findTool(["cat"], env["PATH"]), args: [], env, stdin, role: "producer" }, guard);
  } finally {
    closeSync(stdin);
  }
}

/** The commit: nobody holds these gates' write ends any more, and their uploads see the end of input. */
function release(
  { pipes, guard }: Pick<GatedStream<Upload>, "pipes" | "guard">,
  lanes: readonly Lane<Upload>[],
): void {
  const isOne = pipes.gates.length === 0;
  for (const index of isOne ? [0, 1] : lanes.map(({ upload }) => upload.gate)) guard.release(index);
  for (const pipe of isOne ? [pipes.first, pipes.last] : lanes.map(({ gate }) => gate)) pipe.closeWrite();
}

/** A dump that fails or ends before its first byte uploads nothing; neither does one without a place to go. */
async function firstByteAndUploads<U extends Upload>(
  { pipes, uploads, signal }: GatedStream<U>,
  producer: Running,
): Promise<readonly U[]> {
  const { child } = producer;
  const otherFailed = new AbortController();
  const firstByte = async () => {
    const begunMs = performance.now();
    while (pipes.first.bufferedBytes() === 0 && !otherFailed.signal.aborted) {
      signal.throwIfAborted();
      // Asked in this order: what it wrote before it ended is in the pipe by then.
      if (child.exit !== null && pipes.first.bufferedBytes() === 0) {
        await child.exited;
        throw succeeded(child.exit) ? emptyDump(producer) : stageFailure(producer);
      }
      const { shortestMs, longestMs, shareOfWait } = firstByteEvery;
      await delay(Math.min(longestMs, shortestMs + (performance.now() - begunMs) * shareOfWait));
    }
  };
  try {
    const [ready] = await Promise.all([orAborted(uploads, signal), firstByte()]);
    // What failed while the places were made ready has nothing to upload either.
    if (child.exit !== null && !succeeded(child.exit)) {
      await child.exited;
      throw stageFailure(producer);
    }
    return ready;
  } finally {
    otherFailed.abort();
  }
}
