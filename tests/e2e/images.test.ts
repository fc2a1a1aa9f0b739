import { afterAll, beforeAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { component, needs } from "../support/components.ts";
import { type Docker, hardened, images, imageVersion, startDocker } from "../support/docker.ts";
import { tempFolder } from "../support/temp.ts";

const gate = needs("docker");
const { test } = gate;

let docker: Docker;

if (gate.available) {
  beforeAll(async () => {
    docker = await startDocker();
    await docker.build();
  }, 900_000);
  afterAll(() => docker.stop(), 120_000);
}

/** The version of the rclone that stands in for the published image's. */
function rcloneVersion(): string {
  const found = component("rclone-current");
  return "version" in found ? found.version : found.missing;
}

/** Runs a shell line in a container of the image. */
const inside = (tag: string, line: string): Promise<string> =>
  docker.ok(["run", "--rm", ...hardened, "--entrypoint=sh", tag, "-ec", line]);

for (const { engine, tag, programs } of images) {
  test(`${tag}: dbstash and every tool start as nonroot on a read-only root without capabilities`, async () => {
    expect(await docker.ok(["run", "--rm", ...hardened, tag, "--version"])).toBe(
      `dbstash-${engine} ${imageVersion}`,
    );
    // By their whole path: this shell prefers what it has built in, and dbstash calls them by theirs.
    const tools = [...programs, "age", "zstd", "tar", "tee", "gzip", "head"].map(
      (name) => `/usr/bin/${name} --version`,
    );
    const lines = await inside(
      tag,
      ["id -u", "id -un", ...tools.map((tool) => `${tool} | grep -m 1 .`)].join("\n"),
    );
    expect(lines.split("\n").slice(0, 2)).toEqual(["65532", "nonroot"]);
    expect(lines.split("\n").slice(2)).toHaveLength(tools.length);
    expect(await inside(tag, "rclone version | head -n 1")).toBe(`rclone v${rcloneVersion()}`);
    expect(lines).toContain("tar (GNU tar)");
  });

  test(`${tag}: the library for large writes loads into each tool that is not linked without a C library`, async () => {
    const library = "/usr/libexec/coreutils/libstdbuf.so";
    for (const name of programs.filter((program) => program !== "mongodump")) {
      const env = `env LD_PRELOAD=${library} _STDBUF_O=65536`;
      expect(await inside(tag, `${env} LD_TRACE_LOADED_OBJECTS=1 /usr/bin/${name}`)).toContain(library);
      expect(await inside(tag, `${env} /usr/bin/${name} --version 2>&1 >/dev/null`)).toBe("");
    }
  });

  test(`${tag}: no file gives its runner another user's rights, and only the temporary folders and its own can be written to`, async () => {
    const files = (await inside(tag, "find / -xdev -type f 2>/dev/null")).split("\n");
    expect(files.length).toBeGreaterThan(100);
    expect(await inside(tag, "find / -xdev -type f -perm /6000")).toBe("");
    const own = "find / -xdev ! -type l ( -perm -2 -o -user 65532 )".replace(/[()]/g, "\\$&");
    expect((await inside(tag, own)).split("\n").toSorted()).toEqual([
      "/config",
      "/home/nonroot",
      "/tmp",
      "/var/tmp",
    ]);
  });

  test(`${tag}: every package in it has its licence, and a note for scanners`, async () => {
    const lines = ["ls /var/lib/dpkg/status.d", "echo", "cd /usr/share/doc", "ls -d */copyright"];
    const [noted = "", licensed = ""] = (await inside(tag, lines.join("\n"))).split("\n\n");
    const packages = noted.split("\n");
    expect(packages).toEqual(
      expect.arrayContaining(["age", "busybox-static", "libc6", "tar", "tini", "zstd"]),
    );
    const licences = licensed.split("\n").map((file) => file.replace("/copyright", ""));
    expect(licences).toEqual(expect.arrayContaining([...packages, "dbstash"]));
  });

  test(`${tag}: time zones, certificates, users and names are known`, async () => {
    const lines = [
      "TZ=Asia/Kolkata date +%z",
      "grep -c BEGIN.CERTIFICATE $SSL_CERT_FILE",
      "grep hosts /etc/nsswitch.conf",
      "for each in $(ls /usr/bin); do [ -x /usr/bin/$each ] || echo $each; done",
    ];
    const [zone, certificates, hosts, ...broken] = (await inside(tag, lines.join("\n"))).split("\n");
    expect({ zone, hosts, broken }).toEqual({ zone: "+0530", hosts: "hosts: files dns", broken: [] });
    expect(Number(certificates)).toBeGreaterThan(50);
  });
}

test("each image is smaller than its database's image with dbstash and rclone in it", async () => {
  const megabytes = async (name: string): Promise<number> =>
    Number(await docker.ok(["image", "inspect", "--format={{.Size}}", name])) / 1e6;
  const rclone = await megabytes(`rclone/rclone:${rcloneVersion()}`);
  for (const { tag, tools } of images) {
    const [own, base] = [await megabytes(tag), await megabytes(tools)];
    const dbstash = Number(await inside(tag, "stat -c %s /usr/local/bin/dbstash")) / 1e6;
    const other = base + rclone + dbstash;
    console.log(`${tag}: ${own.toFixed(0)} MB; on ${tools} it would be ${other.toFixed(0)} MB`);
    expect(own).toBeGreaterThan(rclone + dbstash);
    expect(own).toBeLessThan(other);
  }
});

test("images describe themselves: entry point, user, health check, port, labels", async () => {
  for (const { engine, tag } of images) {
    const config = JSON.parse(
      await docker.ok(["image", "inspect", "--format={{json .Config}}", tag]),
    ) as unknown;
    expect(config).toMatchObject({
      Entrypoint: ["/usr/bin/tini", "--", "/usr/local/bin/dbstash"],
      User: "65532:65532",
      ExposedPorts: { "8080/tcp": {} },
      Healthcheck: { Test: ["CMD", "/usr/local/bin/dbstash", "healthcheck"] },
      Labels: {
        "org.opencontainers.image.title": `dbstash for ${engine}`,
        "org.opencontainers.image.version": imageVersion,
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.source": expect.stringMatching(/^https:\/\/github\.com\//),
      },
    });
  }
});

test("a read-only root without a temporary folder is an error that says so", async () => {
  const env = [
    "-e",
    "DB_URI=postgres://u:p@127.0.0.1:1/shop",
    "-e",
    "RCLONE_REMOTE=/tmp/x",
    "-e",
    "BACKUP_SCHEDULE=once",
  ];
  const { exitCode, stdout } = await docker.run(["run", "--rm", ...hardened, ...env, "dbstash:pg-18"]);
  expect(exitCode).toBe(1);
  expect(stdout.trim().split("\n").at(-1)).toMatch(
    /"error":"can't make a folder in \/tmp: EROFS: read-only file system/,
  );
});

test("a mounted secret that only root can read is an error that names its mode and the image's user", async () => {
  using folder = tempFolder("secret");
  writeFileSync(folder.file("uri"), "postgres://u:p@127.0.0.1:1/shop", { mode: 0o600 });
  const mount = ["-v", `${folder.file("uri")}:/run/secrets/uri:ro`, "-e", "DB_URI_FILE=/run/secrets/uri"];
  const env = ["-e", "RCLONE_REMOTE=/tmp/x", "-e", "BACKUP_SCHEDULE=once"];
  const { exitCode, stderr } = await docker.run([
    "run",
    "--rm",
    ...hardened,
    ...mount,
    ...env,
    "dbstash:pg-18",
  ]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(/0600[^]*65532/) });
});
