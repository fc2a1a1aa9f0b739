import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type ComponentName, needs } from "../support/components.ts";
import type { DbstashOptions } from "../support/dbstash.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMysql } from "../support/mysql.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { runOk } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, failingBackUp, password } from "./backups.ts";

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
