import { expect } from "bun:test";
import { readdirSync, readFileSync, linkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ComponentName, componentPath } from "../support/components.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMysql } from "../support/mysql.ts";
import type { MysqlOptions, MysqlServer } from "../support/mysql-family.ts";
import { tempFolder } from "../support/temp.ts";
import { password } from "./backups.ts";
import { frontPageScript, pageCode, pageScript, restoreCommand, runDocumented } from "./readme.ts";

/** A kind of server, and the executable that backs it up. */
export interface Member {
  readonly engine: "mysql" | "mariadb";
  readonly title: string;
  readonly component: ComponentName;
  /** A name that has to be quoted everywhere. (MariaDB's client can't dump events where it has quotes.) */
  readonly database: string;
  readonly start: (options?: MysqlOptions) => Promise<MysqlServer>;
}

/** Every server of the family that there is. */
export const family: readonly Member[] = [
  {
    engine: "mariadb",
    title: "MariaDB, distro release",
    component: "mariadb",
    database: "it`s a shop & more",
    start: (options = {}) => startMariadb({ password, ...options }),
  },
  {
    engine: "mariadb",
    title: "MariaDB, newest release",
    component: "mariadb-newest",
    database: "it`s a shop & more",
    start: (options = {}) => startMariadb({ password, release: "newest", ...options }),
  },
  {
    engine: "mysql",
    title: "MySQL",
    component: "mysql",
    database: `it's a "shop" & more`,
    start: (options = {}) => startMysql({ password, ...options }),
  },
];

/** One of each kind of thing a database holds, with a value of 20 MB. Views come before those they are made of. */
const sample = `
SET time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
CREATE TABLE \`the "items" & more\` (id INT PRIMARY KEY, name VARCHAR(100) CHARACTER SET utf8mb4, data BLOB,
  price DECIMAL(9,2), large LONGBLOB) COMMENT 'für 🐘';
INSERT INTO \`the "items" & more\` VALUES
  (1, '🐘 über\\r\\n\\ttab \\\\ quote '' " \\0 end', x'00ff0a0d1a5c27e2', 1.50, NULL), (2, NULL, NULL, NULL, NULL),
  (3, '', REPEAT(x'00', 5000), -1, REPEAT(x'00ff5c090a', 4000000));
CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, line TEXT CHARACTER SET utf8mb4);
INSERT INTO log VALUES (0, 'zero'), (7, 'seven');
CREATE TABLE nothing (id INT);
CREATE TABLE \`a child\` (id INT PRIMARY KEY, item INT, FOREIGN KEY (item) REFERENCES \`the "items" & more\` (id));
INSERT INTO \`a child\` VALUES (1, 1), (2, NULL);
CREATE TABLE kinds (id INT AUTO_INCREMENT PRIMARY KEY, doc JSON, place POINT,
  mood ENUM('ja', 'nö') CHARACTER SET utf8mb4, west SET('ö', 'ß') CHARACTER SET latin1,
  word VARCHAR(9) CHARACTER SET latin1 DEFAULT 'ö' COMMENT 'für 🐘', since TIMESTAMP NULL, at DATETIME(6), never DATE,
  n INT, half INT GENERATED ALWAYS AS (n / 2) STORED, secret INT INVISIBLE, bits BIT(9), \`a \`\`b\` FLOAT);
INSERT INTO kinds (id, doc, place, mood, west, word, since, at, never, n, secret, bits, \`a \`\`b\`) VALUES
  (0, '{"a": "🐘 \\\\n"}', ST_GeomFromText('POINT(1 2)'), 'nö', 'ö,ß', 'façade', '2026-02-07 02:00:00',
   '2026-02-07 02:00:00.123456', '0000-00-00', 8, 9, b'101010101', 0.1), (7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE \`-n\` (n INT);
INSERT INTO \`-n\` VALUES (1);
CREATE TABLE Two (n INT);
INSERT INTO Two VALUES (2);
CREATE TABLE two (n INT);
INSERT INTO two VALUES (22);
CREATE TRIGGER noted AFTER INSERT ON \`the "items" & more\` FOR EACH ROW
  INSERT INTO log (line) VALUES (CONCAT('new: ', NEW.name));
CREATE PROCEDURE refill(n INT) INSERT INTO log (line) VALUES (n);
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2;
CREATE VIEW cheap AS SELECT id, name FROM \`the "items" & more\` WHERE price < 2;
CREATE VIEW \`a double\` AS SELECT twice(id) AS id FROM cheap;
CREATE VIEW v5 AS SELECT id FROM cheap;
CREATE VIEW v4 AS SELECT id FROM v5;
CREATE VIEW v3 AS SELECT id FROM v4;
CREATE VIEW v2 AS SELECT id FROM v3;
CREATE VIEW v1 AS SELECT id FROM v2;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01' DO DELETE FROM log WHERE id < 0;
`;

const mariadbSample = `
CREATE SEQUENCE \`next "one"\` START WITH 41 INCREMENT BY 2 NOCACHE;
SELECT NEXTVAL(\`next "one"\`);
CREATE TABLE \`it's kept\` (id INT, v INT) WITH SYSTEM VERSIONING;
INSERT INTO \`it's kept\` VALUES (1, 1), (2, 2);
CREATE TABLE addresses (id UUID PRIMARY KEY, six INET6, four INET4);
INSERT INTO addresses VALUES ('123e4567-e89b-12d3-a456-426655440000', '2001:db8::ff00:42:8329', '192.168.1.1'),
  ('123e4567-e89b-12d3-a456-426655440001', NULL, NULL);
`;

/** Makes the sample database on a server. */
export async function createSample({ engine, database }: Member, server: MysqlServer): Promise<void> {
  await server.createDatabase(database);
  await server.sql(engine === "mariadb" ? sample + mariadbSample : sample, database);
}

const mariadbRows = [
  "SELECT * FROM `it's kept` ORDER BY id",
  'SELECT * FROM `next "one"`',
  "SELECT * FROM addresses ORDER BY id",
];

/** All that a copy of the sample must have in common with it, as text. */
export async function content({ engine }: Member, server: MysqlServer, database: string): Promise<string> {
  const rows = [
    "SET time_zone = '+00:00'",
    'SELECT id, HEX(name), HEX(data), price, LENGTH(large), SHA2(large, 256) FROM `the "items" & more` ORDER BY id',
    "SELECT id, HEX(line) FROM log ORDER BY id",
    "SELECT COUNT(*) FROM nothing",
    "SELECT * FROM `a child` ORDER BY id",
    "SELECT id, doc, ST_AsText(place), HEX(mood), west, HEX(word), since, at, never, n, half, secret, HEX(bits), `a ``b` FROM kinds ORDER BY id",
    "SELECT id, HEX(name) FROM cheap ORDER BY id",
    "SELECT * FROM `a double` ORDER BY id",
    "SELECT * FROM v1 ORDER BY id",
    "SELECT n FROM `-n` UNION SELECT n FROM Two UNION SELECT n FROM two ORDER BY n",
    ...(engine === "mariadb" ? mariadbRows : []),
    "SELECT trigger_name, event_manipulation, action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "SELECT routine_name, routine_type, routine_definition FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1",
    "SELECT event_name, event_definition, interval_value, starts, status FROM information_schema.events WHERE event_schema = DATABASE()",
    "SELECT table_name, table_type, table_comment FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY BINARY table_name",
    "SELECT table_name, column_name, column_type, character_set_name, HEX(column_default), HEX(column_comment), extra FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY BINARY table_name, BINARY column_name",
  ];
  return server.sql(rows.join(";\n"), database);
}

const section = "MySQL and MariaDB";

/**
 * Runs the documents' restore commands for what is stored in this form, as a user of that server would type them.
 * @param remote a local folder that holds one backup
 * @param storedAs what the page's table calls it; null for the commands of README.md
 * @returns what the client programs said: nothing, where all went well
 */
export async function restore(
  { engine }: Member,
  server: MysqlServer,
  remote: string,
  storedAs: string | null,
): Promise<string> {
  using folder = tempFolder("restore");
  writeFileSync(`${folder.path}/.my.cnf`, readFileSync(server.optionFile), { mode: 0o600 });
  const names = readdirSync(remote);
  expect(names).toHaveLength(1);
  const [name = ""] = names;
  const command =
    storedAs === null ? frontPageScript("CREATE DATABASE new") : restoreCommand(section, storedAs);
  const extension = /FILE(\.[.a-z]+)/.exec(command)?.[1] ?? "";
  expect(name).toEndWith(extension);
  const FILE = name.slice(0, name.length - extension.length);
  const fetches = command.includes("REMOTE");
  writeFileSync(folder.file("rclone.conf"), "");
  if (!fetches) linkSync(join(remote, name), folder.file(name));
  const tools = ["rclone-current", "zstd"] as const;
  const path = [server.binDir, ...tools.map((tool) => dirname(componentPath(tool)))];
  const run = (text: string, words: Record<string, string> = {}): Promise<string> => {
    const script = engine === "mysql" ? text.replace(/\bmariadb\b/g, "mysql") : text;
    return runDocumented(script, { words, path, env: { HOME: folder.path }, cwd: folder.path });
  };
  await run(pageCode(section, "SET GLOBAL max_allowed_packet"));
  if (storedAs !== null && !storedAs.includes("all-")) await run(pageCode(section, "CREATE DATABASE new"));
  const isFolder = command.includes("cd FILE");
  if (isFolder && engine === "mysql") await run(pageCode(section, "local_infile=1"));
  const script = isFolder ? `${command}\n${pageScript(section, "dbstash-load.sql")}` : command;
  return await run(script, { FILE, ...(fetches ? { REMOTE: remote } : {}) });
}
