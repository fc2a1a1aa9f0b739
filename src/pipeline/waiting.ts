import { DbstashError } from "../errors.ts";
import type { Guard } from "../process/guard.ts";
import type { Child } from "../process/spawn.ts";

/** The promise, unless the signal comes first: then its reason is thrown. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () =>
    reject(signal.reason instanceof Error ? signal.reason : new DbstashError("the run was stopped"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Never resolves. @throws DbstashError when the guard was killed: nobody would end the run's processes after dbstash */
export async function guardLost(guard: Guard): Promise<never> {
  await guard.exited;
  throw new DbstashError("the process that guards this run's processes was killed");
}

/**
 * Waits for a child's end and brings it about on an abort.
 * @throws the signal's reason, or that the guard is lost; then the child has ended
 */
export async function untilEnd(
  child: Child,
  guard: Guard,
  signal: AbortSignal,
  graceMs: number,
): Promise<void> {
  try {
    await orAborted(Promise.race([child.exited, guardLost(guard)]), signal);
  } catch (error) {
    await child.stop(graceMs);
    throw error;
  }
}
