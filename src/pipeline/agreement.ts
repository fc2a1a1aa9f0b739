import { bad, type Verdict } from "./verdict.ts";

/**
 * What the verdicts on one backup in several places come to when each is told of the others. What is wrong with the
 * content is so wherever it was not read back and found whole; of what was read, no place can hold more than all of it,
 * so one that holds less than another has a wrong size.
 */
export function agreed(verdicts: readonly Verdict[]): readonly Verdict[] {
  const wrong = verdicts.find((verdict) => verdict.outcome === "bad" && verdict.about !== "size");
  const most = Math.max(...verdicts.map((verdict) => knownSize(verdict) ?? 0));
  return verdicts.map((verdict) => {
    const size = knownSize(verdict);
    if (size !== null && size < most)
      return bad("size", `it has ${size} bytes there, and ${most} in another place`);
    return wrong !== undefined && verdict.outcome === "unchecked" ? wrong : verdict;
  });
}

/** The size of what is not proven bad, where it is known. */
function knownSize(verdict: Verdict): number | null {
  return verdict.outcome === "good" || verdict.outcome === "unchecked" ? verdict.bytes : null;
}
