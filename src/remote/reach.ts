import { parametersIn, remotesNamedIn } from "./connection-string.ts";
import type { Section } from "./rclone-conf.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Keys by which one remote names others (rclone's docs: alias, crypt, union, combine and the like). */
const wrapping = /^(remote|remotes|upstreams)$/;

/** A remote that a place leads to, and what defines it. */
export interface ReachedRemote {
  readonly name: string;
  /** Its section of rclone.conf; null where there is none. */
  readonly section: Section | null;
  /** What variables set of it, by key. */
  readonly variables: Section;
}

/** What a remote, or parameters of one, set that names other remotes. */
export function namedBy(entries: Iterable<readonly [key: string, value: string]>): string[] {
  return [...entries].flatMap(([key, value]) => (wrapping.test(key) ? remotesNamedIn(value) : []));
}

/** Options of all of rclone that these set, or the remotes that they name: `dry_run` of `global.dry_run` (1.71). */
export function globalOptionsIn(entries: Iterable<readonly [key: string, value: string]>): string[] {
  const keys = [...entries].flatMap(([key, value]) => [key, ...parametersIn(value).map(([inner]) => inner)]);
  return keys.flatMap((key) => /^global\.(.+)$/i.exec(key)?.[1]?.toLowerCase() ?? []);
}

/** Every remote that these lead to, one through another, each once; those that nothing defines among them. */
export function reach(
  names: readonly string[],
  conf: ReadonlyMap<string, Section>,
  env: Env,
): ReachedRemote[] {
  const found = new Map<string, ReachedRemote>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    const section = conf.get(name) ?? null;
    const variables = remoteVariables(name, env);
    found.set(name, { name, section, variables });
    open.push(...namedBy(section ?? []), ...namedBy(variables));
  }
  return [...found.values()];
}

/**
 * How rclone names the variable of a remote's parameter (fs/config.go, ConfigToEnv): upper case; dashes become
 * underscores in the key alone.
 */
export function configVariable(remote: string, key: string): string {
  return `RCLONE_CONFIG_${remote.toUpperCase()}_${key.toUpperCase().replaceAll("-", "_")}`;
}

/** What the environment sets of a remote, by key: rclone, too, can't tell `a`'s `b_type` from the `type` of `a_b`. */
export function remoteVariables(remote: string, env: Env): Map<string, string> {
  const prefix = configVariable(remote, "");
  return new Map(
    Object.entries(env).flatMap(([name, value]): [string, string][] => {
      const key = name.slice(prefix.length);
      if (!name.startsWith(prefix) || value === undefined || !/^[A-Z0-9_.]+$/.test(key)) return [];
      return [[key.toLowerCase(), value]];
    }),
  );
}

/**
 * Whether the shell that starts rclone drops the variables of a remote: those whose names are no shell names, such as
 * `RCLONE_CONFIG_MY-S3_TYPE` (POSIX, "Environment Variable Definition"; dash and busybox do).
 */
export function isDroppedByShell(remote: string): boolean {
  return !/^[A-Za-z0-9_]*$/.test(remote);
}
