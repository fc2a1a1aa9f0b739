import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isMadeFrom, once } from "./cache.ts";
import { command } from "./command.ts";
import { debianArchive, extract } from "./debian.ts";
import { engineData, startEngine } from "./docker-engine.ts";
import { goBuilds } from "./golang.ts";
import { type Manifest, readManifest } from "./manifest.ts";

/** The images that stand in for the registry's, and the stages of the Dockerfile beside this file that make them. */
const standIns: Readonly<Record<string, string>> = {
  "debian:trixie-slim": "debian",
  [`oven/bun:${Bun.version}-slim`]: "bun",
  [`rclone/rclone:${goBuilds.find(({ module }) => module === "rclone")?.version}`]: "rclone",
  "postgres:17-trixie": "postgres-17",
  "postgres:18-trixie": "postgres-18",
  "mysql:9.7": "mysql",
  "mariadb:10.11": "mariadb-older",
  "mariadb:11.8": "mariadb",
  "redis:8": "redis",
  "mongo:8.0": "mongo",
};

/** What a Debian image begins with: enough for apt to install the rest of a minimal system over it. */
const packages = [
  "apt",
  "base-files",
  "base-passwd",
  "bash",
  "coreutils",
  "dash",
  "debconf",
  "debian-archive-keyring",
  "diffutils",
  "dpkg",
  "findutils",
  "grep",
  "gzip",
  "libc-bin",
  "mawk",
  "perl-base",
  "sed",
  "tar",
  "util-linux",
];

/** What an image needs from which programs are only collected. */
const olderPackages = ["bash", "coreutils", "dash", "libc-bin", "mariadb-client", "mawk"];

const dockerfile = join(import.meta.dirname, "docker-stand-ins.Dockerfile");

/** Whether the stand-ins were built by today's recipe. */
export function areStandInsBuilt(): boolean {
  return isMadeFrom(stampFolder(), inputs());
}

/**
 * Builds the stand-ins in the engine's own storage unless they are there: no image registry is asked.
 * Without them, or without an engine, `docker` is missing.
 */
export async function provideStandIns(): Promise<Manifest> {
  const { docker, "rclone-current": rclone, "mongo-tools": mongo } = readManifest();
  if (docker === undefined || "missing" in docker) return {};
  for (const [name, part] of Object.entries({ rclone, "mongo-tools": mongo }))
    if (part === undefined || "missing" in part)
      return { docker: { missing: `the images need ${name}: ${part?.missing ?? "not set up"}` } };
  try {
    await once(stampFolder(), inputs(), build);
    return {};
  } catch (error) {
    return { docker: { missing: `the base images could not be made: ${(error as Error).message}` } };
  }
}

/** Holds nothing but the note of what the images were made from; they themselves are in the engine's storage. */
function stampFolder(): string {
  return join(engineData(), "../docker-stand-ins");
}

function inputs(): string[] {
  const { "rclone-current": rclone, "mongo-tools": mongo } = readManifest();
  return [
    readFileSync(dockerfile, "utf8"),
    JSON.stringify([standIns, packages, olderPackages, rclone, mongo]),
  ];
}

async function build(fresh: string): Promise<void> {
  const archive = await debianArchive("trixie");
  const [unpacked, older, authorities, empty] = [
    join(fresh, "packages"),
    join(fresh, "older-packages"),
    join(fresh, "authorities"),
    join(fresh, "empty"),
  ];
  for (const folder of [unpacked, older, authorities, empty]) mkdirSync(folder);
  await extract(archive, packages, unpacked);
  await extract(await debianArchive("bookworm"), olderPackages, older);
  copyAuthorities(join(authorities, "ca-certificates.crt"));
  const contexts = {
    packages: unpacked,
    "older-packages": older,
    "bun-program": dirname(process.execPath),
    "rclone-program": dirname(programPath("rclone-current")),
    "mongo-program": programPath("mongo-tools"),
    "host-ca": authorities,
  };
  // Others that apt knows, such as a database maker's own, hold no Debian.
  const site = archive.sites.find((each) => /\/debian\/?$/.test(each)) ?? archive.sites[0];
  const flags = Object.entries(contexts).flatMap(([name, path]) => ["--build-context", `${name}=${path}`]);
  const state = mkdtempSync(join(tmpdir(), "dbstash-setup-"));
  const engine = await startEngine(state);
  try {
    for (const [tag, target] of Object.entries(standIns)) {
      const how = ["--network=host", "--file", dockerfile, "--build-arg", `SITE=${site}`, ...flags];
      const argv = [engine.docker, "buildx", "build", ...how, "--target", target, "--tag", tag, empty];
      await command(argv, { env: engine.env });
    }
    await command([engine.docker, "image", "prune", "--force"], { env: engine.env });
  } finally {
    await engine.stop();
    rmSync(state, { recursive: true });
  }
  for (const folder of [unpacked, older, authorities, empty]) rmSync(folder, { recursive: true });
}

function programPath(name: "rclone-current" | "mongo-tools"): string {
  const found = readManifest()[name];
  if (found === undefined || "missing" in found) throw new Error(`${name} is missing`);
  return found.path;
}

/** The certificate authorities the machine trusts; none where it has no bundle, since Bun brings the public ones. */
function copyAuthorities(file: string): void {
  const own = process.env["SSL_CERT_FILE"] ?? "/etc/ssl/certs/ca-certificates.crt";
  writeFileSync(file, existsSync(own) ? readFileSync(own) : "");
}
