import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type ComponentName, needs } from "../support/components.ts";
import { type DbstashOptions, type EngineName, runDbstash, startDbstash } from "../support/dbstash.ts";
import { startMariadb } from "../support/mariadb.ts";
import { type MongoServer, startMongo } from "../support/mongo.ts";
import { startMysql } from "../support/mysql.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { sampleCommandLines, waitUntilGone } from "../support/procs.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { run, runOk } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

/** Words no other program's command line holds. */
const password = "Tr0ub4dor&3 \"q'\\#é";

/** Runs a backup into a fresh folder; `file` is the one thing that lies there afterwards. */
async function backUp(engine: EngineName, remote: string, options: DbstashOptions) {
  const running = startDbstash(engine, {
    ...options,
    env: { RCLONE_REMOTE: remote, ...options.env },
  });
  const { result, commandLines } = await sampleCommandLines(running.id, running.exited);
  await waitUntilGone(running.id);
  expect({ exitCode: result.exitCode, said: result.stdout + result.stderr }).toEqual({
    exitCode: 0,
    said: expect.any(String),
  });
  expect(result.leftovers.filter((path) => !path.startsWith("run/"))).toEqual([]);
  expect(result.stdout + result.stderr).not.toContain(password);
  expect(commandLines.length).toBeGreaterThan(1);
  expect(commandLines.filter((line) => line.includes(password))).toEqual([]);
  const files = readdirSync(remote);
  expect(files).toHaveLength(1);
  return { file: join(remote, files[0] ?? ""), result };
}

/** A backup that must fail, with nothing stored and nothing left behind. Answers with the error of the last line. */
async function failingBackUp(engine: EngineName, options: DbstashOptions): Promise<string> {
  using remote = tempFolder("remote");
  const result = await runDbstash(engine, {
    ...options,
    env: { RCLONE_REMOTE: remote.path, ...options.env },
  });
  await waitUntilGone(result.id);
  expect(result.exitCode).toBe(1);
  expect(readdirSync(remote.path)).toEqual([]);
  expect(result.leftovers.filter((path) => !path.startsWith("run/"))).toEqual([]);
  expect(result.lastLine?.["status"]).toBe("failure");
  return String(result.lastLine?.["error"]);
}

const schema = `
CREATE TABLE \`the "items" & more\` (id INT PRIMARY KEY, name VARCHAR(100) CHARACTER SET utf8mb4, data BLOB, price DECIMAL(9,2));
CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, line TEXT CHARACTER SET utf8mb4);
CREATE TABLE nothing (id INT);
CREATE TRIGGER noted AFTER INSERT ON \`the "items" & more\` FOR EACH ROW INSERT INTO log (line) VALUES (CONCAT('new: ', NEW.name));
INSERT INTO \`the "items" & more\` VALUES (1, '🐘 über\\n\\ttab \\\\ quote '' "', x'00ff0a0d1a5c27e2', 1.50), (2, NULL, NULL, NULL), (3, '', REPEAT(x'00', 5000), -1);
CREATE VIEW cheap AS SELECT id, name FROM \`the "items" & more\` WHERE price < 2;
CREATE PROCEDURE refill(n INT) INSERT INTO log (line) VALUES (n);
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log WHERE id < 0;
`;

/** What the database holds, as text. */
function mysqlContent(server: MysqlServer, database: string): Promise<string> {
  const sql = [
    'SELECT id, HEX(name), HEX(data), price FROM `the "items" & more` ORDER BY id',
    "SELECT id, HEX(line) FROM log ORDER BY id",
    "SELECT COUNT(*) FROM nothing",
    "SELECT id, HEX(name) FROM cheap ORDER BY id",
    "SELECT trigger_name, event_manipulation, action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "SELECT routine_name, routine_type, routine_definition FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1",
    "SELECT event_name, event_definition, interval_value, status FROM information_schema.events WHERE event_schema = DATABASE()",
    "SELECT twice(21)",
  ];
  return server.sql(sql.join(";"), database);
}

/** Tables, their data, then views, and at last what refers to all of them. */
async function restoreTables(server: MysqlServer, database: string, folder: string): Promise<void> {
  const load = async (file: string) => {
    const loaded = await server.run("mysql", [database], { stdinFile: join(folder, file) });
    expect(loaded).toMatchObject({ exitCode: 0, stderr: "" });
  };
  const tables = readdirSync(folder).flatMap((file) => (file.endsWith(".txt") ? [file.slice(0, -4)] : []));
  for (const table of tables) {
    await load(`${table}.sql`);
    const data = join(server.filesDir, "data.txt");
    copyFileSync(join(folder, `${table}.txt`), data);
    chmodSync(data, 0o644);
    // MariaDB's client writes names as the server's own files have them.
    const name = table.replace(/@([0-9a-f]{4})/g, (_, code: string) =>
      String.fromCodePoint(Number.parseInt(code, 16)),
    );
    await server.sql(`LOAD DATA INFILE '${data}' INTO TABLE \`${name}\` CHARACTER SET binary`, database);
  }
  const first = [...tables.map((table) => `${table}.sql`), "dbstash-routines.sql", "dbstash-sequences.sql"];
  const views = readdirSync(folder).filter((file) => file.endsWith(".sql") && !first.includes(file));
  for (const file of [...views, "dbstash-routines.sql"]) await load(file);
}

const family: readonly {
  engine: "mysql" | "mariadb";
  name: ComponentName;
  database: string;
  start: () => Promise<MysqlServer>;
}[] = [
  {
    engine: "mariadb",
    name: "mariadb",
    database: "it`s a shop & more",
    start: () => startMariadb({ password }),
  },
  { engine: "mysql", name: "mysql", database: `it's a "shop" & more`, start: () => startMysql({ password }) },
];

for (const { engine, name, database, start } of family) {
  const { describe, test } = needs(name, "rclone-current", "zstd");
  describe(`${engine}`, () => {
    let source: MysqlServer;
    let empty: MysqlServer;
    let options: DbstashOptions;
    beforeAll(async () => {
      [source, empty] = [await start(), await start()];
      await source.createDatabase(database);
      await source.sql(schema, database);
      options = { path: [source.binDir], env: { DB_URI: source.uri(database) } };
    }, 180_000);
    afterAll(() => Promise.all([source.stop(), empty.stop()]));

    for (const compression of ["false", "zstd", "gzip"]) {
      test(`restores whole with BACKUP_COMPRESS=${compression}`, async () => {
        using remote = tempFolder("remote");
        const { file } = await backUp(engine, remote.path, {
          ...options,
          env: { ...options.env, BACKUP_COMPRESS: compression },
        });
        expect(file).toEndWith({ false: ".sql", zstd: ".sql.zst", gzip: ".sql.gz" }[compression] ?? "?");
        const plain = compression === "false" ? file : join(remote.path, "plain.sql");
        if (compression !== "false") await runOk([compression, "-dc", file], { stdoutFile: plain });
        await empty.createDatabase(database);
        const restored = await empty.run("mysql", [database], { stdinFile: plain });
        expect(restored).toMatchObject({ exitCode: 0 });
        expect(await mysqlContent(empty, database)).toBe(await mysqlContent(source, database));
        await empty.sql(`DROP DATABASE \`${database.replaceAll("`", "``")}\``);
      }, 60_000);
    }

    test("fails with a wrong password, an unknown host and a missing database, and stores nothing", async () => {
      const wrong = await failingBackUp(engine, {
        ...options,
        env: { DB_URI: source.uri(database, { password: "wrong" }) },
      });
      expect(wrong).toContain("Access denied for user 'backup'");
      const nowhere = await failingBackUp(engine, {
        ...options,
        env: { DB_URI: `${engine}://backup:pw@nowhere.invalid/x` },
      });
      expect(nowhere).toMatch(/Unknown (MySQL |MariaDB )?server host 'nowhere\.invalid'/);
      const missing = await failingBackUp(engine, { ...options, env: { DB_URI: source.uri("missing") } });
      expect(missing).toContain("Unknown database 'missing'");
    }, 60_000);

    for (const mode of ["directory", "tar"]) {
      test(`restores whole from ${mode} mode, written by the server`, async () => {
        using remote = tempFolder("remote");
        using work = tempFolder("work");
        chmodSync(work.path, 0o711);
        const { file } = await backUp(engine, remote.path, {
          ...options,
          env: { ...options.env, BACKUP_MODE: mode, BACKUP_TEMP_DIR: work.path },
        });
        expect(readdirSync(work.path)).toEqual([]);
        if (mode === "tar") await runOk(["tar", "-C", remote.path, "-xf", file]);
        const folder = file.replace(/\.tar$/, "");
        await empty.createDatabase(database);
        await restoreTables(empty, database, folder);
        expect(await mysqlContent(empty, database)).toBe(await mysqlContent(source, database));
        await empty.sql(`DROP DATABASE \`${database.replaceAll("`", "``")}\``);
      }, 60_000);
    }
  });
}

for (const { title, flavour, diskless, user } of [
  { title: "Redis, with a file on its disk", flavour: "redis", diskless: false },
  { title: "Redis, diskless, by an ACL user", flavour: "redis", diskless: true, user: "dumper" },
  { title: "Valkey, diskless", flavour: "valkey", diskless: true },
] as const) {
  const { describe, test } = needs(flavour, "rclone-current", "zstd");
  describe(title, () => {
    let source: RedisServer;
    let options: DbstashOptions;
    beforeAll(async () => {
      source = await startRedis({ flavour, diskless, password, ...(user === undefined ? {} : { user }) });
      await source.commands(
        `SET "a key" "🐘 \\x00\\xff\\n end"
HSET hash one 1 two "zwei ä"
RPUSH list a b c
SELECT 3
SET other 3`,
      );
      options = { path: [source.binDir], env: { DB_URI: source.uri() } };
    }, 60_000);
    afterAll(() => source.stop());

    async function content(server: RedisServer): Promise<string[]> {
      return Promise.all([
        server.commands('DUMP "a key"\nHGETALL hash\nLRANGE list 0 -1\nSELECT 3\nGET other\nDBSIZE'),
        server.command("DBSIZE"),
      ]);
    }

    for (const compression of ["false", "zstd"]) {
      test(`an RDB with BACKUP_COMPRESS=${compression} loads into an empty server`, async () => {
        using remote = tempFolder("remote");
        const { file } = await backUp("redis", remote.path, {
          ...options,
          env: { ...options.env, BACKUP_COMPRESS: compression },
        });
        const plain = compression === "false" ? file : join(remote.path, "plain.rdb");
        if (compression !== "false") await runOk(["zstd", "-dc", file], { stdoutFile: plain });
        const checker = join(source.binDir, `${flavour}-check-rdb`);
        expect(await run([checker, plain])).toMatchObject({ exitCode: 0 });
        await using empty = await startRedis({ flavour, loadRdb: plain });
        const contents = await content(source);
        expect(contents.join()).toContain("zwei ä");
        expect(contents.join()).toContain("🐘 \0");
        expect(await content(empty)).toEqual(contents);
      }, 60_000);
    }

    test("fails with a wrong password and an unknown host, and stores nothing", async () => {
      const wrong = await failingBackUp("redis", {
        ...options,
        env: { DB_URI: source.uri({ password: "wrong" }) },
      });
      expect(wrong).toMatch(/WRONGPASS|NOAUTH|AUTH failed/);
      const nowhere = await failingBackUp("redis", {
        ...options,
        env: { DB_URI: "redis://:pw@nowhere.invalid" },
      });
      expect(nowhere).toContain("nowhere.invalid");
    }, 60_000);
  });
}

{
  const { describe, test } = needs("ferretdb", "mongo-tools", "rclone-current", "zstd");
  describe("mongo", () => {
    let source: MongoServer;
    let empty: MongoServer;
    let options: DbstashOptions;
    beforeAll(async () => {
      [source, empty] = await Promise.all([startMongo(), startMongo()]);
      await source.insert("shop", "items & more", [
        { _id: 1, name: "🐘 über", data: { $binary: { base64: "AP8KDQ==", subType: "00" } } },
        { _id: 2, nested: { list: [1, "two", null] } },
      ]);
      await source.insert("shop", "log", [{ _id: "a" }]);
      options = { path: [source.binDir], env: { DB_URI: source.uri("shop") } };
    }, 60_000);
    afterAll(() => Promise.all([source.stop(), empty.stop()]));

    for (const [mode, compression, restoreArgs] of [
      ["stream", "false", ["--archive=BACKUP"]],
      ["stream", "true", ["--gzip", "--archive=BACKUP"]],
      ["directory", "false", ["--dir=BACKUP"]],
      ["directory", "true", ["--gzip", "--dir=BACKUP"]],
      ["tar", "false", ["--dir=BACKUP"]],
    ] as const) {
      test(`restores whole in ${mode} mode with BACKUP_COMPRESS=${compression}`, async () => {
        using remote = tempFolder("remote");
        const { file } = await backUp("mongo", remote.path, {
          ...options,
          env: { ...options.env, BACKUP_MODE: mode, BACKUP_COMPRESS: compression },
        });
        if (mode === "tar") await runOk(["tar", "-C", remote.path, "-xf", file]);
        const backup = mode === "tar" ? file.replace(/\.tar$/, "") : file;
        const args = restoreArgs.map((word) => word.replace("BACKUP", backup));
        await runOk([join(source.binDir, "mongorestore"), `--uri=${empty.uri()}`, ...args]);
        expect(await empty.collections("shop")).toEqual(await source.collections("shop"));
        for (const name of ["items & more", "log"]) {
          const documents = await source.find("shop", name);
          expect(documents.length).toBeGreaterThan(0);
          expect(await empty.find("shop", name)).toEqual(documents);
        }
        await empty.drop("shop");
      }, 60_000);
    }

    for (const mode of ["stream", "directory", "tar"]) {
      test(`fails in ${mode} mode for a database that is not there, and stores nothing`, async () => {
        const error = await failingBackUp("mongo", {
          ...options,
          env: { DB_URI: source.uri("missing"), BACKUP_MODE: mode },
        });
        expect(error).toContain("the database missing does not exist or holds no collection");
      }, 60_000);
    }

    test("fails for an unknown host, and stores nothing", async () => {
      const error = await failingBackUp("mongo", {
        ...options,
        env: { DB_URI: "mongodb://u:pw@nowhere.invalid/shop" },
      });
      expect(error).toContain("nowhere.invalid");
    }, 90_000);
  });
}
