import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { type Docker, imageVersion, startDocker } from "../support/docker.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { freePort, waitFor } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const gate = needs("docker", "docker-compose", "postgresql", "rclone-current");
const { test } = gate;

const root = join(import.meta.dirname, "../..");
const example = readFileSync(join(root, "docker-compose.example.yml"), "utf8");
/** The images' user. */
const uid = 65_532;

let docker: Docker;
let pg: PostgresServer;
let port: number;

if (gate.available) {
  beforeAll(async () => {
    [docker, pg, port] = await Promise.all([startDocker(), startPostgres(), freePort()]);
    await pg.createDatabase("shop");
    const flags = ["--network=host", "--build-arg=DB_VERSION=17", `--build-arg=VERSION=${imageVersion}`];
    const image = ["--file", join(root, "docker/Dockerfile.pg"), "--tag", "ghcr.io/viperadnan/dbstash:pg-17"];
    await docker.ok(["buildx", "build", "--progress=plain", ...flags, ...image, root], 300_000);
  }, 900_000);
  afterAll(async () => {
    await Promise.all([docker?.stop(), pg?.stop()]);
  }, 60_000);
}

/** The example in a folder of its own, with its secrets; and what the test has other than a user, see `other`. */
function project(
  secretMode: number,
): TempFolder & { readonly compose: readonly string[]; readonly stored: string } {
  const folder = tempFolder("compose");
  writeFileSync(folder.file("docker-compose.yml"), example);
  writeFileSync(folder.file("docker-compose.override.yml"), JSON.stringify(other(folder)));
  mkdirSync(folder.file("secrets"), { mode: 0o700 });
  mkdirSync(folder.file("stored"));
  chownSync(folder.file("stored"), uid, uid);
  const secrets = {
    pg_uri: `${pg.uri("shop")}\n`,
    "rclone.conf": "[s3]\ntype = alias\nremote = /stored\n",
  };
  for (const [name, text] of Object.entries(secrets)) {
    writeFileSync(folder.file(`secrets/${name}`), text);
    chmodSync(folder.file(`secrets/${name}`), secretMode);
  }
  return {
    ...folder,
    compose: ["compose", "--project-directory", folder.path, "--project-name", "dbstash-example"],
    stored: folder.file("stored"),
  };
}

/** The machine's network, and a folder for a bucket. */
function other(folder: TempFolder) {
  return {
    services: {
      "backup-postgres": {
        network_mode: "host",
        volumes: [`${folder.file("stored")}:/stored`],
        environment: { HEALTH_PORT: String(port) },
      },
    },
  };
}

test("the example's job stores a backup as it is pasted, and ends in good order", async () => {
  using copy = project(0o444);
  await docker.ok([...copy.compose, "up", "--detach"]);
  const logs = async () => (await docker.run([...copy.compose, "logs", "backup-postgres"])).stdout;
  await waitFor("the run's end", async () => (await logs()).includes("waiting for the next run"));
  expect(await logs()).toContain('"msg":"backup stored"');
  // The times of the log are in the zone of TZ.
  expect(await logs()).toMatch(/"time":"[^"]+\+05:30"/);
  const [name = ""] = readdirSync(join(copy.stored, "my-bucket/postgres/shop"));
  expect(name).toMatch(/^shop-\d{8}T\d{6}\+0530\.sql\.zst$/);
  expect(readFileSync(join(copy.stored, "my-bucket/postgres/shop", name)).readUInt32LE(0)).toBe(0xfd2fb528);
  const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  expect(page).toContain("shop is backed up – dbstash</title>");
  // By the documents' way to look at it, and to fetch it.
  const inside = [...copy.compose, "exec", "--no-TTY", "backup-postgres"];
  expect(await docker.ok([...inside, "dbstash", "list"])).toContain(name);
  expect(await docker.ok([...inside, "dbstash", "verify"])).toContain(name);
  const remote = "s3:my-bucket/postgres/shop";
  const fetched = await docker.ok([
    ...inside,
    "sh",
    "-c",
    `rclone cat --config /config/rclone.conf ${remote}/${name} | zstd -dc`,
  ]);
  expect(fetched).toContain("PostgreSQL database dump complete");
  await docker.ok([...copy.compose, "stop"]);
  const container = "dbstash-example-backup-postgres-1";
  expect(await docker.ok(["inspect", "--format={{.State.ExitCode}}", container])).toBe("0");
  await docker.ok([...copy.compose, "down"]);
});

test("secrets that only root can read are refused by the example's job, with what to do", async () => {
  using copy = project(0o600);
  const { exitCode, stdout, stderr } = await docker.run([
    ...copy.compose,
    "run",
    "--rm",
    "--no-TTY",
    "backup-postgres",
  ]);
  expect(exitCode).toBe(2);
  expect(stdout + stderr).toContain(
    "DB_URI_FILE (--db-uri-file) names /run/secrets/pg_uri, which can't be read",
  );
  expect(stdout + stderr).toMatch(/mode 0600 and owner 0; dbstash runs as uid 65532[^]*chmod 0444/);
});
