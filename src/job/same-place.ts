import { realpathSync } from "node:fs";
import { basename, dirname, join, normalize, resolve } from "node:path/posix";
import { named } from "../config/options.ts";
import type { Problem } from "../errors.ts";
import type { Target } from "../remote/targets.ts";

/** A place, and what it leads to. */
export interface NamedTarget {
  /** For people. */
  readonly shown: string;
  /** Null where nothing is known of it. */
  readonly target: Target | null;
}

/** A place as far as it can be told from others: which storage, and which folder of it. */
interface Spot {
  readonly storage: string;
  readonly path: string;
}

/**
 * What is wrong with several places of which two are the same, or one lies inside another: retention would take the
 * backups of one for the other's. Local folders are compared by where they really are, also behind `local` and `alias`
 * remotes; others by the remote's name and parameters, and the path.
 */
export function samePlaceProblems(places: readonly NamedTarget[]): Problem[] {
  const spots = places.map(({ shown, target }) => ({ shown, spot: target === null ? null : spotOf(target) }));
  return spots.flatMap(({ shown, spot }, at) =>
    spots.slice(0, at).flatMap((other) => {
      if (spot === null || other.spot === null || spot.storage !== other.spot.storage) return [];
      const how = relation(spot.path, other.spot.path);
      if (how === null) return [];
      return {
        message: `${named("rcloneExtraRemotes")}: ${shown} ${how} ${other.shown}`,
        hint: "leave one out, or give each a folder of its own",
      };
    }),
  );
}

function relation(path: string, other: string): string | null {
  if (path === other) return "is the same place as";
  if (isInside(path, other)) return "lies inside";
  return isInside(other, path) ? "holds" : null;
}

function isInside(path: string, other: string): boolean {
  return path.startsWith(other === "" || other.endsWith("/") ? other : `${other}/`);
}

function spotOf({ text, isRemote, path, backend, settings, behind }: Target): Spot | null {
  if (!isRemote || backend === "local") return { storage: "local", path: realPath(resolve(path)) };
  const [aliased] = behind;
  if (backend === "alias" && aliased !== undefined) {
    const spot = spotOf(aliased);
    // Of an alias of a remote without a path its own path was followed already.
    const isFollowed = settings.some(({ key, value }) => key === "remote" && value !== aliased.text);
    return spot === null || isFollowed ? spot : below(spot, path);
  }
  const name = text.slice(0, text.length - path.length);
  // What names an on-the-fly remote is its parameters, however they are ordered.
  const parameters = settings.map(({ key, value }) => `${key}=${value}`).toSorted();
  // rclone reads the variables of a remote by its name in upper case.
  const isOfVariables = settings.some(({ key, isVariable }) => key === "type" && isVariable);
  const known = isOfVariables ? name.toUpperCase() : name;
  const storage = name.startsWith(":") ? JSON.stringify(parameters) : known;
  return { storage, path: cleaned(path) };
}

function below({ storage, path }: Spot, name: string): Spot {
  if (storage === "local") return { storage, path: realPath(resolve(path, `./${name}`)) };
  return { storage, path: cleaned(`${path}/${name}`) };
}

function cleaned(path: string): string {
  return normalize(path).replaceAll(/^(\/|\.\/?$)|\/$/g, "");
}

/** Where a folder is when links are followed, as far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
