import { type ConnectionString, splitRemote } from "./connection-string.ts";
import type { Section } from "./rclone-conf.ts";
import { configVariable, isDroppedByShell, remoteVariables } from "./reach.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What one key of a remote is set to, by what comes first in rclone's precedence. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** What sets it, for people: a setting of dbstash's, a variable, or a section. */
  readonly by: string;
  readonly isVariable: boolean;
}

/** A text that names a folder of a remote, or of this machine, and all that is known of what it names. */
export interface Target {
  /** Where the text stands, for people. */
  readonly by: string;
  readonly text: string;
  /** False for a path of this machine. */
  readonly isRemote: boolean;
  readonly path: string;
  /** The backend's prefix, as flags have it: `s3`, `gcs`; null where nothing here tells. */
  readonly backend: string | null;
  readonly settings: readonly Setting[];
  /** What it wraps. */
  readonly behind: readonly Target[];
}

/** What of configuration and environment defines remotes. */
export interface Definitions {
  readonly conf: ReadonlyMap<string, Section>;
  readonly env: Env;
}

/** Backends that store in others, and whether the key that names those takes several (rclone's docs, "Overview"). */
const single = /^(alias|archive|cache|chunker|compress|crypt|hasher)$/;
const several = /^(combine|union)$/;

/** Backends whose flags begin with another word than their type. */
const prefixes: Readonly<Record<string, string>> = {
  "google cloud storage": "gcs",
  googlecloudstorage: "gcs",
  "google photos": "gphotos",
  googlephotos: "gphotos",
};

/** Follows a text to everything that it leads to. What rclone itself refuses, or defines in a circle, ends there. */
export function followTarget(text: string, by: string, definitions: Definitions): Target | null {
  return follow(text, by, definitions, new Set());
}

/** A target and all behind it. */
export function allTargets(target: Target): Target[] {
  return [target, ...target.behind.flatMap(allTargets)];
}

/** Whether all that is stored there lies in folders of this machine. */
export function isInLocalFolder({ isRemote, backend, behind }: Target): boolean {
  if (!isRemote || backend === "local") return true;
  return behind.length > 0 && behind.every(isInLocalFolder);
}

/** Backends that log in anew each time, or by what stands in the configuration, and save nothing there. */
const saveNothing =
  /^(alias|azureblob|azurefiles|b2|cache|chunker|combine|compress|crypt|ftp|hasher|http|local|memory|oos|s3|sftp|smb|storj|swift|union|webdav)$/;

/** Whether rclone may save something of it to the configuration, such as a refreshed token. */
export function mayBeSaved(target: Target): boolean {
  return allTargets(target).some(({ backend }) => backend === null || !saveNothing.test(backend));
}

function follow(
  text: string,
  by: string,
  definitions: Definitions,
  above: ReadonlySet<string>,
): Target | null {
  const split = splitOrNull(text);
  if (split === null || above.has(text)) return null;
  const { head, path } = split;
  if (head === null)
    return { by, text, isRemote: false, path: text, backend: "local", settings: [], behind: [] };
  const settings = settingsOf(split, by, definitions);
  const type = settings.find(({ key }) => key === "type")?.value ?? null;
  const backend = type === null ? null : (prefixes[type] ?? type);
  const within = new Set([...above, text]);
  const behind = settings.flatMap((setting) =>
    textsIn(setting, backend).flatMap((inner) => {
      const where = setting.isVariable ? setting.by : `${setting.key} in ${setting.by}`;
      const found = follow(withPath(inner, backend, path), where, definitions, within);
      return found === null ? [] : [found];
    }),
  );
  return { by, text, isRemote: true, path, backend, settings, behind };
}

function splitOrNull(text: string): ConnectionString | null {
  try {
    return splitRemote(text);
  } catch {
    return null;
  }
}

/** Each key once: of the text's parameters, of a variable, of a section (rclone's docs, "Precedence"). */
function settingsOf({ head, params }: ConnectionString, by: string, { conf, env }: Definitions): Setting[] {
  const name = head ?? "";
  const onTheFly = name.startsWith(":");
  const variables = onTheFly ? new Map<string, string>() : remoteVariables(name, env);
  const found = new Map<string, Setting>();
  const add = (key: string, value: string, from: string, isVariable = false): void => {
    if (!found.has(key)) found.set(key, { key, value, by: from, isVariable });
  };
  const ofVariable = (key: string, value: string): void => add(key, value, configVariable(name, key), true);
  for (const [key, value] of params) {
    // Variables that no shell hands on have joined the parameters.
    if (isDroppedByShell(name) && variables.get(key) === value) ofVariable(key, value);
    else add(key, value, by);
  }
  if (onTheFly) add("type", name.slice(1), by);
  for (const [key, value] of variables) ofVariable(key, value);
  for (const [key, value] of conf.get(name) ?? [])
    if (value !== "") add(key, value, `the section [${name}] of rclone.conf`);
  return [...found.values()];
}

/** The texts of targets that a setting holds: none where its backend has no such key. */
function textsIn({ key, value }: Setting, backend: string | null): string[] {
  if (key === "remote") return value !== "" && (backend === null || single.test(backend)) ? [value] : [];
  if (key !== "upstreams" && key !== "remotes") return [];
  if (backend !== null && !several.test(backend)) return [];
  // Words between blanks, in quotes where they hold one, as in CSV; those of combine begin with `folder=`.
  const words = [...value.matchAll(/"((?:[^"]|"")*)"|[^\s"]\S*/g)].map(
    ([word, inQuotes]) => inQuotes?.replaceAll('""', '"') ?? word,
  );
  return words.map((word) => (backend === "union" ? word : word.replace(/^[^=:,/]*=/, "")));
}

/** An alias of a remote without a path leads to its own path there, which may be a whole one. */
function withPath(inner: string, backend: string | null, path: string): string {
  return backend === "alias" && path.startsWith("/") && inner.endsWith(":") ? inner + path : inner;
}
