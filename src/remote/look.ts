import { setTimeout as delay } from "node:timers/promises";
import { type Problem, toProblem } from "../errors.ts";
import type { Rclone } from "./rclone.ts";

/** What a listing tells of a file; it takes no right to read. */
export type Sight =
  | { readonly kind: "seen"; readonly bytes: number }
  /** A listing that answers does not have it. */
  | { readonly kind: "missing" }
  /** Nobody could look. */
  | { readonly kind: "unknown"; readonly problem: Problem };

/** Pauses between looks: some stores show a new object only after a while. Five looks over 20 s. */
const pausesMs = [2_000, 4_000, 6_000, 8_000];

/** Looks once for a file by a listing of its folder. @throws the signal's reason when it aborts */
export async function lookFor(rclone: Rclone, path: string, signal: AbortSignal): Promise<Sight> {
  try {
    const entry = await rclone.find(path, signal);
    return entry === null ? { kind: "missing" } : { kind: "seen", bytes: entry.bytes };
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: "unknown", problem: toProblem(error) };
  }
}

/**
 * Looks again and again until there is something to see.
 * @returns null where five looks over 20 s have shown nothing
 * @throws what a look throws, and the signal's reason when it aborts
 */
export async function untilSeen<T>(look: () => Promise<T | null>, signal: AbortSignal): Promise<T | null> {
  for (const pauseMs of pausesMs) {
    const seen = await look();
    if (seen !== null) return seen;
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  return look();
}

/**
 * A file's size on the remote: asked of the file itself, and of its folder's listing where that shows none, since an
 * old rclone takes a refusal for an absence.
 * @returns null where it is not there
 * @throws DbstashError where nobody could look; the signal's reason when it aborts
 */
export async function sizeOf(rclone: Rclone, path: string, signal: AbortSignal): Promise<number | null> {
  const asked = await rclone.size(path, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    return error;
  });
  if (typeof asked === "number") return asked;
  const entry = await untilSeen(() => rclone.find(path, signal), signal).catch((error: unknown) => {
    signal.throwIfAborted();
    // What the file itself answered tells more than what its folder did.
    throw asked ?? error;
  });
  return entry?.bytes ?? null;
}
