import { describe, expect, test } from "bun:test";
import { orAborted, together } from "../../../src/process/waiting.ts";

const never = new AbortController().signal;

const messageOf = (error: unknown): string => (error as Error).message;

/** Ends by its signal alone, a moment after it, and notes that it did. */
function untilAborted(ended: string[], name: string): (signal: AbortSignal) => Promise<string> {
  return async (signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => setTimeout(resolve, 1));
    await promise;
    ended.push(name);
    throw new Error(`${name} was ended`);
  };
}

describe("two things beside each other", () => {
  test("give both their results", async () => {
    expect(
      await together(
        never,
        async () => 1,
        async () => "two",
      ),
    ).toEqual([1, "two"]);
  });

  test.each(["first", "second"])(
    "end with the failure of the %s, once the other has ended",
    async (which) => {
      const ended: string[] = [];
      const fails = async () => Promise.reject(new Error("the cause"));
      const other = untilAborted(ended, "the other");
      const outcome = which === "first" ? together(never, fails, other) : together(never, other, fails);
      expect(await outcome.catch(messageOf)).toBe("the cause");
      expect(ended).toEqual(["the other"]);
    },
  );

  test("end with the signal's reason, once both have ended", async () => {
    const ended: string[] = [];
    const stop = new AbortController();
    const outcome = together(stop.signal, untilAborted(ended, "one"), untilAborted(ended, "two"));
    stop.abort(new Error("stopped"));
    expect(await outcome.catch(messageOf)).toBe("stopped");
    expect(ended.toSorted()).toEqual(["one", "two"]);
  });
});

describe("a promise that a signal may end", () => {
  const reason = new Error("stopped");
  const pending = () => new Promise<string>(() => undefined);
  test.each<[string, () => Promise<string>, AbortSignal, string]>([
    ["gives its value", () => Promise.resolve("done"), never, "done"],
    ["gives its own failure", () => Promise.reject(new Error("failed")), never, "failed"],
    ["ends by the signal's reason", pending, AbortSignal.abort(reason), "stopped"],
    [
      "ends by words of ours where the reason is no error",
      pending,
      AbortSignal.abort("x"),
      "the run was stopped",
    ],
  ])("%s", async (_, begin, signal, outcome) => {
    expect(await orAborted(begin(), signal).catch(messageOf)).toBe(outcome);
  });

  test("ends by a signal that comes later", async () => {
    const stop = new AbortController();
    const outcome = orAborted(pending(), stop.signal).catch((error: unknown) => error);
    stop.abort(reason);
    expect(await outcome).toBe(reason);
  });
});
