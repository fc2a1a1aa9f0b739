import { expect, test } from "bun:test";
import { Listings } from "../../../src/daemon/listings.ts";

/** Listings that end when the test says so, or by their signal. */
function listings() {
  const seen: string[] = [];
  const ends: (() => void)[] = [];
  const stop = new AbortController();
  let atMs = 1000;
  const made = new Listings(
    async (signal) => {
      const number = seen.push("at work");
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => resolve());
      if (signal.aborted) resolve();
      ends.push(resolve);
      await promise;
      seen[number - 1] = signal.aborted ? "ended early" : "done";
    },
    () => new Date(atMs++),
    stop.signal,
  );
  return { made, seen, ends, stop };
}

/** Lets what is ready go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("one listing begins when the one before it has ended", async () => {
  const { made, seen, ends } = listings();
  const start = Promise.withResolvers<void>();
  made.comeAfter(start.promise);
  void made.list();
  void made.list();
  await turn();
  expect(seen).toEqual([]);
  start.resolve();
  await turn();
  expect(seen).toEqual(["at work"]);
  ends[0]?.();
  await turn();
  expect(seen).toEqual(["done", "at work"]);
  ends[1]?.();
  await made.ended;
  expect(seen).toEqual(["done", "done"]);
});

test("tell when the last one was asked for", async () => {
  const { made, ends } = listings();
  expect(made.begunAt).toEqual(new Date(1000));
  void made.list();
  expect(made.begunAt).toEqual(new Date(1001));
  await turn();
  ends[0]?.();
  await made.ended;
  expect(made.begunAt).toEqual(new Date(1001));
});

test("end for a run, and go on after it", async () => {
  const { made, seen } = listings();
  void made.list();
  await turn();
  await made.end(new Error("a run has begun"));
  expect(seen).toEqual(["ended early"]);
  void made.list();
  await turn();
  expect(seen).toEqual(["ended early", "at work"]);
});

test("end with the process", async () => {
  const { made, seen, stop } = listings();
  void made.list();
  void made.list();
  await turn();
  stop.abort();
  await made.ended;
  expect(seen).toEqual(["ended early", "ended early"]);
});
