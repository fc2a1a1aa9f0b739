/** What tells that this process is in a container, and where its folders lie. */
export interface ContainerSigns {
  /** Whether Docker's or Podman's own file is there. */
  readonly hasMarker: boolean;
  /** `/proc/self/cgroup`; empty where it can't be read. */
  readonly cgroup: string;
  /** `/proc/self/mountinfo`; empty where it can't be read. */
  readonly mountinfo: string;
}

/** One line of mountinfo (proc_pid_mountinfo(5)), as far as it matters. */
interface Mount {
  readonly point: string;
  readonly type: string;
  readonly options: string;
}

const runtimes = /docker|kubepods|kubelet|containerd|libpod|lxc|crio/;

/** File systems of an image's layers: what is written there goes with the container. */
const layered = /^(overlay|aufs|fuse\.fuse-overlayfs)$/;

/** Whether a folder lies in the container's own layer, which is lost with it. Never outside of a container. */
export function isLostWithContainer(signs: ContainerSigns, folder: string): boolean {
  const mounts = mountsOf(signs.mountinfo);
  const root = mounts.findLast(({ point }) => point === "/");
  if (root === undefined || !layered.test(root.type)) return false;
  // A cgroup namespace hides the container's name; where the layers lie does not.
  const isContainer = signs.hasMarker || runtimes.test(signs.cgroup) || runtimes.test(root.options);
  return isContainer && mountOf(mounts, folder) === root;
}

/** The mount that a path lies on: the deepest one, and of several on one point the last. */
function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  const above = mounts.filter(({ point }) => point === "/" || path === point || path.startsWith(`${point}/`));
  return above.reduce<Mount | undefined>(
    (deepest, mount) =>
      deepest === undefined || mount.point.length >= deepest.point.length ? mount : deepest,
    undefined,
  );
}

function mountsOf(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [head = "", tail = ""] = line.split(" - ");
    const point = head.split(" ")[4];
    const [type = "", , options = ""] = tail.split(" ");
    return point === undefined ? [] : [{ point: unescaped(point), type, options }];
  });
}

/** Blanks, tabs, line ends and backslashes are written as octal numbers there. */
function unescaped(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
