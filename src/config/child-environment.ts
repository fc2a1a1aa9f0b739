import { settingNames } from "./options.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Bun reads these and would become another program, or load code. */
const runtimeVariables = /^(BUN_|NODE_OPTIONS$)/;

/**
 * Client libraries read these where a command says nothing of its own, some even where it does (PGHOSTADDR): which
 * server, database and user it is, and by which password, the settings alone say. TLS, and files (PGPASSFILE), stay.
 */
const connectionVariables =
  /^(PG(HOST|HOSTADDR|PORT|DATABASE|USER|PASSWORD|SERVICE|SERVICEFILE|TARGETSESSIONATTRS)|MYSQL_(HOST|TCP_PORT|UNIX_PORT|PWD)|(REDIS|VALKEY)CLI_AUTH)$/;

/** The environment of hooks: what dbstash was given, less what steers its own runtime. */
export function hookEnvironment(env: Env): Record<string, string> {
  const kept = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !runtimeVariables.test(name),
  );
  return Object.fromEntries(kept) as Record<string, string>;
}

/**
 * The environment of dump tools and rclone: without dbstash's own settings (secrets among them, and names that rclone
 * reads as its own) and what would name another server, and with messages in English, which errors and hints are recognised by.
 */
export function toolEnvironment(env: Env): Record<string, string> {
  const own = settingNames();
  const kept = Object.entries(hookEnvironment(env)).filter(
    ([name]) => !own.has(name) && name !== "LANGUAGE" && !connectionVariables.test(name),
  );
  return { ...Object.fromEntries(kept), LC_MESSAGES: "C", ...(env["LC_ALL"] ? { LC_ALL: "C.UTF-8" } : {}) };
}
