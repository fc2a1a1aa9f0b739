import { chmodSync, copyFileSync, globSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheFolder, isMadeFrom, once } from "./cache.ts";
import { command, tryCommand } from "./command.ts";
import { type Archive, debianArchive, distroArchive, extract, unpack, unpackFormat } from "./debian.ts";
import type { ComponentName, Manifest } from "./manifest.ts";

/** What another platform's executables run on, on this machine. */
interface Platform {
  readonly component: ComponentName;
  readonly what: string;
  /** Everything that decides what comes out. */
  readonly inputs: readonly string[];
  readonly make: (fresh: string) => Promise<void>;
  readonly version: string;
  readonly seconds: number;
}

/** The wheel of a Python package that needs musl's C++ library, and so brings it along. */
const wheel = { name: "contourpy", version: "1.3.3", platform: "musllinux_1_2_x86_64", python: "3.13" };
const wheelInputs: readonly string[] = Object.values(wheel);

export const platforms: readonly Platform[] = [
  {
    component: "arm64",
    what: "an emulator of arm64 and its C and C++ libraries, unpacked from the distribution",
    inputs: [unpackFormat, "qemu-user-static", "libstdc++6"],
    make: makeArm64,
    version: "unknown",
    seconds: 25,
  },
  ...(
    [
      ["musl", "sid"],
      ["musl-older", "trixie"],
    ] as const
  ).map(([component, suite]) => ({
    component,
    what: `musl of Debian ${suite}, with its C++ library out of a Python wheel`,
    inputs: [unpackFormat, suite, ...wheelInputs],
    make: (fresh: string) => makeMusl(fresh, suite),
    version: suite,
    seconds: 8,
  })),
];

/** Whether it is there. */
export function isPlatformThere(platform: Platform): boolean {
  return isMadeFrom(folderOf(platform), platform.inputs);
}

/** Fetches it unless it is there, and says where; missing where the packages can't be had. */
export async function providePlatform(platform: Platform): Promise<Manifest> {
  const { component, inputs, make, version } = platform;
  try {
    await once(folderOf(platform), inputs, make);
    return { [component]: { path: folderOf(platform), version } };
  } catch (error) {
    return { [component]: { missing: `could not be made: ${(error as Error).message}` } };
  }
}

function folderOf({ component }: Platform): string {
  return join(cacheFolder(), `platform-${component}`);
}

/** `qemu`, a program of this machine, and `root`, where the other machine's loader and libraries are. */
async function makeArm64(fresh: string): Promise<void> {
  const own: Archive = await distroArchive();
  const emulators = join(fresh, "emulators");
  await extract(own, ["qemu-user-static"], emulators);
  renameSync(join(emulators, "usr/bin/qemu-aarch64-static"), join(fresh, "qemu"));
  rmSync(emulators, { recursive: true });
  await extract({ ...own, architecture: "arm64" }, ["libstdc++6"], join(fresh, "root"));
}

/** The loader, which is musl itself, and the two libraries under the names that programs ask for. */
async function makeMusl(fresh: string, suite: string): Promise<void> {
  const [packages, wheels] = [join(fresh, "packages"), join(fresh, "wheels")];
  await extract(await debianArchive(suite), ["musl"], packages);
  const musl = globSync("{,usr/}lib/x86_64-linux-musl/libc.so", { cwd: packages })[0];
  if (musl === undefined) throw new Error("the package musl holds no libc.so for this machine");
  copyFileSync(join(packages, musl), join(fresh, "ld-musl-x86_64.so.1"));
  chmodSync(join(fresh, "ld-musl-x86_64.so.1"), 0o755);

  mkdirSync(wheels);
  const tags = ["--only-binary=:all:", "--platform", wheel.platform, "--python-version", wheel.python];
  const from = ["--no-deps", "--no-cache-dir", "-d", wheels, ...tags, `${wheel.name}==${wheel.version}`];
  const python = await pythonWithPip();
  await command([python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", ...from]);
  await command([python, "-m", "zipfile", "-e", ...globSync(join(wheels, "*.whl")), wheels]);
  for (const name of ["libstdc++.so.6", "libgcc_s.so.1"]) {
    const [stem = "", ending = ""] = name.split(".so");
    // A wheel's library has a digest in its name, by which the wheel's other libraries ask for it.
    const file = globSync(`*/${stem}-*.so${ending}*`, { cwd: wheels })[0];
    if (file === undefined) throw new Error(`the wheel of ${wheel.name} holds no ${name}`);
    copyFileSync(join(wheels, file), join(fresh, basename(file)));
    symlinkSync(basename(file), join(fresh, name));
  }
  for (const folder of [packages, wheels]) rmSync(folder, { recursive: true });
}

/** The machine's own Python, whose pip has the index that it is set up for; else the distribution's, unpacked. */
async function pythonWithPip(): Promise<string> {
  if ((await tryCommand(["python3", "-m", "pip", "--version"])) !== undefined) return "python3";
  const folder = join(cacheFolder(), "pip");
  const packages = ["python3-pip", "ca-certificates", "patchelf"];
  await once(folder, [unpackFormat, ...packages], async (fresh) =>
    unpack(await distroArchive(), packages, fresh),
  );
  return join(folder, "usr/bin/python3");
}
