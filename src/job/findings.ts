import type { SettingProblem } from "../config/config.ts";
import { named, type OptionName } from "../config/options.ts";
import { DbstashError, type Problem } from "../errors.ts";

/** What is found wrong with, or worth saying about, the settings: all of it, so that one look mends everything. */
export interface Findings {
  readonly problems: (Problem | SettingProblem)[];
  readonly warnings: string[];
}

/** What a part of the program found wrong with a setting, as a problem that names it. @throws what is no DbstashError */
export function problemOf(option: OptionName, error: unknown): SettingProblem {
  if (!(error instanceof DbstashError)) throw error;
  const message = `${named(option)} ${error.message}`;
  return { option, message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

/** Whether a setting was given and could not be read: that is one problem, and what it might have told is not missed besides. */
export function isUnread({ problems }: Findings, option: OptionName): boolean {
  return problems.some((problem) => "option" in problem && problem.option === option);
}
