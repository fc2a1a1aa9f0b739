import { chmodSync, existsSync, globSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { isMadeFrom, once, serversFolder } from "./cache.ts";
import { command } from "./command.ts";
import { type Archive, distroArchive, unpack, unstableArchive } from "./debian.ts";
import type { Component, ComponentName, Manifest } from "./manifest.ts";

/** A folder of unpacked packages, and which components are found in it. */
export interface Root {
  readonly name: string;
  readonly archive: () => Promise<Archive>;
  /** The archive in words. */
  readonly source: string;
  readonly packages: readonly string[];
  readonly components: readonly Place[];
  /** Rough time on a machine with two cores and a fast network. */
  readonly seconds: number;
}

/** A component's place below its root, as a pattern, and the program in it that tells the version. */
interface Place {
  readonly name: ComponentName;
  readonly pattern: string;
  readonly program?: string;
}

/** What the demo needs too: PostgreSQL and rclone as the machine's own distribution has them. */
export const distroBase: Root = {
  name: "distro-base",
  archive: distroArchive,
  source: "the distribution",
  packages: ["postgresql", "rclone", "zstd", "patchelf"],
  components: [
    { name: "postgresql", pattern: "usr/lib/postgresql/*/bin", program: "postgres" },
    { name: "rclone-old", pattern: "usr/bin/rclone" },
    { name: "zstd", pattern: "usr/bin/zstd" },
  ],
  seconds: 20,
};

/** The other servers. MySQL and MariaDB have files of the same names, hence two roots of Debian unstable. */
export const otherRoots: readonly Root[] = [
  {
    name: "distro-more",
    archive: distroArchive,
    source: "the distribution",
    packages: ["mariadb-server-core", "mariadb-client", "redis-tools", "openssh-server", "patchelf"],
    components: [
      { name: "mariadb", pattern: "usr/bin", program: "mariadb-dump" },
      { name: "redis", pattern: "usr/bin", program: "redis-server" },
      { name: "sshd", pattern: "usr/sbin/sshd" },
    ],
    seconds: 25,
  },
  {
    name: "newest",
    archive: unstableArchive,
    source: "Debian unstable",
    packages: [
      "postgresql",
      "mariadb-server-core",
      "mariadb-client",
      "redis-tools",
      "valkey-tools",
      "rclone",
      "patchelf",
    ],
    components: [
      { name: "postgresql-newest", pattern: "usr/lib/postgresql/*/bin", program: "postgres" },
      { name: "mariadb-newest", pattern: "usr/bin", program: "mariadb-dump" },
      { name: "redis-newest", pattern: "usr/bin", program: "redis-server" },
      { name: "valkey", pattern: "usr/bin", program: "valkey-server" },
    ],
    seconds: 35,
  },
  {
    name: "mysql",
    archive: unstableArchive,
    source: "Debian unstable",
    packages: ["mysql-server-core", "mysql-client-core", "patchelf"],
    components: [{ name: "mysql", pattern: "usr/bin", program: "mysqldump" }],
    seconds: 25,
  },
];

/** Whether the root is there, made from the packages it lists today. */
export function isUnpacked(root: Root): boolean {
  return isMadeFrom(join(serversFolder(), root.name), root.packages);
}

/** Unpacks the root unless it is there, and says where its components are; all missing where it can't be had. */
export async function provideRoot(root: Root): Promise<Manifest> {
  const folder = join(serversFolder(), root.name);
  try {
    await once(folder, root.packages, async (fresh) => {
      await unpack(await root.archive(), root.packages, fresh);
      nameServers(fresh);
      chmodSync(fresh, 0o755);
    });
  } catch (error) {
    const missing = `${root.packages.join(", ")} could not be unpacked: ${(error as Error).message}`;
    return Object.fromEntries(root.components.map(({ name }) => [name, { missing }]));
  }
  const found = root.components.map(async (place) => [place.name, await locate(folder, place)] as const);
  return Object.fromEntries(await Promise.all(found));
}

/** Debian's *-server packages of Redis and Valkey hold little but this name for a program of the *-tools package. */
function nameServers(root: string): void {
  for (const flavour of ["redis", "valkey"]) {
    const server = join(root, "usr/bin", `${flavour}-server`);
    const tool = `${flavour}-check-rdb`;
    if (!existsSync(server) && existsSync(join(root, "usr/bin", tool))) symlinkSync(tool, server);
  }
}

async function locate(root: string, { name, pattern, program }: Place): Promise<Component> {
  const path = globSync(pattern, { cwd: root }).map((found) => join(root, found))[0];
  if (path === undefined) return { missing: `no ${pattern} in the packages of ${root}` };
  const executable = program === undefined ? path : join(path, program);
  return { path, version: await versionOf(name, executable) };
}

/** The version a program reports, as `15.18`; sshd has no flag for it and answers `unknown`. */
async function versionOf(name: ComponentName, executable: string): Promise<string> {
  if (name === "sshd") return "unknown";
  const said = await command([executable, name.startsWith("rclone") ? "version" : "--version"]);
  return /\bv?=?(\d+\.\d+(\.\d+)?)/.exec(said.replace(/^.*\bDistrib /s, ""))?.[1] ?? "unknown";
}
