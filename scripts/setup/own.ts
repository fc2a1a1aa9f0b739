import { existsSync, globSync } from "node:fs";
import { dirname, join } from "node:path";
import { tryCommand } from "./command.ts";
import { isAtLeast } from "./golang.ts";
import { type Component, type Manifest, readManifest } from "./manifest.ts";

const oldestCurrent = "1.75.2";
/** From this version on rclone counts small and spooled streams once: the tests want one from before. */
const firstNotOld = "1.67.0";

/**
 * Settles which rclones the tests get. Current: the one built with Go, else Debian unstable's, else the machine's
 * own, if new enough. Old: the distribution's, if it still is one.
 */
export async function settleRclones(): Promise<Manifest> {
  const { "rclone-current": current, "rclone-unstable": unstable, "rclone-old": old } = readManifest();
  const best = found(current) ?? found(unstable) ?? (await rcloneAt(Bun.which("rclone")));
  const distros = found(old);
  return {
    ...(best !== undefined && isAtLeast(best.version, oldestCurrent) ? { "rclone-current": best } : {}),
    ...(distros !== undefined && isAtLeast(distros.version, firstNotOld)
      ? { "rclone-old": { missing: `rclone ${distros.version} is not older than ${firstNotOld}` } }
      : {}),
  };
}

/** The machine's own PostgreSQL and rclone in place of those that couldn't be unpacked: any version serves a demo. */
export async function ownDemoTools(unpacked: Manifest): Promise<Manifest> {
  const postgresql = found(unpacked.postgresql) ?? (await ownPostgresql());
  const rclone = found(unpacked["rclone-old"]) ?? (await rcloneAt(Bun.which("rclone")));
  return {
    ...unpacked,
    ...(postgresql === undefined ? {} : { postgresql }),
    ...(rclone === undefined ? {} : { "rclone-old": rclone }),
  };
}

type Found = Extract<Component, { readonly path: string }>;

async function ownPostgresql(): Promise<Found | undefined> {
  const onPath = Bun.which("initdb");
  const folders = [
    ...globSync("/usr/lib/postgresql/*/bin").toSorted().toReversed(),
    ...(onPath === null ? [] : [dirname(onPath)]),
  ];
  const path = folders.find((folder) =>
    ["initdb", "pg_dump"].every((program) => existsSync(join(folder, program))),
  );
  if (path === undefined) return undefined;
  return {
    path,
    version:
      /(\d+\.\d+)/.exec((await tryCommand([join(path, "postgres"), "--version"])) ?? "")?.[1] ?? "unknown",
  };
}

async function rcloneAt(path: string | null): Promise<Found | undefined> {
  if (path === null || !existsSync(path)) return undefined;
  const version = /^rclone v(\d+\.\d+\.\d+)/.exec((await tryCommand([path, "version"])) ?? "")?.[1];
  return version === undefined ? undefined : { path, version };
}

function found(component: Component | undefined): Found | undefined {
  return component !== undefined && "path" in component ? component : undefined;
}
