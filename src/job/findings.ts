import { named, type OptionName } from "../config/options.ts";
import { DbstashError, type Problem } from "../errors.ts";

/** What is found wrong with, or worth saying about, the settings: all of it, so that one look mends everything. */
export interface Findings {
  readonly problems: Problem[];
  readonly warnings: string[];
}

/** What a part of the program found wrong with a setting, as a problem that names it. @throws what is no DbstashError */
export function problemOf(option: OptionName, error: unknown): Problem {
  if (!(error instanceof DbstashError)) throw error;
  const message = `${named(option)} ${error.message}`;
  return error.hint === undefined ? { message } : { message, hint: error.hint };
}
