import { DbstashError } from "../errors.ts";
import type { Guard } from "./guard.ts";

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
  throw guard.lossOf();
}

/**
 * Does two things beside each other. Whichever fails first ends the other by its signal, and is the cause;
 * nothing of either is at work any more when this settles.
 * @throws what the first failure threw, or the signal's reason
 */
export async function together<First, Second>(
  signal: AbortSignal,
  first: (signal: AbortSignal) => Promise<First>,
  second: (signal: AbortSignal) => Promise<Second>,
): Promise<[First, Second]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const endBoth = (error: unknown): never => {
    failed.abort(error);
    throw error;
  };
  const [one, other] = await Promise.allSettled([
    first(either).catch(endBoth),
    second(either).catch(endBoth),
  ]);
  either.throwIfAborted();
  if (one.status === "rejected") throw one.reason;
  if (other.status === "rejected") throw other.reason;
  return [one.value, other.value];
}
