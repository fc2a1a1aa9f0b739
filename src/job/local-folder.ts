import { named, type OptionName } from "../config/options.ts";
import { quoted } from "../config/quoted.ts";
import type { Problem } from "../errors.ts";
import type { Remote } from "../remote/remote.ts";

/** So many remotes are named in a hint. */
const mostNamed = 3;

/**
 * What is wrong with a place that rclone would take for a local folder: one that begins with neither `/` nor `./` is
 * most likely a remote whose colon is missing, and its backups would lie below the working folder.
 * @param option which setting names it
 * @param text as it was given
 * @param known asked for the names of remotes that are configured
 */
export function localFolderProblem(
  option: OptionName,
  { isLocal }: Pick<Remote, "isLocal">,
  text: string,
  known: () => readonly string[],
): Problem | null {
  if (!isLocal || /^(\.?\/)/.test(text)) return null;
  const what = text.includes(":") ? "names no remote before its colon" : "has no colon";
  return {
    message: `${named(option)} ${what}, so it would be a local folder named ${quoted(text)} below the working folder`,
    hint: `write /${text} or ./${text} for a local folder${text.includes(":") ? "" : `; ${meant(text, known())}`}`,
  };
}

/**
 * What is wrong with a place that is most likely several in one text: behind a comma, a semicolon or a blank its path
 * goes on as a place begins.
 * @param option which setting names it
 * @param known asked for the names of remotes that are configured
 */
export function severalPlacesProblem(
  option: OptionName,
  { path }: Pick<Remote, "path">,
  known: () => readonly string[],
): Problem | null {
  const [, ...further] = path.split(/([,;\s])\s*/);
  const isPlace = further.some((part, at) => {
    if (at % 2 === 0) return false;
    const name = /^([\w.+@-]+):/.exec(part)?.[1];
    if (name === undefined) return /^(\.?\/|:[a-z0-9]+[:,])/.test(part);
    return /[,;]/.test(further[at - 1] ?? "") || known().includes(name);
  });
  if (!isPlace) return null;
  return {
    message: `${named(option)} looks like several places in one`,
    hint: "RCLONE_REMOTE names one place; RCLONE_EXTRA_REMOTES names more, with a blank between them",
  };
}

function meant(text: string, known: readonly string[]): string {
  const [first = "", ...rest] = text.split("/");
  const own = known.find((name) => name.toLowerCase() === first.toLowerCase());
  if (own !== undefined) return `or did you mean ${own}:${rest.join("/")}?`;
  if (known.length === 0) return "a remote is written with a colon, NAME:path";
  const shown = known.slice(0, mostNamed).map((name) => `${name}:${text}`);
  return `or did you mean ${shown.join(" or ")}?`;
}

/** The remotes that a configuration and the environment define. Of an encrypted configuration none is known. */
export function remoteNames(config: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const sections = [...config.matchAll(/^\s*\[([^\]\n]+)\]\s*$/gm)].map(([, name = ""]) => name);
  const variables = Object.keys(env).flatMap((name) => {
    const remote = /^RCLONE_CONFIG_(.+)_TYPE$/.exec(name)?.[1];
    return remote === undefined ? [] : [remote.toLowerCase()];
  });
  return [...new Set([...sections, ...variables])];
}
