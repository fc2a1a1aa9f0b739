import { describe, test } from "bun:test";
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder, serversFolder } from "../../scripts/setup/cache.ts";
import { componentPath } from "./components.ts";
import { descendants } from "./procs.ts";
import { run, type RunResult, waitFor } from "./run.ts";
import { tempFolder } from "./temp.ts";

export interface SystemdOptions {
  /** Unit files and folders of drop-ins: path below the unit folder → text. */
  readonly units: Readonly<Record<string, string>>;
  /** Files of its /etc/dbstash: path → text; for root alone. */
  readonly etc: Readonly<Record<string, string>>;
  /** Programs of its /usr/local/bin: the body of a shell script, or a real program's file. */
  readonly programs: Readonly<Record<string, string | { readonly link: string }>>;
}

/** A system manager of the test's own. */
export interface SystemdManager extends AsyncDisposable {
  /** A folder open to everyone; services see it as `sharedPath`. */
  readonly shared: string;
  systemctl(...args: readonly string[]): Promise<RunResult>;
  /** One property of a unit. */
  property(unit: string, name: string): Promise<string>;
  /** Processes in the unit's control group, by number in the test's own view. */
  processes(unit: string): readonly number[];
  /** What a unit's processes have written so far. */
  output(unit: string): string;
  stop(): Promise<void>;
}

/** Namespaces and control groups are made by root alone. */
export const canStartSystemd = process.getuid?.() === 0;

/** In place of `describe` where systemd can't be started: seen as skipped, and as failed where CI is set. */
export const notRun =
  process.env["CI"] === "true"
    ? (title: string): void =>
        test(`${title} [needs root]`, () => {
          throw new Error("not run: needs root");
        })
    : (title: string, body: () => void): void => describe.skipIf(true)(`${title} [needs root]`, body);

/** Where services see the shared folder. */
export const sharedPath = "/lab/shared";

/** What units order themselves by; empty here, so that no service of the machine's own is ever pulled in. */
const targets = ["sysinit", "basic", "shutdown", "network-online", "timers", "multi-user", "test"];

/**
 * Starts systemd as PID 1 of namespaces of its own, over a copy-on-write view of this machine: real units run, nothing
 * of the machine's changes. Loopback is the machine's. Needs root.
 */
export async function startSystemd(options: SystemdOptions): Promise<SystemdManager> {
  const folder = tempFolder("systemd");
  const [root, shared, etc, units] = ["root", "shared", "etc", "units"].map((name) => folder.file(name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const path of [root, etc, units]) mkdirSync(path);
  mkdirSync(shared, { mode: 0o777 });
  await run(["chmod", "0777", shared]);
  await run(["chmod", "0755", folder.path]);
  for (const name of targets) writeFileSync(join(units, `${name}.target`), `[Unit]\nDescription=${name}\n`);
  // There is no journal here.
  writeTree(units, { "service.d/test.conf": serviceSettings, ...options.units }, 0o644);
  writeTree(etc, options.etc, 0o600);
  const programs = folder.file("programs");
  mkdirSync(programs, { mode: 0o755 });
  for (const [name, program] of Object.entries(options.programs))
    if (typeof program === "string") writeFileSync(join(programs, name), `#!/bin/sh\n${program}\n`);
    else cpSync(program.link, join(programs, name));
  await run(["chmod", "-R", "0755", programs]);
  const log = openSync(folder.file("log"), "a");
  const group = newGroup();
  const child = Bun.spawn(
    ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", outside, "sh", group, folder.path],
    {
      stdio: ["ignore", log, log],
      env: {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        SYSTEMD: realpathSync(join(componentPath("systemd"), "systemd")),
        CACHE: cacheFolder(),
        SERVERS: serversFolder(),
      },
    },
  );
  closeSync(log);
  const inside = (argv: readonly string[]): Promise<RunResult> => {
    const pid = descendants(child.pid).find(({ argv: [program = ""] }) => program.endsWith("/systemd"))?.pid;
    if (pid === undefined) throw new Error("systemd does not run");
    return run(["nsenter", "-t", String(pid), "-m", "-p", "-C", "-r", "-w", ...argv], {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "" },
    });
  };
  const systemctl = (...args: readonly string[]): Promise<RunResult> =>
    inside([join(componentPath("systemd"), "systemctl"), ...args]);
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
    await waitFor("the end of the control groups", () => removeGroup(group));
    folder.remove();
  };
  const manager: SystemdManager = {
    shared,
    systemctl,
    stop,
    property: async (unit, name) =>
      (await systemctl("show", "--value", "--property", name, unit)).stdout.trim(),
    processes: (unit) => groupProcesses(group, unit),
    output: (unit) => {
      const file = join(shared, `${unit.replace(/\.service$/, "")}.log`);
      return existsSync(file) ? readFileSync(file, "utf8") : "";
    },
    [Symbol.asyncDispose]: stop,
  };
  try {
    await waitFor("systemd to run", async () =>
      /running|degraded/.test((await systemctl("is-system-running")).stdout),
    );
  } catch (error) {
    const said = readFileSync(folder.file("log"), "utf8");
    await stop();
    throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
  }
  return manager;
}

const serviceSettings = `[Service]
StandardOutput=append:${sharedPath}/%N.log
StandardError=inherit
ReadWritePaths=${sharedPath}
`;

const outside = `echo $$ >"$1/cgroup.procs" && exec unshare --mount --pid --cgroup --ipc --uts --fork --kill-child sh -c '${inner()}' sh "$2"`;

/** Lays the view over the machine's root, and starts systemd in it. */
function inner(): string {
  return `
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1/root"
mkdir "$1/root/upper" "$1/root/work" "$1/root/view"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/root/upper,workdir=$1/root/work" "$1/root/view"
view=$1/root/view
mount -t proc proc "$view/proc"
mount -t sysfs sysfs "$view/sys"
mount -t cgroup2 cgroup2 "$view/sys/fs/cgroup"
mount --rbind /dev "$view/dev"
mount -t tmpfs -o mode=755 tmpfs "$view/run"
mount -t tmpfs -o mode=1777 tmpfs "$view/tmp"
for path in "$CACHE" "$SERVERS"; do
  mkdir -p "$view$path"
  mount --rbind "$path" "$view$path"
done
mkdir -p "$view/etc/dbstash" "$view/usr/local/bin" "$view/lab/units" "$view/lab/shared"
# Newer ones start each service by a program of their own, at a fixed place.
if [ -e "\${SYSTEMD%/*}/systemd-executor" ]; then
  mkdir -p "$view/usr/lib/systemd"
  mount --bind "\${SYSTEMD%/*}" "$view/usr/lib/systemd"
fi
mount --bind "$1/shared" "$view/lab/shared"
mount --bind "$1/etc" "$view/etc/dbstash"
mount --bind "$1/programs" "$view/usr/local/bin"
mount --bind "$1/units" "$view/lab/units"
# As at a boot: systemd passes credentials through mounts that others of its namespaces see too.
mount --make-rshared "$view"
exec env -i container=test SYSTEMD_UNIT_PATH=/lab/units PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  chroot "$view" "$SYSTEMD" --system --unit=test.target --log-target=null --show-status=no`.replaceAll(
    "'",
    `'\\''`,
  );
}

function writeTree(base: string, files: Readonly<Record<string, string>>, mode: number): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(base, name)), { recursive: true });
    writeFileSync(join(base, name), text, { mode });
  }
}

/** A control group of this test's own; those of test processes that were killed are removed. */
function newGroup(): string {
  const hierarchy = unifiedHierarchy();
  for (const name of readdirSync(hierarchy)) {
    const owner = /^dbstash-test-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeGroup(join(hierarchy, name));
  }
  const group = join(hierarchy, `dbstash-test-${process.pid}-${crypto.randomUUID().slice(0, 8)}`);
  mkdirSync(group);
  return group;
}

/** Where version 2 of the control groups is mounted: alone, or beside version 1. */
function unifiedHierarchy(): string {
  const mount = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, , type]) => type === "cgroup2");
  if (mount?.[1] === undefined) throw new Error("no control groups of version 2 are mounted here");
  return mount[1];
}

/** Control groups have no files to remove, only groups below them; false while a process is left in one. */
function removeGroup(group: string): boolean {
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(group, entry.name));
  rmdirSync(group);
  return true;
}

function groupProcesses(group: string, unit: string): number[] {
  const name = readdirSync(group, { recursive: true, encoding: "utf8" }).find((path) =>
    path.endsWith(`/${unit}`),
  );
  if (name === undefined) return [];
  const file = join(group, name, "cgroup.procs");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean).map(Number) : [];
}
