import { mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "./cache.ts";
import { command, tryCommand } from "./command.ts";
import { engineRoot } from "./docker.ts";

/** A running Docker engine of our own, which the rest of the machine doesn't see. */
export interface DockerEngine {
  /** The command-line program. */
  readonly docker: string;
  /** What it needs to find the engine. */
  readonly env: Readonly<Record<string, string>>;
  /** Removes every container, ends the engine and all it has started. */
  stop(): Promise<void>;
}

/** Where the engine keeps images and layers, from one run to the next. */
export function engineData(): string {
  return join(cacheFolder(), "docker-data");
}

/**
 * For a container with a cgroup2 of its own, as in Docker's image of Docker: a group that holds processes can't hand
 * controllers down to groups below it.
 */
const makeRoomForGroups = `
cd /sys/fs/cgroup && [ -e cgroup.type ] || exec "$@"
mkdir -p init
while read -r pid; do echo "$pid" >init/cgroup.procs; done <cgroup.procs
sed 's/ / +/g; s/^/+/' cgroup.controllers >cgroup.subtree_control
exec "$@"
`;

/**
 * Runs as PID 1 of namespaces of its own: mounts are seen by nobody else and vanish with it, and whatever is still
 * alive when it ends is killed by the kernel. Ends the engine when its standard input ends.
 */
const script = `
root=$1 data=$2 shared=$3
shift 3
mount --bind "$root" "$root" && cd "$root" || exit
mount -t proc proc proc && mount --rbind /sys sys && mount --rbind /dev dev || exit
mount -t tmpfs tmpfs dev/shm && mount -t tmpfs tmpfs run || exit
mkdir -p data mnt ".$shared" && mount --bind "$data" data && mount --rbind "$shared" ".$shared" || exit
cp /etc/resolv.conf /etc/hosts etc/
# Not chroot: runc would then leave the machine's own root in reach of whatever "docker exec" starts.
pivot_root . mnt && cd / && umount -l /mnt || exit
PATH=/usr/sbin:/usr/bin
dockerd "$@" --data-root=/data --exec-root=/run/docker --pidfile=/run/docker.pid &
read -r word
kill $! && wait $!
find /sys/fs/cgroup/ -depth -type d -path '*/dbstash-tests*' -exec rmdir {} +
`;

/** No rule, bridge or setting of the machine's network is touched: builds and containers use the host's. */
const settings = [
  "--bridge=none",
  "--iptables=false",
  "--ip6tables=false",
  "--ip-forward=false",
  "--ip-masq=false",
  "--userland-proxy=false",
  "--cgroup-parent=/dbstash-tests",
];

/**
 * Starts the engine that the set-up has unpacked, waits for another process's to end first, and dies with this
 * process. Containers see the machine's temporary folder under its own name; `folder`, somewhere below it, is for the
 * engine's socket and log.
 */
export async function startEngine(folder: string): Promise<DockerEngine> {
  mkdirSync(engineData(), { recursive: true });
  const [log, host] = [join(folder, "log"), `unix://${join(folder, "socket")}`];
  const alone = ["setpriv", "--pdeathsig", "KILL", "flock", "--no-fork", `${engineData()}.lock`];
  const inNamespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"];
  const argv = [...alone, "sh", "-c", makeRoomForGroups, "sh", ...inNamespaces];
  const engine = Bun.spawn([...argv, engineRoot(), engineData(), tmpdir(), `--host=${host}`, ...settings], {
    stdio: ["pipe", Bun.file(log), Bun.file(log)],
  });
  const docker = join(engineRoot(), "usr/bin/docker");
  const env = { DOCKER_HOST: host, DOCKER_CONFIG: join(engineRoot(), "client") };
  const stop = async (): Promise<void> => {
    const containers = (await tryCommand([docker, "--host", host, "ps", "-aq"]))?.split("\n") ?? [];
    const left = containers.filter((id) => id !== "");
    if (left.length > 0) await tryCommand([docker, "--host", host, "rm", "--force", "--volumes", ...left]);
    await engine.stdin.end();
    const killer = setTimeout(() => engine.kill("SIGKILL"), 60_000);
    await engine.exited;
    clearTimeout(killer);
  };
  try {
    await answer(docker, env, engine);
  } catch (error) {
    const said = readFileSync(log, "utf8").trim().split("\n").slice(-5).join("\n");
    await stop();
    throw new Error(`the Docker engine did not start: ${(error as Error).message}\n${said}`, {
      cause: error,
    });
  }
  return { docker, env, stop };
}

/** Waits until the engine answers; another process may use it for minutes before. */
async function answer(docker: string, env: Record<string, string>, engine: Bun.Subprocess): Promise<void> {
  const deadlineMs = Date.now() + 300_000;
  for (;;) {
    try {
      await command([docker, "version"], { env });
      return;
    } catch (error) {
      if (engine.exitCode !== null || Date.now() > deadlineMs) throw error;
    }
    await Bun.sleep(100);
  }
}
