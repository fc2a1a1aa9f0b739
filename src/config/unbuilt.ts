import type { Problem } from "../errors.ts";
import { settingNames } from "./options.ts";

interface Planned {
  /** What does the same in this version, or the nearest to it. */
  readonly instead: string;
  /** Values that ask for what happens anyway. */
  readonly idle?: RegExp;
}

/** Settings that later versions are to have: whoever sets one counts on it, so it is never passed over. */
const planned: Readonly<Record<string, Planned>> = {
  STATUS_PAGE: { instead: "ask /readyz and /metrics at HEALTH_PORT", idle: /^(false|no|off|0)$/i },
};

/** What is wrong with a variable that only a later version knows, by its name alone; null for any other. */
export function unbuilt(variable: string): Problem | null {
  const row = Object.hasOwn(planned, variable) ? planned[variable] : undefined;
  // Once there is a row of options for it, that counts.
  if (row === undefined || settingNames().has(variable)) return null;
  return { message: `${variable} is not there in this version`, hint: row.instead };
}

/** Everything in an environment that asks for what only a later version does. */
export function unbuiltProblems(env: Readonly<Record<string, string | undefined>>): Problem[] {
  return Object.entries(planned).flatMap(([variable, { idle }]) => {
    const value = env[variable]?.trim() ?? "";
    const problem = value === "" || idle?.test(value) ? null : unbuilt(variable);
    return problem ?? [];
  });
}
