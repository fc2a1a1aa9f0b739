import { afterAll, beforeAll, expect } from "bun:test";
import { chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { type Docker, hardened, startDocker } from "../support/docker.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMongo } from "../support/mongo.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { startMysql } from "../support/mysql.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startProxy } from "../support/proxy.ts";
import { startRedis } from "../support/redis.ts";
import { freePort, runOk, waitFor } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const gate = needs(
  "docker",
  "postgresql-newest",
  "mysql",
  "mariadb",
  "mariadb-newest",
  "redis-newest",
  "mongo-tools",
  "ferretdb",
  "zstd",
);
const { test } = gate;

let docker: Docker;
let pg: PostgresServer;

if (gate.available) {
  beforeAll(async () => {
    [docker, pg] = await Promise.all([startDocker(), startPostgres({ release: "newest" })]);
    await docker.build();
    await pg.createDatabase("shop");
    await pg.sql(
      "CREATE TABLE items AS SELECT n AS id, 'gr🙂n' AS title FROM generate_series(1, 1000) n",
      "shop",
    );
  }, 900_000);
  afterAll(async () => {
    await Promise.all([docker.stop(), pg.stop()]);
  }, 120_000);
}

/** A folder that the image's user can write to, mounted as /backups. */
function backupsFolder(): TempFolder & { readonly mount: readonly string[] } {
  const folder = tempFolder("backups");
  chownSync(folder.path, 65_532, 65_532);
  return { ...folder, mount: ["-v", `${folder.path}:/backups`] };
}

const variables = (env: Readonly<Record<string, string>>): string[] =>
  Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);

/**
 * One backup in a container as the README advises it; answers with the one file that is stored.
 * `temp` is what /tmp is, `mounts` is mounted besides.
 */
async function backUp(
  tag: string,
  folder: ReturnType<typeof backupsFolder>,
  env: Record<string, string>,
  { temp = "--tmpfs=/tmp", mounts = [] as readonly string[] } = {},
): Promise<string> {
  const own = variables({ RCLONE_REMOTE: "/backups", BACKUP_SCHEDULE: "once", ...env });
  const argv = ["run", "--rm", ...hardened, temp, ...mounts, ...folder.mount, ...own, `dbstash:${tag}`];
  const { exitCode, stdout, stderr } = await docker.run(argv);
  expect({ exitCode, said: stdout + stderr }).toEqual({
    exitCode: 0,
    said: expect.stringContaining('"status":"success"'),
  });
  const stored = readdirSync(folder.path);
  expect(stored).toHaveLength(1);
  const file = join(folder.path, stored[0] ?? "");
  expect(statSync(file).uid).toBe(65_532);
  return file;
}

for (const compress of ["false", "zstd", "gzip"] as const)
  test(`PostgreSQL's image with BACKUP_COMPRESS=${compress} stores what psql restores`, async () => {
    using folder = backupsFolder();
    const file = await backUp("pg-18", folder, { DB_URI: pg.uri("shop"), BACKUP_COMPRESS: compress });
    const restored = `from_${compress}`;
    await pg.createDatabase(restored);
    const unpack = compress === "false" ? "cat" : `${compress} -dc`;
    await runOk(
      [
        "sh",
        "-ec",
        `${unpack} "$1" | "$2" -X -q -v ON_ERROR_STOP=1 -d "$3"`,
        "sh",
        file,
        join(pg.binDir, "psql"),
        restored,
      ],
      {
        env: { ...pg.env, LC_ALL: "C.UTF-8" },
      },
    );
    expect(await pg.sql("SELECT count(*), min(title), sum(id) FROM items", restored)).toBe(
      "1000|gr🙂n|500500",
    );
  });

test("an image's tar mode, with a volume as /tmp, stores what tar and pg_restore restore", async () => {
  using folder = backupsFolder();
  const env = { DB_URI: pg.uri("shop"), BACKUP_MODE: "tar" };
  const file = await backUp("pg-18", folder, env, { temp: "--volume=work:/tmp" });
  await docker.ok(["volume", "rm", "work"]);
  await runOk(["tar", "-C", folder.path, "-xf", file]);
  const inner = readdirSync(folder.path).find((name) => !file.endsWith(name)) ?? "";
  await pg.createDatabase("from_tar");
  expect(await pg.run("pg_restore", ["-d", "from_tar", join(folder.path, inner)])).toMatchObject({
    exitCode: 0,
  });
  expect(await pg.sql("SELECT count(*) FROM items", "from_tar")).toBe("1000");
});

test("an image whose tools are newer than the server backs it up, to a remote of a mounted rclone.conf", async () => {
  await using older = await startPostgres({ release: "distro" });
  await older.sql("CREATE TABLE marks AS SELECT 'kept' AS mark");
  using settings = tempFolder("conf");
  writeFileSync(settings.file("rclone.conf"), "[store]\ntype = alias\nremote = /backups\n", { mode: 0o444 });
  using folder = backupsFolder();
  const mounts = ["-v", `${settings.file("rclone.conf")}:/config/rclone.conf:ro`];
  const file = await backUp("pg-17", folder, { DB_URI: older.uri(), RCLONE_REMOTE: "store:" }, { mounts });
  expect(await Bun.file(file).text()).toContain("\nkept\n");
});

const family: readonly (readonly [string, () => Promise<MysqlServer>])[] = [
  ["mysql", startMysql],
  ["mariadb", () => startMariadb({ release: "newest" })],
  ["mariadb-10", startMariadb],
];
for (const [tag, start] of family)
  test(`the image of ${tag} stores what its client restores`, async () => {
    await using server = await start();
    await server.createDatabase("shop");
    await server.createDatabase("new");
    await server.sql(
      "CREATE TABLE items (id int PRIMARY KEY, title text) CHARACTER SET utf8mb4; INSERT INTO items VALUES (7, 'gr🙂n')",
      "shop",
    );
    using folder = backupsFolder();
    const file = await backUp(tag, folder, { DB_URI: server.uri("shop") });
    const client = tag === "mysql" ? "mysql" : "mariadb";
    expect(await server.run(client, ["new"], { stdinFile: file })).toMatchObject({ exitCode: 0 });
    expect(await server.sql("SELECT * FROM items", "new")).toBe("7\tgr🙂n");
  }, 120_000);

test("the image of redis stores what a server starts from", async () => {
  await using server = await startRedis({ flavour: "redis-newest", password: "s3cret" });
  await server.command("SET", "title", "green");
  using folder = backupsFolder();
  const file = await backUp("redis", folder, { DB_URI: server.uri() });
  await using restored = await startRedis({ flavour: "redis-newest", loadRdb: file });
  expect(await restored.command("GET", "title")).toBe("green");
});

test("the image of mongo stores what mongorestore restores", async () => {
  await using server = await startMongo();
  await server.insert("shop", "items", [{ _id: 7, title: "gr🙂n" }]);
  using folder = backupsFolder();
  const file = await backUp("mongo", folder, { DB_URI: server.uri("shop") });
  await server.drop("shop");
  await runOk([join(server.binDir, "mongorestore"), `--uri=${server.uri()}`, `--archive=${file}`]);
  expect(await server.find("shop", "items")).toEqual([{ _id: 7, title: "gr🙂n" }]);
});

/** Starts a backup whose server falls silent once rclone is writing; answers with the container's name. */
async function halfWay(
  folder: ReturnType<typeof backupsFolder>,
  proxy: Awaited<ReturnType<typeof startProxy>>,
): Promise<string> {
  const name = `half-way-${crypto.randomUUID()}`;
  await pg.sql(
    "CREATE TABLE IF NOT EXISTS large AS SELECT n, repeat('x', 100000) FROM generate_series(1, 4000) n",
    "shop",
  );
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
  const startedMs = Date.now();
  await docker.ok(["stop", name]);
  expect(Date.now() - startedMs).toBeLessThan(10_000);
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
  expect(Date.now() - startedMs).toBeLessThan(5000);
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
