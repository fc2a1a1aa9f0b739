import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Secret } from "../config/secret.ts";
import { isConfigPath } from "../config/values.ts";
import { DbstashError } from "../errors.ts";
import { type Workshop, writePrivateFile } from "../process/workshop.ts";
import { parseConf } from "./rclone-conf.ts";
import type { Remote } from "./remote.ts";

/** Where rclone's configuration comes from. */
export type ConfigSource =
  /** `--config ''`: nothing is read and nothing written. */
  | { readonly kind: "none" }
  /** Used where it is, so that rclone can save refreshed tokens. */
  | { readonly kind: "inPlace"; readonly path: string; readonly text: string }
  /** Each rclone process gets a private copy it may write to. */
  | { readonly kind: "copied"; readonly text: Secret; readonly path?: string };

/** The settings and variables that decide. */
export interface ConfigChoice {
  readonly remote: Remote;
  readonly rcloneConfig: Secret | null;
  readonly rcloneConfigFile: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const imagePath = "/config/rclone.conf";

/**
 * Decides where rclone's configuration comes from: a named file, then the inline one, then the image's path,
 * then rclone's own default. Where the remote needs none, and none is named, rclone gets none.
 * A file that can't be replaced is copied: saving to it costs rclone 16 s and more on each call.
 * @throws DbstashError when the named file is missing or unreadable
 */
export function chooseConfig({ remote, rcloneConfig, rcloneConfigFile, env }: ConfigChoice): ConfigSource {
  const named = rcloneConfigFile ?? pathIn(rcloneConfig);
  if (named !== null) return fromFile(named);
  if (rcloneConfig !== null) return { kind: "copied", text: rcloneConfig };
  if (remote.standsAlone) return { kind: "none" };
  const path = [imagePath, ...rcloneDefaults(env)].find((candidate) => existsSync(candidate));
  if (path === undefined || (isDefined(remote) && !hasSection(path, remote.configName)))
    return { kind: "none" };
  return fromFile(path);
}

/** `RCLONE_CONFIG` may hold a path, as rclone's own variable of that name does. */
function pathIn(config: Secret | null): string | null {
  const text = config?.reveal() ?? "";
  return isConfigPath(text) ? text : null;
}

/** The text of a configuration; empty where there is none. */
export function configText(config: ConfigSource): string {
  if (config.kind === "none") return "";
  return config.kind === "inPlace" ? config.text : config.text.reveal();
}

/** Where a configuration comes from, for people; null where there is none. */
export function configOrigin(config: ConfigSource): string | null {
  return config.kind === "none" ? null : (config.path ?? "the configuration in RCLONE_CONFIG");
}

/**
 * The path of a configuration as a process is told it: of the file in use, or of a private copy that this writes into a
 * workshop's folder; null where there is none.
 */
export function configPath(config: ConfigSource, workshop: Workshop, fileName: string): string | null {
  if (config.kind === "none") return null;
  // A hook may look from another folder.
  if (config.kind === "inPlace") return resolve(config.path);
  const path = `${workshop.privateDir}/${fileName}`;
  writePrivateFile(path, config.text.reveal());
  return path;
}

/** True when variables or parameters make the remote, and it wraps no other one. */
function isDefined({ parameters, names }: Remote): boolean {
  return names.length === 0 && parameters.some(([key, value]) => key === "type" && value !== "");
}

/** Whether a file that nobody has named adds to what variables define. One that can't be read is passed over. */
function hasSection(path: string, name: string | null): boolean {
  try {
    return name !== null && parseConf(readFileSync(path, "utf8")).has(name);
  } catch {
    return false;
  }
}

/** rclone's docs, "--config": the places it looks in, less those beside its executable. */
function rcloneDefaults(env: ConfigChoice["env"]): string[] {
  const home = env["HOME"];
  const xdg = env["XDG_CONFIG_HOME"] || (home ? `${home}/.config` : undefined);
  return [...(xdg ? [`${xdg}/rclone/rclone.conf`] : []), ...(home ? [`${home}/.rclone.conf`] : [])];
}

function fromFile(path: string): ConfigSource {
  const text = readReadable(path);
  return isReplaceable(path)
    ? { kind: "inPlace", path, text }
    : { kind: "copied", text: new Secret(text), path };
}

/**
 * Reads a file the user named.
 * @throws DbstashError that names what is missing: the file, or the right to read it (with uid and mode)
 */
export function readReadable(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "ENOENT") throw new DbstashError(`names ${path}, which does not exist`);
    if (code === "EISDIR") throw new DbstashError(`names ${path}, which is a folder`);
    throw new DbstashError(
      `names ${path}, which can't be read (${unreadable(path)})`,
      "give it to the user that dbstash runs as (chown), or run as its owner; in a container, where the image has a user of its own, chmod 0444 or user: in Compose",
    );
  }
}

function unreadable(path: string): string {
  const uid = process.getuid?.() ?? -1;
  try {
    const { mode, uid: owner } = statSync(path);
    return `it has mode ${(mode & 0o7777).toString(8).padStart(4, "0")} and owner ${owner}; dbstash runs as uid ${uid}`;
  } catch {
    return `a folder above it is closed to uid ${uid}`;
  }
}

/** rclone saves by writing a new file beside the old one and renaming it over: a mount point can't be replaced so. */
function isReplaceable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    accessSync(dirname(path), constants.W_OK);
    // Blanks and the like are octal there (proc_pid_mountinfo(5)).
    const written = path.replace(/[\s\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
    return !readFileSync("/proc/self/mountinfo", "utf8").includes(` ${written} `);
  } catch {
    return false;
  }
}
