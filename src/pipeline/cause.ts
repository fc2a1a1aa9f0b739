import { setTimeout as delay } from "node:timers/promises";
import { DbstashError } from "../errors.ts";
import { succeeded } from "../process/exit.ts";
import type { Guard } from "../process/guard.ts";
import type { Child } from "../process/spawn.ts";
import { processFailure, quoted } from "../process/failure.ts";
import { guardLost, orAborted } from "../process/waiting.ts";
import { lastWords } from "../remote/rclone-failure.ts";
import type { Running, Sink } from "./stage.ts";

/** How long the end of the upload may trail that of the processes whose pipes it has broken. */
const brokenPipeWaitMs = 1_000;

/** No upload is left that could take the stream: each has ended before the end of input. */
export class UploadsEnded extends DbstashError {
  override readonly name = "UploadsEnded";

  /** @param cause what the last one ended of */
  constructor(cause: DbstashError) {
    super(cause.message, cause.hint);
  }
}

/**
 * Resolves when every process before the uploads has exited 0, whatever has become of some of the uploads.
 * @throws UploadsEnded when none of them is left, DbstashError with the cause otherwise
 */
export async function allExited(
  chain: readonly Running[],
  sinks: readonly [Sink, ...Sink[]],
  guard: Guard,
  signal: AbortSignal,
): Promise<void> {
  const sinksEnded = Promise.all(sinks.map(({ child }) => child.exited));
  const failureOfSinks = (): UploadsEnded => new UploadsEnded(sinkFailure(sinks.at(-1) ?? sinks[0]));
  const upstream = chain.map(async (running, index) => {
    if (succeeded(await running.child.exited)) return;
    // A pipe breaks because of what stands behind it; a tool or its wrapper may keep the words back that say so.
    if (running.child.messages.lines.length === 0 || brokenPipe(running.child)) {
      // Not for the end of what stands between, whose pipe the upload may have broken too.
      await Promise.race([sinksEnded, delay(brokenPipeWaitMs)]);
      if (sinks.every(({ child }) => child.exit !== null)) throw failureOfSinks();
      const behind = chain.slice(index + 1);
      const broken = behind.findLast(({ child }) => child.exit !== null && !succeeded(child.exit));
      if (broken !== undefined) throw stageFailure(broken);
    }
    throw stageFailure(running);
  });
  const sinksFirst = sinksEnded.then(() => {
    throw failureOfSinks();
  });
  await orAborted(Promise.race([Promise.all(upstream), sinksFirst, guardLost(guard)]), signal);
}

function brokenPipe({ exit, messages }: Child): boolean {
  return (
    exit?.signal === "SIGPIPE" ||
    exit?.code === 141 ||
    /broken pipe|EPIPE|errno 32\b/i.test(messages.toString())
  );
}

/** Every tool exited 0, and there is no dump. */
export function emptyDump({ stage, child }: Running): DbstashError {
  const words = quoted(child.messages);
  return new DbstashError(
    `the dump is empty: ${stage.title} exited 0 without writing a byte`,
    stage.hint(words) ?? undefined,
    words,
  );
}

/** The error of a process before the upload. */
export function stageFailure({ stage, child }: Running): DbstashError {
  const hint = stage.hint(child.messages.toString());
  return processFailure(stage.title, child.exit, quoted(child.messages), hint);
}

/** The error of the upload. @param endGiven it has seen the end of input */
export function sinkFailure({ title, child, messages, hint }: Sink, endGiven = false): DbstashError {
  const words = lastWords(messages) || (endGiven ? "" : "it ended before the dump did");
  return processFailure(title, child.exit, words, hint(messages.toString()));
}
