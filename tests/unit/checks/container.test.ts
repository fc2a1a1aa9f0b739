import { expect, test } from "bun:test";
import { type ContainerSigns, isLostWithContainer } from "../../../src/checks/container.ts";

const layers =
  "rw,lowerdir=/var/lib/docker/overlay2/l/A,upperdir=/var/lib/docker/overlay2/x/diff,workdir=/var/lib/docker/overlay2/x/work";
const root = (type: string, options: string) =>
  `521 482 0:47 / / rw,relatime master:195 - ${type} overlay ${options}`;
const docker = `${root("overlay", layers)}
522 521 0:50 / /proc rw,nosuid - proc proc rw
530 521 8:1 /var/lib/docker/volumes/b/_data /backups rw,relatime master:1 - ext4 /dev/sda1 rw
531 521 8:1 /srv/my\\040backups /srv/my\\040backups rw - ext4 /dev/sda1 rw
532 530 0:51 / /backups/tmp rw - tmpfs tmpfs rw
`;
const inContainer: ContainerSigns = { hasMarker: true, cgroup: "0::/", mountinfo: docker };

test.each<[string, ContainerSigns, string, boolean]>([
  ["a folder of the image", inContainer, "/data/backups", true],
  ["the root", inContainer, "/", true],
  ["a volume", inContainer, "/backups", false],
  ["a folder in a volume", inContainer, "/backups/shop/x", false],
  ["a mount within a volume", inContainer, "/backups/tmp/x", false],
  ["a name that begins as a volume's", inContainer, "/backups2", true],
  ["a volume with a blank in its name", inContainer, "/srv/my backups/x", false],
  [
    "known by its cgroup",
    { hasMarker: false, cgroup: "0::/kubepods/burstable/pod1/x", mountinfo: root("overlay", "rw") },
    "/x",
    true,
  ],
  ["known by its layers", { hasMarker: false, cgroup: "0::/", mountinfo: docker }, "/x", true],
  ["Podman without root", { ...inContainer, mountinfo: root("fuse.fuse-overlayfs", "rw") }, "/x", true],
  [
    "a machine",
    { hasMarker: false, cgroup: "0::/user.slice", mountinfo: "22 1 8:1 / / rw - ext4 /dev/sda1 rw" },
    "/x",
    false,
  ],
  [
    "a machine that was started from a medium",
    {
      hasMarker: false,
      cgroup: "0::/user.slice",
      mountinfo: root("overlay", "rw,lowerdir=/run/live/rootfs"),
    },
    "/x",
    false,
  ],
  [
    "a container whose root stays",
    { ...inContainer, mountinfo: "22 1 8:1 / / rw - ext4 /dev/sda1 rw" },
    "/x",
    false,
  ],
  ["nothing that can be read", { hasMarker: true, cgroup: "", mountinfo: "" }, "/x", false],
])("%s: lost with the container: %#", (_, signs, folder, expected) => {
  expect(isLostWithContainer(signs, folder)).toBe(expected);
});

test("the last mount on one point counts", () => {
  const mountinfo = `${docker}540 530 0:47 / /backups rw - overlay overlay rw\n`;
  expect(isLostWithContainer({ ...inContainer, mountinfo }, "/backups")).toBe(false);
});
