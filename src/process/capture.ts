import { type Exit, succeeded } from "./exit.ts";
import type { Guard } from "./guard.ts";
import type { Tail } from "./lines.ts";
import { spawn, type SpawnRequest } from "./spawn.ts";
import { guardLost, orAborted } from "./waiting.ts";

/** A child to run to its end: like any other, with its output in hand unless `stdout` says where it goes. */
export interface CaptureRequest extends Omit<SpawnRequest, "role"> {
  /** Left out: it is no upload. */
  readonly role?: SpawnRequest["role"];
  /** How long it gets between TERM and KILL. */
  readonly graceMs: number;
  /** It is stopped after so long; left out: only the signal ends it. */
  readonly limitMs?: number;
  /** It is stopped when it has printed more than so many bytes; 0, the default, keeps nothing. */
  readonly maxBytes?: number;
}

/** How a child ended, and what it said. */
export interface Captured {
  readonly exit: Exit;
  /** At most `maxBytes` of it. */
  readonly stdout: Uint8Array;
  /** The last lines of its messages. */
  readonly messages: Tail;
  /** Its own limit ended it. */
  readonly isLate: boolean;
  /** It printed more than `maxBytes`, which ended it. */
  readonly isCut: boolean;
}

/**
 * Runs a child to its end. The only way to do so: whatever else ends the wait (a signal, the loss of the guard, the
 * child's own limits) ends the child first.
 * @throws the signal's reason; DbstashError when it can't be started, or the guard was killed
 */
export async function capture(request: CaptureRequest, guard: Guard, signal: AbortSignal): Promise<Captured> {
  const { graceMs, limitMs, maxBytes = 0, role = "producer", ...rest } = request;
  signal.throwIfAborted();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const over = new AbortController();
  const keep = (part: Uint8Array): void => {
    const room = maxBytes - bytes;
    bytes += part.length;
    if (room > 0) parts.push(part.subarray(0, room));
    if (bytes > maxBytes) over.abort();
  };
  const stdout = rest.stdout === undefined && maxBytes > 0 ? { stdout: keep } : {};
  const child = spawn({ ...rest, ...stdout, role }, guard);
  const limit = limitMs === undefined ? null : AbortSignal.timeout(limitMs);
  const ownLimits = AbortSignal.any([over.signal, ...(limit === null ? [] : [limit])]);
  const stop = () => void child.stop(graceMs);
  ownLimits.addEventListener("abort", stop);
  try {
    const exit = await orAborted(Promise.race([child.exited, guardLost(guard)]), signal);
    // Without its guard a child dies of the broken life line, before anyone has heard of the guard's end.
    if (!succeeded(exit) && guard.isLost) throw guard.lossOf();
    const isCut = bytes > maxBytes;
    return {
      exit,
      stdout: Buffer.concat(parts),
      messages: child.messages,
      isLate: limit?.aborted === true && !isCut,
      isCut: isCut && maxBytes > 0,
    };
  } catch (error) {
    await child.stop(graceMs);
    throw error;
  } finally {
    ownLimits.removeEventListener("abort", stop);
  }
}
