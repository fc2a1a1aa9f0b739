import { afterAll, beforeAll, expect } from "bun:test";
import { chownSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import {
  type BackupsFolder,
  backupsFolder,
  type Docker,
  hardened,
  startDocker,
  variables,
} from "../support/docker.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { freePort, waitFor } from "../support/run.ts";

const gate = needs("docker", "postgresql-newest");
const { test } = gate;

let docker: Docker;
let pg: PostgresServer;

if (gate.available) {
  beforeAll(async () => {
    [docker, pg] = await Promise.all([startDocker(), startPostgres({ release: "newest" })]);
    await docker.build();
    await pg.createDatabase("shop");
    await pg.sql(
      "CREATE TABLE large AS SELECT n, repeat('x', 100000) FROM generate_series(1, 4000) n",
      "shop",
    );
  }, 900_000);
  afterAll(async () => {
    await Promise.all([docker.stop(), pg.stop()]);
  }, 120_000);
}

/** Starts a backup whose server falls silent once rclone is writing; answers with the container's name. */
async function halfWay(folder: BackupsFolder, proxy: Proxy): Promise<string> {
  const name = `half-way-${crypto.randomUUID()}`;
  const env = variables({
    DB_URI: pg.uri("shop", { port: proxy.port }),
    RCLONE_REMOTE: "/backups/out",
    BACKUP_SCHEDULE: "once",
  });
  mkdirSync(folder.file("out"));
  chownSync(folder.file("out"), 65_532, 65_532);
  await docker.ok([
    "run",
    "--detach",
    "--name",
    name,
    ...hardened,
    "--tmpfs=/tmp",
    ...folder.mount,
    ...env,
    "dbstash:pg-18",
  ]);
  await waitFor("rclone to write", () => {
    const [staged] = readdirSync(folder.file("out"));
    return staged !== undefined && statSync(join(folder.file("out"), staged)).size > 0;
  });
  proxy.stall();
  expect(readdirSync(folder.file("out"))).toEqual([expect.stringMatching(/^\..*\.partial$/)]);
  return name;
}

test("docker stop ends a backup half way within its 10 seconds, with exit code 143 and nothing published", async () => {
  using folder = backupsFolder();
  await using proxy = await startProxy({ port: pg.port });
  const name = await halfWay(folder, proxy);
  // Docker kills what has not ended by then: 137.
  await docker.ok(["stop", name]);
  expect(await docker.ok(["inspect", "--format={{.State.ExitCode}} {{.State.OOMKilled}}", name])).toBe(
    "143 false",
  );
  expect(await docker.ok(["logs", name])).toContain('"exit_code":143');
  expect(readdirSync(folder.file("out"))).toEqual([]);
  await docker.ok(["rm", name]);
});

test("docker kill half way publishes nothing", async () => {
  using folder = backupsFolder();
  await using proxy = await startProxy({ port: pg.port });
  const name = await halfWay(folder, proxy);
  await docker.ok(["kill", name]);
  expect(await docker.ok(["wait", name])).toBe("137");
  expect(readdirSync(folder.file("out")).filter((entry) => !entry.endsWith(".partial"))).toEqual([]);
  await docker.ok(["rm", name]);
});

test("a scheduled container turns healthy, its init reaps what hooks leave, and docker stop ends it at once", async () => {
  using folder = backupsFolder();
  const name = `daemon-${crypto.randomUUID()}`;
  const env = variables({
    DB_URI: pg.uri("shop"),
    RCLONE_REMOTE: "/backups",
    BACKUP_SCHEDULE: "0 0 1 1 *",
    BACKUP_ON_START: "true",
    HEALTH_PORT: String(await freePort()),
    // In a session of its own it outlives the hook, and has nobody to wait for it but PID 1.
    HOOK_PRE_BACKUP:
      "setsid sh -c 'echo $$ >/tmp/orphan; exec sleep 0.1' & until [ -s /tmp/orphan ]; do :; done",
  });
  const argv = ["--name", name, "--health-interval=1s", ...hardened, "--tmpfs=/tmp", ...folder.mount, ...env];
  await docker.ok(["run", "--detach", ...argv, "dbstash:pg-18"]);
  const health = "--format={{.State.Health.Status}}";
  await waitFor(
    "a healthy container",
    async () => (await docker.ok(["inspect", health, name])) === "healthy",
  );
  const inside = (line: string): Promise<string> => docker.ok(["exec", name, "sh", "-ec", line]);
  expect(await inside("cat /proc/1/comm")).toBe("tini");
  await waitFor("the backup", () => readdirSync(folder.path).some((file) => file.endsWith(".sql")));
  const orphan = await waitFor("the orphan", async () => (await inside("cat /tmp/orphan")) || undefined);
  await waitFor(
    "the orphan's end",
    async () => (await inside(`[ -e /proc/${orphan} ] || echo gone`)) === "gone",
  );
  const startedMs = Date.now();
  await docker.ok(["stop", name]);
  expect(Date.now() - startedMs).toBeLessThan(9000);
  expect(await docker.ok(["inspect", "--format={{.State.ExitCode}}", name])).toBe("0");
  await docker.ok(["rm", name]);
});

test("a container that can't reach its health server turns unhealthy", async () => {
  const name = `unhealthy-${crypto.randomUUID()}`;
  const env = variables({ HEALTH_PORT: String(await freePort()) });
  const argv = [
    "--name",
    name,
    "--health-interval=1s",
    "--health-retries=1",
    "--health-start-period=1ms",
    ...hardened,
    ...env,
  ];
  await docker.ok(["run", "--detach", ...argv, "--entrypoint=sleep", "dbstash:pg-18", "600"]);
  const health = "--format={{.State.Health.Status}}";
  await waitFor(
    "an unhealthy container",
    async () => (await docker.ok(["inspect", health, name])) === "unhealthy",
  );
  await docker.ok(["rm", "--force", name]);
});
