import { type AnyRow, options } from "./options.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Bun reads these and would become another program, or load code. */
const runtimeVariables = /^(BUN_|NODE_OPTIONS$)/;

/** The environment of hooks: what dbstash was given, less what steers its own runtime. */
export function hookEnvironment(env: Env): Record<string, string> {
  const kept = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !runtimeVariables.test(name),
  );
  return Object.fromEntries(kept) as Record<string, string>;
}

/**
 * The environment of dump tools and rclone: without dbstash's own settings (secrets among them, and names that rclone
 * reads as its own), and with messages in English, which errors and hints are recognised by.
 */
export function toolEnvironment(env: Env): Record<string, string> {
  const own = new Set(
    Object.values(options).flatMap((row: AnyRow) => [
      row.variable,
      row.alias ?? row.variable,
      `${row.variable}_FILE`,
    ]),
  );
  const kept = Object.entries(hookEnvironment(env)).filter(([name]) => !own.has(name) && name !== "LANGUAGE");
  return { ...Object.fromEntries(kept), LC_MESSAGES: "C", ...(env["LC_ALL"] ? { LC_ALL: "C.UTF-8" } : {}) };
}
