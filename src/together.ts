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
