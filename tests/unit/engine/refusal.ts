import { DbstashError } from "../../../src/errors.ts";

/** What a refusal says, hint included. */
export function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DbstashError) return `${error.message} (${error.hint ?? "no hint"})`;
    throw error;
  }
  return "nothing was refused";
}
