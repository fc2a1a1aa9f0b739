import { expect, test } from "bun:test";
import { bad, ProvenBad } from "../../../src/pipeline/verdict.ts";

test.each([
  ["size", "the stored backup is not whole: it is short"],
  ["end", "the stored backup is not whole: it is short"],
  ["content", "it is short"],
] as const)("a backup proven bad by its %s says so", (about, message) => {
  expect(new ProvenBad(bad(about, "it is short") as ConstructorParameters<typeof ProvenBad>[0]).message).toBe(
    message,
  );
});
