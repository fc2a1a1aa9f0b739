import { DbstashError, type Problem, toProblem } from "../errors.ts";

/** No single thing is waited for any longer. */
const limitMs = 30_000;

/** What came of trying something. */
export type Tried<T> =
  | { readonly kind: "done"; readonly value: T }
  /** `error` is null where its time was over. */
  | { readonly kind: "failed"; readonly problem: Problem; readonly error: DbstashError | null };

/**
 * Tries something for at most 30 s.
 * @throws the signal's reason, and what is neither ours nor the system's word: a fault of the program itself
 */
export async function attempt<T>(
  signal: AbortSignal,
  use: (signal: AbortSignal) => Promise<T> | T,
): Promise<Tried<T>> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    return { kind: "done", value: await use(AbortSignal.any([signal, limit])) };
  } catch (error) {
    signal.throwIfAborted();
    if (error === limit.reason)
      return {
        kind: "failed",
        problem: { message: `there was no answer within ${limitMs / 1000} s` },
        error: null,
      };
    if (error instanceof DbstashError) return { kind: "failed", problem: toProblem(error), error };
    if (error instanceof Error && "code" in error)
      return { kind: "failed", problem: toProblem(error), error: null };
    throw error;
  }
}
