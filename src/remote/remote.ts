import { Secret } from "../config/secret.ts";
import { DbstashError } from "../errors.ts";
import { parametersIn, quoteValue, splitRemote } from "./connection-string.ts";
import { configVariable, globalOptionsIn, isDroppedByShell, namedBy, remoteVariables } from "./reach.ts";
import { secretsOf } from "./rclone-secrets.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Parameter = readonly [key: string, value: string];

/** A target as rclone is told it. */
export interface Remote {
  /** What commands build paths on. Of a remote with parameters it begins with an alias (see `addressed`). */
  readonly path: string;
  /** What the alias of `path` stands for: name, parameters and colon; null where `path` is rclone's own. */
  readonly connection: Secret | null;
  /** For people: without parameters. */
  readonly shown: string;
  /** The remote's name in rclone.conf; null for a local path and an on-the-fly remote. */
  readonly configName: string | null;
  /** Other remotes that its parameters, or the variables that define it, name. */
  readonly names: readonly string[];
  /** A path of this machine's own file system. */
  readonly isLocal: boolean;
  /** True where rclone.conf can't matter: a local path, or an on-the-fly remote that wraps no other one. */
  readonly standsAlone: boolean;
  /** What parameters and variables set of it, as far as it is no secret: which backend, server and place it is. */
  readonly parameters: readonly Parameter[];
  /** Options of all of rclone that its parameters set (see `globalOptionsIn`). */
  readonly globalOptions: readonly string[];
  /** Values to keep out of all output. */
  readonly secrets: readonly string[];
}

/** Parameters whose values are of use in a message and no secret; every other one is taken for a secret. */
const harmless =
  /^(type|provider|region|endpoint|host|port|url|vendor|bucket|env_auth|location_constraint|acl|storage_class|chunk_size|upload_cutoff|upload_concurrency|shell_type|md5sum_command|sha1sum_command|force_path_style|no_check_bucket|directory_name_encryption|filename_encryption|remote|upstreams|remotes|copy_links|encoding|scope|tls|explicit_tls|(global|override)\..*)$/;

/** Parameters that say whose it is, and which of his places: two targets may differ in these alone. */
const telling =
  /^(user|username|account|tenant|domain|share_name|container|drive_id|team_drive|root_folder_id|project_number|project_id|namespace|profile|service_url|library|workspace_id|namenode|api_url)$/;

/**
 * A remote of `RCLONE_REMOTE`'s text. Parameters reach rclone by an alias that variables define, with the whole text as
 * it is: nothing else comes as early in rclone's precedence, and in argv everybody could read them. So do those of a
 * remote that variables define whose names the shell that starts rclone would drop.
 * @param place tells the aliases of several places apart
 * @throws DbstashError for a text that rclone would refuse; never quotes a value
 */
export function parseRemote(text: string, env: Env = {}, place = 1): Remote {
  const { head, params, before, path } = splitRemote(text);
  if (head === null) {
    if (/^(?!\.?\/)[^/]*,[^/]*=/.test(text))
      throw new DbstashError(
        "has parameters behind a name that no remote of rclone's can have",
        "a remote is written NAME,key=value:path or :backend,key=value:path",
      );
    return { ...nowhere, path: text, shown: text };
  }
  if (head.startsWith("-")) throw new DbstashError("begins with -, as no remote of rclone's can");
  const onTheFly = head.startsWith(":");
  const variables = onTheFly ? new Map<string, string>() : remoteVariables(head, env);
  const folded = isDroppedByShell(head) && !onTheFly ? withoutGiven(variables, params) : [];
  const all = [...params, ...folded];
  const shown = `${head}:${path}`;
  const names = namedBy([...params, ...withoutGiven(variables, params)]);
  const secrets = all.flatMap(([key, value]) => [
    ...parameterSecrets(key, value),
    ...parametersIn(value).flatMap(([inner, its]) => parameterSecrets(inner, its)),
  ]);
  return {
    path: all.length === 0 ? shown : `${aliasPrefix}${place}:${path}`,
    connection: all.length === 0 ? null : new Secret(connectionOf(before, folded)),
    shown,
    configName: onTheFly ? null : head,
    names,
    isLocal: false,
    standsAlone: onTheFly && names.length === 0,
    parameters: withoutSecrets([...params, ...withoutGiven(variables, params)]),
    globalOptions: globalOptionsIn(params),
    secrets: [...new Set([...secrets, ...secretsOf(all)])],
  };
}

/** A local path that is none yet. */
export const nowhere: Remote = {
  path: "",
  connection: null,
  shown: "",
  configName: null,
  names: [],
  isLocal: true,
  standsAlone: true,
  parameters: [],
  globalOptions: [],
  secrets: [],
};

const aliasPrefix = "dbstash_place_";

/** Words of rclone's command line, and the variables that go with them. */
export interface Addressed {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Words of a command line in which paths of the remote stand, as rclone can be told them. Where they begin with an
 * alias, the folder goes into the variable that defines it, with the slash at its end, and a name alone stays in argv:
 * an alias cuts that slash off an argument, and S3 would then be asked whether the folder is a file.
 * All paths of one command lie in one folder.
 */
export function addressed({ path, connection }: Remote, words: readonly string[]): Addressed {
  if (connection === null) return { args: words, env: {} };
  const alias = path.slice(0, path.indexOf(":"));
  const paths = words.filter((word) => word.startsWith(`${alias}:`));
  const cut = (word: string) => Math.max(word.lastIndexOf("/"), alias.length) + 1;
  const [folder = "", ...others] = new Set(paths.map((word) => word.slice(alias.length + 1, cut(word))));
  if (others.length > 0) throw new Error("one rclone has paths of two folders");
  return {
    args: words.map((word) => (paths.includes(word) ? `${alias}:${word.slice(cut(word))}` : word)),
    env: {
      [configVariable(alias, "type")]: "alias",
      [configVariable(alias, "remote")]: connection.reveal() + folder,
    },
  };
}

/** A remote's text with its parameters, as `RCLONE_REMOTE` has it; variables that a shell drops are among them. */
export function originalText({ path, connection }: Remote): string {
  return connection === null ? path : connection.reveal() + path.slice(path.indexOf(":") + 1);
}

/** rclone's words with the name that people know in place of the alias. */
export function withoutAlias({ path, connection, shown }: Remote, words: string): string {
  if (connection === null) return words;
  return words.replaceAll(path.slice(0, path.indexOf(":")), shown.slice(0, shown.indexOf(":", 1)));
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

/** Variables' settings but for those that parameters say otherwise. */
function withoutGiven(variables: ReadonlyMap<string, string>, params: readonly Parameter[]): Parameter[] {
  const given = new Set(params.map(([key]) => key));
  return [...variables].filter(([key]) => !given.has(key) && !key.includes("."));
}

function connectionOf(before: string, folded: readonly Parameter[]): string {
  const added = folded.map(([key, value]) => `,${key}=${quoteValue(value)}`);
  return `${before.slice(0, -1)}${added.join("")}:`;
}

function parameterSecrets(key: string, value: string): string[] {
  const known = secretsOf([[key, value]]);
  const isOpen = harmless.test(key) || /^(true|false)?$/.test(value);
  return known.length > 0 || isOpen ? known : [value];
}

/** Only what is known to be none, and without those within: even a hash of a password may be guessed. */
function withoutSecrets(params: readonly Parameter[]): Parameter[] {
  const secrets = secretsOf(params);
  return params.flatMap(([key, value]): Parameter[] => {
    if (!harmless.test(key) && !telling.test(key)) return [];
    const open = secrets.reduce((rest, secret) => rest.replaceAll(secret, ""), value);
    return [[key, open]];
  });
}
