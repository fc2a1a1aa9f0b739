import { existsSync, globSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { command } from "./command.ts";

/**
 * Makes the programs below `root` use the loader and the libraries below `root`, whatever the machine has.
 * A root that is still called `….new` will have lost that ending when they run.
 */
export async function relocate(root: string): Promise<void> {
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
  // A library that says itself where it looks does not look where its program does.
  for (const library of globSync("{lib,usr/lib}/*/libpulse*.so.*", { cwd: root }))
    await command([...patchelf, "--remove-rpath", join(root, library)]);
}

/** The multiarch library folders of an unpacked root, whose /lib need not be a link to /usr/lib. */
function libraryFolders(root: string): string[] {
  const triplets = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
  const folders = ["lib", "usr/lib"].flatMap((lib) => triplets.map((triplet) => join(root, lib, triplet)));
  // Libraries that only the programs of one package use.
  folders.push(
    ...["systemd", "pulseaudio", "nss"].flatMap((own) => folders.map((folder) => join(folder, own))),
  );
  return folders.filter((folder) => existsSync(folder));
}

/** patchelf runs itself and so is busy; it breaks programs made with Go, and rclone's needs no newer C library. */
const untouched = ["patchelf", "rclone"];

/** The dynamically linked executables of the folders that hold programs. */
function programs(root: string): string[] {
  const postgresql = join(root, "usr/lib/postgresql");
  const versions = existsSync(postgresql) ? readdirSync(postgresql) : [];
  const folders = [
    "bin",
    "sbin",
    "usr/bin",
    "usr/sbin",
    "usr/lib/openssh",
    "usr/lib/chromium",
    "lib/systemd",
    "usr/lib/systemd",
  ].map((folder) => join(root, folder));
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
