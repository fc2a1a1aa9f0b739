import { expect, test } from "bun:test";
import { agreed } from "../../../src/pipeline/agreement.ts";
import { bad, type Verdict } from "../../../src/pipeline/verdict.ts";

const good = (bytes: number | null): Verdict => ({ outcome: "good", bytes, how: "size" });
const unchecked = (bytes: number | null): Verdict => ({
  outcome: "unchecked",
  bytes,
  reason: { message: "503" },
});
const missing: Verdict = { outcome: "missing" };
const noEnd = bad("end", "no end mark");
const wrongSize = bad("size", "too small");
const lost = bad("size", "it has 5 bytes there, and 9 in another place");

test.each<[string, readonly Verdict[], readonly Verdict[]]>([
  ["one place alone is as it was found", [unchecked(5)], [unchecked(5)]],
  ["places that agree stay good", [good(9), good(9)], [good(9), good(9)]],
  ["a place that holds less than another has lost bytes", [good(5), good(9)], [lost, good(9)]],
  ["so has one that could not be checked, and took less", [good(9), unchecked(5)], [good(9), lost]],
  ["a size that nobody knows says nothing", [good(9), unchecked(null)], [good(9), unchecked(null)]],
  ["a wrong size is one place's own", [wrongSize, good(9)], [wrongSize, good(9)]],
  ["wrong content is so where nobody could look", [noEnd, unchecked(9)], [noEnd, noEnd]],
  ["content that was read back and is whole stays", [noEnd, good(9)], [noEnd, good(9)]],
  ["what is not there is not removed either", [noEnd, missing], [noEnd, missing]],
])("%s", (_, verdicts, expected) => {
  expect(agreed(verdicts)).toEqual(expected);
});
