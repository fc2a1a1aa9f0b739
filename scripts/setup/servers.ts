import { existsSync, globSync, mkdirSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isMadeFrom, once, serversFolder } from "./cache.ts";
import { tryCommand } from "./command.ts";
import { type Archive, distroArchive, unpack, unpackFormat, unstableArchive } from "./debian.ts";
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

/** A component's place below its root, and the program in it that tells the version. */
interface Place {
  readonly name: ComponentName;
  /** One executable, or a folder that holds nothing but the component's own. */
  readonly path: string;
  readonly program?: string;
  /** The executables to link into that folder (of a PATH), where the packages have none of the component's own. */
  readonly links?: string;
}

const mysqlPrograms = "usr/{bin,sbin}/{mysql,mariadb,my_print,resolveip}*";

/** What the demo needs too: PostgreSQL and rclone as the machine's own distribution has them. */
export const distroBase: Root = {
  name: "distro-base",
  archive: distroArchive,
  source: "the distribution",
  packages: ["postgresql", "rclone", "zstd", "patchelf"],
  components: [
    { name: "postgresql", path: "usr/lib/postgresql/*/bin", program: "postgres" },
    { name: "rclone-old", path: "tools/rclone/rclone", links: "usr/bin/rclone" },
    { name: "zstd", path: "tools/zstd/zstd", links: "usr/bin/zstd" },
  ],
  seconds: 20,
};

/** The other servers. MySQL and MariaDB have files of the same names, hence two roots of Debian unstable. */
export const otherRoots: readonly Root[] = [
  {
    name: "distro-more",
    archive: distroArchive,
    source: "the distribution",
    packages: [
      "mariadb-server-core",
      "mariadb-client",
      "redis-tools",
      "openssh-server",
      "libnss-wrapper",
      "patchelf",
    ],
    components: [
      { name: "mariadb", path: "tools/mariadb", program: "mariadb-dump", links: mysqlPrograms },
      { name: "redis", path: "tools/redis", program: "redis-server", links: "usr/bin/redis-*" },
      { name: "sshd", path: "usr/sbin/sshd" },
    ],
    seconds: 25,
  },
  {
    name: "systemd",
    archive: distroArchive,
    source: "the distribution",
    packages: ["systemd", "patchelf"],
    components: [
      {
        name: "systemd",
        path: "tools/systemd",
        program: "systemd-analyze",
        // /bin/systemd is a link to the machine's own.
        links:
          "{bin/systemctl,usr/bin/systemctl,usr/bin/systemd-analyze,lib/systemd/systemd,usr/lib/systemd/systemd}",
      },
    ],
    seconds: 10,
  },
  {
    name: "age",
    archive: distroArchive,
    source: "the distribution",
    packages: ["age", "patchelf"],
    components: [{ name: "age", path: "tools/age", program: "age", links: "usr/bin/age*" }],
    seconds: 10,
  },
  {
    name: "prometheus",
    archive: distroArchive,
    source: "the distribution",
    packages: ["prometheus", "prometheus-node-exporter", "patchelf"],
    components: [
      { name: "promtool", path: "tools/promtool/promtool", links: "usr/bin/promtool" },
      {
        name: "node-exporter",
        path: "tools/node-exporter/prometheus-node-exporter",
        links: "usr/bin/prometheus-node-exporter",
      },
    ],
    seconds: 15,
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
      { name: "postgresql-newest", path: "usr/lib/postgresql/*/bin", program: "postgres" },
      { name: "mariadb-newest", path: "tools/mariadb", program: "mariadb-dump", links: mysqlPrograms },
      { name: "redis-newest", path: "tools/redis", program: "redis-server", links: "usr/bin/redis-*" },
      { name: "rclone-unstable", path: "tools/rclone/rclone", links: "usr/bin/rclone" },
      { name: "valkey", path: "tools/valkey", program: "valkey-server", links: "usr/bin/valkey-*" },
    ],
    seconds: 35,
  },
  {
    name: "mysql",
    archive: unstableArchive,
    source: "Debian unstable",
    packages: ["mysql-server-core", "mysql-client-core", "patchelf"],
    components: [{ name: "mysql", path: "tools/mysql", program: "mysqldump", links: mysqlPrograms }],
    seconds: 25,
  },
];

/** A browser, for what looks at the page; neither the demo nor the tests need it. */
export const browserRoot: Root = {
  name: "browser",
  archive: distroArchive,
  source: "the distribution",
  packages: ["chromium", "fonts-dejavu-core", "patchelf"],
  components: [{ name: "chromium", path: "tools/chromium/chromium", links: "usr/lib/chromium/chromium" }],
  seconds: 60,
};

/** Whether the root is there, made from the packages it lists today. */
export function isUnpacked(root: Root): boolean {
  return isMadeFrom(join(serversFolder(), root.name), inputsOf(root));
}

/** Unpacks the root unless it is there, and says where its components are; all missing where it can't be had. */
export async function provideRoot(root: Root): Promise<Manifest> {
  const folder = join(serversFolder(), root.name);
  try {
    await once(folder, inputsOf(root), async (fresh) => {
      await unpack(await root.archive(), root.packages, fresh);
      nameServers(fresh);
      for (const place of root.components) linkTools(fresh, place);
    });
  } catch (error) {
    const missing = `${root.packages.join(", ")} could not be unpacked: ${(error as Error).message}`;
    return Object.fromEntries(root.components.map(({ name }) => [name, { missing }]));
  }
  const found = root.components.map(async (place) => [place.name, await locate(folder, place)] as const);
  return Object.fromEntries(await Promise.all(found));
}

function inputsOf(root: Root): readonly string[] {
  return [unpackFormat, ...root.packages, ...root.components.map((place) => place.links ?? "")];
}

/** Debian's *-server packages of Redis and Valkey hold little but this name for a program of the *-tools package. */
function nameServers(root: string): void {
  for (const flavour of ["redis", "valkey"]) {
    const server = join(root, "usr/bin", `${flavour}-server`);
    const tool = `${flavour}-check-rdb`;
    if (!existsSync(server) && existsSync(join(root, "usr/bin", tool))) symlinkSync(tool, server);
  }
}

function linkTools(root: string, { path, program, links }: Place): void {
  if (links === undefined) return;
  const folder = program === undefined ? dirname(path) : path;
  mkdirSync(join(root, folder), { recursive: true });
  for (const file of globSync(links, { cwd: root }))
    symlinkSync(join("../..", file), join(root, folder, basename(file)));
}

async function locate(root: string, { name, path, program }: Place): Promise<Component> {
  const found = globSync(path, { cwd: root })[0];
  if (found === undefined) return { missing: `no ${path} in the packages unpacked into ${root}` };
  // sshd has no flag that only prints its version.
  if (name === "sshd") return { path: join(root, found), version: "unknown" };
  const executable = join(root, found, program ?? "");
  const said = await tryCommand([executable, name.startsWith("rclone") ? "version" : "--version"]);
  const version = /\bv?=?(\d+\.\d+(\.\d+)?)/.exec(said?.replace(/^.*\bDistrib /s, "") ?? "")?.[1];
  return version === undefined
    ? { missing: `${executable} does not run` }
    : { path: join(root, found), version };
}
