import { urlPasswordOf } from "../config/secret.ts";
import { DbstashError } from "../errors.ts";

/** A target as rclone is told it: parameters that may be secrets have moved from the path into variables. */
export interface Remote {
  /** What stands in rclone's argv, before a name is added. */
  readonly path: string;
  /** `RCLONE_CONFIG_<NAME>_<KEY>` variables that carry the parameters. */
  readonly env: Readonly<Record<string, string>>;
  /** For people: without parameters. */
  readonly shown: string;
  /** The remote's name in rclone.conf; null for a local path and an on-the-fly remote. */
  readonly configName: string | null;
  /** A path of this machine's own file system. */
  readonly isLocal: boolean;
  /** True where rclone.conf can't matter: a local path, or an on-the-fly remote that wraps no other one. */
  readonly standsAlone: boolean;
  /** Values to keep out of all output. */
  readonly secrets: readonly string[];
}

/** The name that an on-the-fly remote with parameters gets. */
const onTheFlyName = "DBSTASH";

/** Parameters whose values are of use in a message and no secret; every other one is taken for a secret. */
const harmless =
  /^(type|provider|region|endpoint|host|port|url|vendor|bucket|env_auth|location_constraint|acl|storage_class|chunk_size|upload_cutoff|upload_concurrency|shell_type|md5sum_command|sha1sum_command|force_path_style|no_check_bucket|directory_name_encryption|filename_encryption|remote|upstreams|remotes|copy_links|encoding|scope|tls|explicit_tls)$/;

/**
 * Takes `RCLONE_REMOTE` apart by rclone's rules (docs, "Connection strings"): a colon before the first slash makes
 * a remote, a leading colon an on-the-fly one, `,key=value` its parameters, quoted where they hold `,` or `:`.
 * @throws DbstashError for an unclosed quote, a parameter without a name, or one that no variable can carry; never
 * quotes a value
 */
export function parseRemote(text: string): Remote {
  const { head, params, path } = splitRemote(text);
  if (head === null) {
    return {
      path: text,
      env: {},
      shown: text,
      configName: null,
      isLocal: true,
      standsAlone: true,
      secrets: [],
    };
  }
  const onTheFly = head.startsWith(":");
  const secrets = params.flatMap(([key, value]) => paramSecrets(key, value));
  const shown = `${head}:${path}`;
  if (params.length === 0) {
    return {
      path: shown,
      env: {},
      shown,
      configName: onTheFly ? null : head,
      isLocal: false,
      standsAlone: onTheFly,
      secrets,
    };
  }
  if (!onTheFly && !/^[A-Za-z0-9_-]+$/.test(head)) {
    // They go by variables, and a shell that starts a tool drops those whose names are none.
    throw new DbstashError(
      `gives parameters to the remote ${JSON.stringify(head)}, whose name has more in it than letters, digits, _ and -`,
      "set them in its section of rclone.conf, and name the remote without parameters",
    );
  }
  const name = onTheFly ? onTheFlyName : head;
  const env: Record<string, string> = onTheFly ? { [configVariable(name, "type")]: head.slice(1) } : {};
  for (const [key, value] of params) env[configVariable(name, key)] = value;
  const wraps = params.some(([key]) => /^(remote|remotes|upstreams)$/.test(key));
  return {
    path: `${name}:${path}`,
    env,
    shown,
    configName: onTheFly ? null : head,
    isLocal: false,
    standsAlone: onTheFly && !wraps,
    secrets,
  };
}

/** The path of `name` below a remote's path. */
export function joinRemote(base: string, name: string): string {
  if (name === "") return base;
  return base.endsWith(":") || base.endsWith("/") ? base + name : `${base}/${name}`;
}

/** A folder's path as rclone takes it for one without asking the remote: with a slash at its end. */
export function folderPath(path: string): string {
  return path.endsWith(":") || path.endsWith("/") ? path : `${path}/`;
}

/** How rclone names the variable of a remote's parameter (fs/config: dashes become underscores, upper case). */
export function configVariable(remote: string, key: string): string {
  return `RCLONE_CONFIG_${remote}_${key}`.toUpperCase().replaceAll("-", "_");
}

function splitRemote(text: string): { head: string | null; params: [string, string][]; path: string } {
  const firstSlash = text.indexOf("/");
  const match = /^(:?[\p{L}\p{N}_.+@ -]+?)([:,])/u.exec(text);
  if (match === null || (firstSlash >= 0 && match[0].length > firstSlash))
    return { head: null, params: [], path: text };
  const head = match[1] ?? "";
  if (match[2] === ":") return { head, params: [], path: text.slice(match[0].length) };
  const params: [string, string][] = [];
  let rest = text.slice(match[0].length);
  for (;;) {
    const key = /^([\w-]+)/.exec(rest)?.[1];
    if (key === undefined)
      throw new DbstashError(
        "has a parameter without a name",
        "parameters are written ,name=value before the colon",
      );
    rest = rest.slice(key.length);
    let value = "true";
    if (rest.startsWith("=")) [value, rest] = readValue(rest.slice(1));
    params.push([key, value]);
    if (rest.startsWith(":")) return { head, params, path: rest.slice(1) };
    if (!rest.startsWith(","))
      throw new DbstashError(
        "has parameters that no colon ends",
        'a value that holds , or : stands in quotes: ,pass="a:b"',
      );
    rest = rest.slice(1);
  }
}

/** A quote is doubled inside a quoted value (rclone's docs, "Connection strings, config and logging"). */
function readValue(text: string): [string, string] {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") {
    const end = /[,:]/.exec(text)?.index ?? text.length;
    return [text.slice(0, end), text.slice(end)];
  }
  for (let at = 1; at < text.length; at++) {
    if (text[at] !== quote) continue;
    if (text[at + 1] === quote) at++;
    else return [text.slice(1, at).replaceAll(quote + quote, quote), text.slice(at + 1)];
  }
  throw new DbstashError("has a quote that is not closed");
}

function paramSecrets(key: string, value: string): string[] {
  const inUrl = urlPasswordOf(value);
  if (inUrl !== null) return [inUrl];
  return harmless.test(key) || value === "true" || value === "false" ? [] : [value];
}
