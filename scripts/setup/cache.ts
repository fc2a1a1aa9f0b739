import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The folder of everything downloaded or built: outside the checkout, kept between runs. */
export function cacheFolder(): string {
  const { DBSTASH_CACHE, XDG_CACHE_HOME } = process.env;
  return DBSTASH_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "dbstash");
}

/**
 * The folder of the database servers' files. Tests that run as root start these servers as `nobody`,
 * who can't reach into root's home: then it lies in /var/cache instead.
 */
export function serversFolder(): string {
  const inCache = join(cacheFolder(), "servers");
  return process.getuid?.() !== 0 || isReachableByAll(cacheFolder()) ? inCache : "/var/cache/dbstash/servers";
}

/** Whether every user may pass through the folder and all above it; those that don't exist yet are not in the way. */
export function isReachableByAll(folder: string): boolean {
  const here = !existsSync(folder) || (statSync(folder).mode & 0o001) !== 0;
  return here && (dirname(folder) === folder || isReachableByAll(dirname(folder)));
}

/**
 * Makes a folder once: `make` fills a fresh one beside it, which then takes its place in one rename, so that an
 * interrupted set-up leaves nothing half made. It is made anew when `inputs` are not those it was made from.
 */
export async function once(
  folder: string,
  inputs: readonly string[],
  make: (fresh: string) => Promise<void>,
): Promise<void> {
  if (isMadeFrom(folder, inputs)) return;
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o755 });
  try {
    await make(fresh);
    writeFileSync(join(fresh, stamp), digest(inputs));
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Whether the folder is there and was made from exactly these inputs. */
export function isMadeFrom(folder: string, inputs: readonly string[]): boolean {
  const file = join(folder, stamp);
  return existsSync(file) && readFileSync(file, "utf8") === digest(inputs);
}

const stamp = ".made-from";

function digest(inputs: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(inputs)).digest("hex");
}
