import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache.ts";

/**
 * The real components the demo and the tests run against. "distro" servers are those of the machine's own
 * suite (of Debian 12 where the machine is a Debian), "newest" ones those of Debian unstable.
 */
export const componentNames = [
  "postgresql",
  "postgresql-newest",
  "mariadb",
  "mariadb-newest",
  "mysql",
  "redis",
  "redis-newest",
  "valkey",
  "rclone-old",
  "rclone-current",
  "rclone-unstable",
  "s3-server",
  "mongo-tools",
  "ferretdb",
  "sshd",
  "zstd",
  "age",
  "systemd",
  "promtool",
  "node-exporter",
  "actionlint",
  "runtimes",
  "arm64",
  "musl",
  "musl-older",
  "chromium",
  "docker",
  "docker-compose",
] as const;

export type ComponentName = (typeof componentNames)[number];

/** Where a component is (a folder of executables, or the executable) and what it says of its version; or why there is none. */
export type Component = { readonly path: string; readonly version: string } | { readonly missing: string };

export type Manifest = Readonly<Partial<Record<ComponentName, Component>>>;

/** What the last set-up found, built or missed; empty before the first. */
export function readManifest(): Manifest {
  const file = manifestFile();
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Manifest) : {};
}

/** Replaces the entries given, keeps the others. */
export function updateManifest(found: Manifest): void {
  const file = manifestFile();
  mkdirSync(cacheFolder(), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify({ ...readManifest(), ...found }, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function manifestFile(): string {
  return join(cacheFolder(), "components.json");
}
