import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decrypt, makeKeys, writeRecipients } from "../support/age.ts";
import { needs } from "../support/components.ts";
import {
  type BackupsFolder,
  backupsFolder,
  type Docker,
  hardened,
  startDocker,
  variables,
} from "../support/docker.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMongo } from "../support/mongo.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { startMysql } from "../support/mysql.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { runOk } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

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
  "age",
  "sshd",
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

/**
 * One backup in a container as the documents advise it; answers with the one file that is stored.
 * `temp` is what /tmp is, `mounts` is mounted besides.
 */
async function backUp(
  tag: string,
  folder: BackupsFolder,
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

test("PostgreSQL's image stores one dump in two places, by a tee that is no applet", async () => {
  using folder = backupsFolder();
  const env = { RCLONE_REMOTE: "/backups/one", RCLONE_EXTRA_REMOTES: "/backups/two" };
  const own = variables({ ...env, DB_URI: pg.uri("shop"), BACKUP_SCHEDULE: "once" });
  const said = await docker.ok([
    "run",
    "--rm",
    ...hardened,
    "--tmpfs=/tmp",
    ...folder.mount,
    ...own,
    "dbstash:pg-18",
  ]);
  expect(said).toContain('"msg":"backup stored"');
  const [name = ""] = readdirSync(join(folder.path, "one"));
  const [one, two] = ["one", "two"].map((place) => readFileSync(join(folder.path, place, name), "utf8"));
  expect(one).toContain("-- PostgreSQL database dump complete");
  expect(two).toBe(one ?? "");
});

test("PostgreSQL's image encrypts to a list that is mounted", async () => {
  using keys = await makeKeys();
  using folder = backupsFolder();
  const list = writeRecipients(join(keys.folder, "list"), [keys.own.recipient, keys.ssh.recipient]);
  const env = { DB_URI: pg.uri("shop"), BACKUP_COMPRESS: "zstd", BACKUP_ENCRYPT_TO_FILE: "/keys/list" };
  const file = await backUp("pg-18", folder, env, { mounts: ["-v", `${list}:/keys/list:ro`] });
  expect(file).toEndWith(".sql.zst.age");
  const text = new TextDecoder().decode(Bun.zstdDecompressSync(await decrypt(keys.ssh, file)));
  for (const part of ["\tgr🙂n\n", "-- PostgreSQL database dump complete\n--\n"])
    expect([part, text.includes(part)]).toEqual([part, true]);
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
