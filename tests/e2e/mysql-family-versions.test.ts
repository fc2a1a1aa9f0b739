import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { type DbstashResult } from "../support/dbstash.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, failingBackUp } from "./backups.ts";
import { content, createSample, family, type Member, restore } from "./mysql-family-sample.ts";
import { pageCode, runDocumented } from "./readme.ts";

const { available, describe, test } = needs("mariadb", "mariadb-newest", "mysql", "rclone-current", "zstd");

const [distro, newest, oracle] = family as readonly [Member, Member, Member];

const warnings = ({ lines }: DbstashResult): string[] =>
  lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);

describe("a client of another release or maker", () => {
  let older: MysqlServer;
  let newer: MysqlServer;
  let mysql: MysqlServer;
  if (available) {
    beforeAll(async () => {
      [older, newer, mysql] = await Promise.all([distro.start(), newest.start(), oracle.start()]);
      await Promise.all([createSample(distro, older), createSample(newest, newer)]);
      await createSample(oracle, mysql);
    }, 180_000);
    afterAll(() => Promise.all([older.stop(), newer.stop(), mysql.stop()]));
  }

  test("that is newer insists on TLS, and the hint names what allows a connection in clear", async () => {
    const env = { DB_URI: older.uri(distro.database) };
    const error = await failingBackUp("mariadb", { path: [newer.binDir], env });
    expect(error).toContain("SSL is required, but the server does not support it");
    expect(error).toContain("?ssl-mode=PREFERRED in DB_URI");
  });

  test("that is newer backs up an older server without a warning, and it restores there", async () => {
    using remote = tempFolder("remote");
    const env = { DB_URI: `${older.uri(distro.database)}?ssl-mode=PREFERRED` };
    const { result } = await backUp("mariadb", remote.path, { path: [newer.binDir], env });
    expect(warnings(result)).toEqual([]);
    await restore(distro, older, remote.path, "`.sql`");
    expect(await content(distro, older, "new")).toBe(await content(distro, older, distro.database));
  });

  test("that is older than the server is warned about, and what it dumps restores", async () => {
    using remote = tempFolder("remote");
    const env = { DB_URI: newer.uri(newest.database) };
    const { result } = await backUp("mariadb", remote.path, { path: [older.binDir], env });
    expect(warnings(result).join("\n")).toMatch(
      /the client \(10\.\d+\) is older than the server \(11\.[^)]+\): a newer one knows all of its objects/,
    );
    await restore(newest, newer, remote.path, "`.sql`");
    expect(await content(newest, newer, "new")).toBe(await content(newest, newer, newest.database));
  });

  test("of MariaDB backs up MySQL with a warning, and it restores there without its first line", async () => {
    await mysql.createDatabase("shop");
    await mysql.sql("CREATE TABLE t (name VARCHAR(9)); INSERT INTO t VALUES ('🐘')", "shop");
    using remote = tempFolder("remote");
    // The package has MySQL's way to log in apart from the client.
    const plugins = join(older.binDir, "../../usr/lib/x86_64-linux-gnu/libmariadb3/plugin");
    const env = { DB_URI: mysql.uri("shop"), DUMP_EXTRA_ARGS: `--plugin-dir=${plugins}` };
    const { result, file } = await backUp("mysql", remote.path, { path: [older.binDir], env });
    expect(warnings(result)).toEqual([
      expect.stringContaining("the server is MySQL and the client is MariaDB's"),
    ]);
    expect(readFileSync(file, "utf8")).toStartWith("/*M!999999\\- enable the sandbox mode */");
    using restored = tempFolder("restored");
    await runDocumented(`${pageCode("MySQL and MariaDB", "999999")} FILE > plain.sql`, {
      words: { FILE: file },
      path: [],
      cwd: restored.path,
    });
    await mysql.sql("CREATE DATABASE copy");
    const loaded = await mysql.run("mysql", ["copy"], { stdinFile: restored.file("plain.sql") });
    expect(loaded).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await mysql.sql("SELECT * FROM t", "copy")).toBe("🐘");
  });

  test("of MariaDB can't dump the events of a database with a quote in its name, and says what to do", async () => {
    await older.sql("CREATE DATABASE `it's`; CREATE EVENT `it's`.e ON SCHEDULE EVERY 1 DAY DO SELECT 1");
    const env = { DB_URI: older.uri("it's") };
    const error = await failingBackUp("mariadb", { path: [older.binDir], env });
    expect(error).toContain("mariadb-dump can't dump the events of a database with quotes or backslashes");
    using remote = tempFolder("remote");
    const without = { ...env, DUMP_EXTRA_ARGS: "--skip-events" };
    await backUp("mariadb", remote.path, { path: [older.binDir], env: without });
  });
});
