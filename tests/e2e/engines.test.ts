import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync } from "node:fs";
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
  describe(`${engine} in stream mode`, () => {
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
  });
}
