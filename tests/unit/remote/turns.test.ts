import { expect, test } from "bun:test";
import { Turns } from "../../../src/remote/turns.ts";

test("each has its turn when those before are done, also where one fails", async () => {
  const turns = new Turns();
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take(async () => {
    await gate.promise;
    done.push("first");
    throw new Error("failed");
  });
  const second = turns.take(async () => done.push("second"));
  expect(done).toEqual([]);
  gate.resolve();
  expect(first).rejects.toThrow("failed");
  expect(await second).toBe(2);
  expect(done).toEqual(["first", "second"]);
});
