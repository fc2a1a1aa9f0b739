import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { command } from "./command.ts";

/** A package archive: where, which suite, and the keys its index is signed with. */
export interface Archive {
  readonly mirror: string;
  readonly suite: string;
  readonly keyring: string;
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
export async function unstableArchive(): Promise<Archive> {
  const { ID: id = "" } = osRelease();
  if (id !== "debian") throw new Error(`needs a Debian mirror in apt's configuration; this machine is ${id}`);
  return archive(id, "sid");
}

async function archive(id: string, suite: string): Promise<Archive> {
  const sites = await command(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"]);
  const mirror = sites.split("\n").find((site) => site !== "" && !site.includes("security"));
  if (mirror === undefined) throw new Error("apt knows no package archive");
  const keyring = [".gpg", ".pgp"]
    .map((end) => `/usr/share/keyrings/${id}-archive-keyring${end}`)
    .find(existsSync);
  if (keyring === undefined) throw new Error(`no archive keys of ${id} in /usr/share/keyrings`);
  return { mirror, suite, keyring };
}

function osRelease(): Readonly<Record<string, string>> {
  const lines = readFileSync("/etc/os-release", "utf8").split("\n");
  return Object.fromEntries(
    lines.map((line) => [line.split("=", 1)[0], line.replace(/^[^=]*=/, "").replaceAll('"', "")]),
  );
}

/** Changes when `unpack` does, so that what an older one made is made anew. */
export const unpackFormat = "3";

/**
 * Downloads packages with all they depend on and unpacks them below `root`; installs nothing: no maintainer
 * script runs, no service appears, no right beyond the user's own is needed. The programs are then made to run
 * from there (`relocate`).
 */
export async function unpack(from: Archive, packages: readonly string[], root: string): Promise<void> {
  const work = join(root, ".apt");
  for (const folder of ["state/lists/partial", "cache/archives/partial", "none"])
    mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, "status"), "");
  const components = from.suite === "bookworm" || from.suite === "sid" ? "main" : "main universe";
  writeFileSync(
    join(work, "sources"),
    `deb [signed-by=${from.keyring}] ${from.mirror} ${from.suite} ${components}\n`,
  );
  const settings = [
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
    "APT::Install-Recommends=false",
    "APT::Sandbox::User=",
    "Debug::NoLocking=true",
  ];
  const apt = ["apt-get", "-qq", "-y", ...settings.flatMap((setting) => ["-o", setting])];
  await command([...apt, "update"]);
  await command([...apt, "--download-only", "install", ...packages]);
  const archives = join(work, "cache", "archives");
  for (const file of readdirSync(archives).filter((name) => name.endsWith(".deb")))
    await command(["dpkg-deb", "--extract", join(archives, file), root]);
  for (const folder of [".apt", "usr/share/doc", "usr/share/man", "usr/share/locale"])
    rmSync(join(root, folder), { recursive: true, force: true });
  // Programs of another user's rights are of no use here, and don't belong into a cache.
  await command(["chmod", "-R", "ug-s", root]);
  await relocate(root);
}

/**
 * Makes the programs below `root` use the loader and the libraries below `root`, whatever the machine has.
 * `finalRoot` differs from where the files lie when they are moved there afterwards.
 */
async function relocate(root: string): Promise<void> {
  const finalRoot = root.replace(/\.new$/, "");
  const folders = libraryFolders(root);
  const loader = folders
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .find((file) => /\/ld-linux-[^/]+\.so\.\d$/.test(file));
  if (loader === undefined) throw new Error("the packages hold no dynamic loader");
  const inFinalRoot = (path: string): string => finalRoot + path.slice(root.length);
  const patchelf = [loader, "--library-path", folders.join(":"), join(root, "usr/bin/patchelf")];
  for (const program of programs(root)) {
    const argv = ["--set-interpreter", inFinalRoot(loader), "--force-rpath", "--set-rpath"];
    await command([...patchelf, ...argv, folders.map(inFinalRoot).join(":"), program]);
  }
}

/** The multiarch library folders of an unpacked root, whose /lib need not be a link to /usr/lib. */
function libraryFolders(root: string): string[] {
  const triplets = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
  const folders = ["lib", "usr/lib"].flatMap((lib) => triplets.map((triplet) => join(root, lib, triplet)));
  return folders.filter((folder) => existsSync(folder));
}

/** patchelf runs itself and so is busy; it breaks programs made with Go, and rclone's needs no newer C library. */
const untouched = ["patchelf", "rclone"];

/** The dynamically linked executables of the folders that hold programs. */
function programs(root: string): string[] {
  const postgresql = join(root, "usr/lib/postgresql");
  const versions = existsSync(postgresql) ? readdirSync(postgresql) : [];
  const folders = ["bin", "sbin", "usr/bin", "usr/sbin", "usr/lib/openssh"].map((folder) =>
    join(root, folder),
  );
  folders.push(...versions.map((version) => join(postgresql, version, "bin")));
  const files = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { withFileTypes: true }).map((entry) => ({ folder, entry })))
    .filter(({ entry }) => entry.isFile())
    .map(({ folder, entry }) => realpathSync(join(folder, entry.name)))
    .filter((file) => !untouched.includes(basename(file)));
  return [...new Set(files)].filter(hasInterpreter);
}

/** Whether a file is an ELF executable with a loader's name in it (a program header of type PT_INTERP). */
function hasInterpreter(file: string): boolean {
  const bytes = readFileSync(file);
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) return false;
  const [start, size, count] = [
    Number(bytes.readBigUInt64LE(32)),
    bytes.readUInt16LE(54),
    bytes.readUInt16LE(56),
  ];
  return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(start + index * size)).includes(3);
}
