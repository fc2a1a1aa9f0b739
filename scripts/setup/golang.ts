import { chmodSync, existsSync, globSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, isMadeFrom, once } from "./cache.ts";
import { command, tryCommand } from "./command.ts";
import { unpack, unstableArchive } from "./debian.ts";
import type { ComponentName, Manifest } from "./manifest.ts";

/** A folder of Go programs, built from a module below tests/go that pins every version and checksum. */
export interface GoBuild {
  readonly name: string;
  /** The folder below tests/go. */
  readonly module: string;
  readonly version: string;
  /** Executable → package. */
  readonly programs: Readonly<Record<string, string>>;
  readonly ldflags: string;
  /** The components it brings; of an executable, or the folder of all. */
  readonly components: Readonly<Partial<Record<ComponentName, string>>>;
  /** Rough time on a machine with two cores. */
  readonly seconds: number;
}

const rcloneVersion = "1.76.0";
const mongoToolsVersion = "100.12.2";
const actionlintVersion = "1.7.12";

/** In the order in which tests need them. The releases of MongoDB's tools carry their version only as a linker flag. */
export const goBuilds: readonly GoBuild[] = [
  {
    name: `rclone-${rcloneVersion}`,
    module: "rclone",
    version: rcloneVersion,
    programs: { rclone: "github.com/rclone/rclone" },
    ldflags: `-s -X github.com/rclone/rclone/fs.Version=v${rcloneVersion}`,
    components: { "rclone-current": "rclone", "s3-server": "rclone" },
    seconds: 200,
  },
  {
    name: `mongo-tools-${mongoToolsVersion}`,
    module: "mongo-tools",
    version: mongoToolsVersion,
    programs: {
      mongodump: "github.com/mongodb/mongo-tools/mongodump/main",
      mongorestore: "github.com/mongodb/mongo-tools/mongorestore/main",
      "mongo-client": "./mongo-client",
    },
    ldflags: `-s -X main.VersionStr=${mongoToolsVersion} -X main.GitCommit=887641268977`,
    components: { "mongo-tools": "" },
    seconds: 30,
  },
  {
    name: "ferretdb-1.24.2",
    module: "ferretdb",
    version: "1.24.2",
    programs: { ferretdb: "." },
    ldflags: "-s",
    components: { ferretdb: "ferretdb" },
    seconds: 60,
  },
  {
    name: `actionlint-${actionlintVersion}`,
    module: "actionlint",
    version: actionlintVersion,
    programs: { actionlint: "github.com/rhysd/actionlint/cmd/actionlint" },
    ldflags: "-s",
    components: { actionlint: "actionlint" },
    seconds: 20,
  },
];

/** Whether the programs are there, built from the module as it is today. */
export function isBuilt(build: GoBuild): boolean {
  return isMadeFrom(join(cacheFolder(), build.name), inputsOf(build));
}

/** Builds the programs unless they are there, and says where; missing where there is no Go or no module proxy. */
export async function provideGoBuild(build: GoBuild): Promise<Manifest> {
  const names = Object.entries(build.components);
  const folder = join(cacheFolder(), build.name);
  try {
    await once(folder, inputsOf(build), async (fresh) => {
      const go = await goToolchain();
      for (const [executable, source] of Object.entries(build.programs)) {
        const flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", build.ldflags];
        await command([go, "build", ...flags, "-o", join(fresh, executable), source], {
          cwd: moduleFolder(build),
          env: { CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOFLAGS: "", GOWORK: "off", ...certificates() },
        });
        chmodSync(join(fresh, executable), 0o755);
      }
    });
  } catch (error) {
    const missing = `could not be built with Go: ${(error as Error).message}`;
    return Object.fromEntries(names.map(([name]) => [name, { missing }]));
  }
  return Object.fromEntries(
    names.map(([name, executable]) => [name, { path: join(folder, executable), version: build.version }]),
  );
}

/** The machine's own Go if it is new enough for every module, else Debian unstable's, unpacked into the cache. */
async function goToolchain(): Promise<string> {
  const own = await tryCommand(["go", "env", "GOVERSION"]);
  if (own !== undefined && isAtLeast(own.trim().replace(/^go/, ""), neededGo())) return "go";
  const folder = join(cacheFolder(), "go");
  const packages = ["golang-go", "ca-certificates", "patchelf"];
  await once(folder, packages, async (fresh) => {
    await unpack(await unstableArchive(), packages, fresh);
    const goroot = globSync("usr/lib/go-*", { cwd: fresh }).find((name) =>
      existsSync(join(fresh, name, "bin/go")),
    );
    if (goroot === undefined) throw new Error("the package golang-go holds no Go");
    renameSync(join(fresh, goroot), join(fresh, "usr/lib/toolchain"));
  });
  return join(folder, "usr/lib/toolchain/bin/go");
}

/** A machine without a certificate bundle gets Debian's certificates, unpacked beside Go. */
function certificates(): Record<string, string> {
  const own = process.env["SSL_CERT_FILE"] ?? "/etc/ssl/certs/ca-certificates.crt";
  return existsSync(own) ? {} : { SSL_CERT_DIR: join(cacheFolder(), "go/usr/share/ca-certificates/mozilla") };
}

/** The newest Go version that a module asks for. */
function neededGo(): string {
  const asked = goBuilds.map(
    (build) => /^go (\S+)$/m.exec(readFileSync(join(moduleFolder(build), "go.mod"), "utf8"))?.[1] ?? "0",
  );
  return asked.reduce((newest, version) => (isAtLeast(version, newest) ? version : newest), "0");
}

/** Compares versions number by number: 1.26.8 is at least 1.26.0, 1.9 is not at least 1.26. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split(".").map(Number)) as [number[], number[]];
  const differing = want.findIndex((part, index) => part !== (have[index] ?? 0));
  return differing === -1 || (have[differing] ?? 0) > (want[differing] ?? 0);
}

function moduleFolder(build: GoBuild): string {
  return join(import.meta.dirname, "../../tests/go", build.module);
}

/** Everything that decides what comes out, apart from the Go version. */
function inputsOf(build: GoBuild): readonly string[] {
  const folder = moduleFolder(build);
  const files = globSync("**/{go.mod,go.sum,*.go,*.s}", { cwd: folder }).toSorted();
  return [
    build.ldflags,
    JSON.stringify(build.programs),
    ...files.map((file) => readFileSync(join(folder, file), "utf8")),
  ];
}
