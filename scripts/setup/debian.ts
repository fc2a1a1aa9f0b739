import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";
import { relocate } from "./relocate.ts";

/** A package archive: where it may be, which suite, and the keys its index is signed with. */
export interface Archive {
  /** Every place apt knows, other people's too: the keys tell which is the distribution's. */
  readonly sites: readonly string[];
  readonly suite: string;
  readonly keyring: string;
  /** Debian's name of another architecture than the machine's, such as "arm64". */
  readonly architecture?: string;
}

/**
 * The archive the machine's own apt uses, with its own suite; on a Debian that suite is Debian 12's, so that
 * the tests run against the same oldest versions everywhere.
 */
export async function distroArchive(): Promise<Archive> {
  const { ID: id = "", VERSION_CODENAME: codename = "" } = osRelease();
  return archive(id, id === "debian" ? "bookworm" : codename);
}

/** Debian unstable, from the Debian mirror the machine's own apt uses; an error where it uses none. */
export function unstableArchive(): Promise<Archive> {
  return debianArchive("sid");
}

/** One suite of Debian, such as "trixie", from that mirror; an error where the machine's apt uses none. */
export async function debianArchive(suite: string): Promise<Archive> {
  const { ID: id = "" } = osRelease();
  if (id !== "debian") throw new Error(`needs a Debian mirror in apt's configuration; this machine is ${id}`);
  return archive(id, suite);
}

async function archive(id: string, suite: string): Promise<Archive> {
  // A fresh container image has no package lists yet, hence the flag: the configuration alone answers.
  const said = await command(["apt-get", "indextargets", "--no-release-info", "--format", "$(SITE)"]);
  const sites = [...new Set(said.split("\n"))].filter((site) => site !== "" && !site.includes("security"));
  if (sites.length === 0) throw new Error("apt knows no package archive");
  const keyring = [".gpg", ".pgp"]
    .map((end) => `/usr/share/keyrings/${id}-archive-keyring${end}`)
    .find(existsSync);
  if (keyring === undefined) throw new Error(`no archive keys of ${id} in /usr/share/keyrings`);
  return { sites, suite, keyring };
}

function osRelease(): Readonly<Record<string, string>> {
  const lines = readFileSync("/etc/os-release", "utf8").split("\n");
  return Object.fromEntries(
    lines.map((line) => [line.split("=", 1)[0], line.replace(/^[^=]*=/, "").replaceAll('"', "")]),
  );
}

/** Changes when `unpack` does, so that what an older one made is made anew. */
export const unpackFormat = "3";

/** Extracts packages below `root` and makes the programs run from there (`relocate`). */
export async function unpack(from: Archive, packages: readonly string[], root: string): Promise<void> {
  await extract(from, packages, root);
  await relocate(root);
}

/**
 * Downloads packages with all they depend on and unpacks them below `root`; installs nothing: no maintainer
 * script runs, no service appears, no right beyond the user's own is needed. The programs look for the machine's own
 * loader and libraries still.
 */
export async function extract(from: Archive, packages: readonly string[], root: string): Promise<void> {
  const work = join(root, ".apt");
  for (const folder of ["state/lists/partial", "cache/archives/partial", "none"])
    mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, "status"), "");
  const own = [...settings(work), ...foreignSettings(from)];
  const apt = ["apt-get", "-qq", "-y", ...own.flatMap((setting) => ["-o", setting])];
  await update(apt, from, join(work, "sources"));
  await command([...apt, "--download-only", "install", ...packages]);
  const archives = join(work, "cache", "archives");
  for (const file of readdirSync(archives).filter((name) => name.endsWith(".deb")))
    await command(["dpkg-deb", "--extract", join(archives, file), root]);
  for (const folder of [".apt", "usr/share/doc", "usr/share/man", "usr/share/locale"])
    rmSync(join(root, folder), { recursive: true, force: true });
  // Programs of another user's rights are of no use here, and don't belong into a cache.
  await command(["chmod", "-R", "ug-s", root]);
}

/** Settings of an apt that knows no installed package and keeps everything in a folder of its own. */
function settings(work: string): string[] {
  return [
    `Dir::State=${work}/state`,
    `Dir::State::status=${work}/status`,
    `Dir::Cache=${work}/cache`,
    `Dir::Etc::sourcelist=${work}/sources`,
    `Dir::Etc::sourceparts=${work}/none`,
    `Dir::Etc::preferences=${work}/none/none`,
    `Dir::Etc::preferencesparts=${work}/none`,
    // A mirror may serve a frozen snapshot whose index has expired; its signature is checked all the same.
    "Acquire::Check-Valid-Until=false",
    "Acquire::Languages=none",
    "Acquire::Retries=3",
    "APT::Update::Error-Mode=any",
    "APT::Install-Recommends=false",
    "APT::Sandbox::User=",
    "Debug::NoLocking=true",
  ];
}

function foreignSettings({ architecture }: Archive): string[] {
  return architecture === undefined
    ? []
    : [`APT::Architecture=${architecture}`, `APT::Architectures::=${architecture}`];
}

/** Reads the package index from the first site that has the suite, signed with the distribution's keys. */
async function update(apt: readonly string[], from: Archive, sourcesFile: string): Promise<void> {
  const components = ["bookworm", "trixie", "sid"].includes(from.suite) ? "main" : "main universe";
  const reasons: string[] = [];
  for (const site of from.sites) {
    writeFileSync(sourcesFile, `deb [signed-by=${from.keyring}] ${site} ${from.suite} ${components}\n`);
    try {
      await command([...apt, "update"]);
      return;
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Error(`no site has ${from.suite}: ${reasons.join("; ")}`);
}
