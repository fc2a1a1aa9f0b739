import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, readdirSync } from "node:fs";
import { needs } from "../support/components.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp } from "./backups.ts";
import { content, createSample, family, restore } from "./mysql-family-sample.ts";

const forms: readonly (readonly [storedAs: string, settings: Record<string, string>])[] = [
  ["`.sql`", {}],
  ["`.sql.zst`", { BACKUP_COMPRESS: "zstd" }],
  ["`.sql.gz`", { BACKUP_COMPRESS: "gzip:1" }],
  ["a folder", { BACKUP_MODE: "directory" }],
  ["`.tar`", { BACKUP_MODE: "tar" }],
  ["`.tar.zst`", { BACKUP_MODE: "tar", BACKUP_COMPRESS: "zstd" }],
  ["`.tar.gz`", { BACKUP_MODE: "tar", BACKUP_COMPRESS: "gzip:1" }],
];

for (const member of family) {
  const { engine, title, component, database, start } = member;
  const { describe, test } = needs(component, "rclone-current", "zstd");
  describe(title, () => {
    let source: MysqlServer;
    let empty: MysqlServer;
    let expected: string;
    beforeAll(async () => {
      // What matters to a restore is set another way than it was where the dump was made.
      const other = ["--max-allowed-packet=16M", "--default-time-zone=+05:00"];
      [source, empty] = await Promise.all([start(), start({ args: other })]);
      await createSample(member, source);
      expected = await content(member, source, database);
      expect(expected).toContain("🐘");
    }, 180_000);
    afterAll(() => Promise.all([source.stop(), empty.stop()]));

    for (const [storedAs, settings] of forms) {
      const by = Object.entries(settings).map((setting) => setting.join("="));
      test(`${storedAs} restores whole by the documents' commands, made by ${by.join(" ") || "default"}`, async () => {
        await empty.sql("DROP DATABASE IF EXISTS new");
        using remote = tempFolder("remote");
        using work = tempFolder("work");
        chmodSync(work.path, 0o711);
        const env = { DB_URI: source.uri(database), BACKUP_TEMP_DIR: work.path, ...settings };
        await backUp(engine, remote.path, { path: [source.binDir], env });
        expect(readdirSync(work.path)).toEqual([]);
        expect(await restore(member, empty, remote.path, storedAs)).toBe("");
        expect(await content(member, empty, "new")).toBe(expected);
      }, 60_000);
    }

    test("the three commands of README.md restore whole", async () => {
      await empty.sql("DROP DATABASE IF EXISTS new");
      using remote = tempFolder("remote");
      await backUp(engine, remote.path, {
        path: [source.binDir],
        env: { DB_URI: source.uri(database) },
      });
      expect(await restore(member, empty, remote.path, null)).toBe("");
      expect(await content(member, empty, "new")).toBe(expected);
    }, 60_000);

    test("tables that stand for others restore from a folder with them", async () => {
      await source.sql("CREATE DATABASE merged");
      const part = "CREATE TABLE part (n INT) ENGINE = MyISAM; INSERT INTO part VALUES (1), (2)";
      await source.sql(`${part}; CREATE TABLE parts (n INT) ENGINE = MERGE UNION = (part)`, "merged");
      await empty.sql("DROP DATABASE IF EXISTS new");
      using remote = tempFolder("remote");
      using work = tempFolder("work");
      chmodSync(work.path, 0o711);
      const env = { DB_URI: source.uri("merged"), BACKUP_TEMP_DIR: work.path, BACKUP_MODE: "directory" };
      await backUp(engine, remote.path, { path: [source.binDir], env });
      expect(await restore(member, empty, remote.path, "a folder")).toBe("");
      expect(await empty.sql("SELECT SUM(n) FROM parts", "new")).toBe("3");
    }, 60_000);

    if (engine === "mysql") return;
    test("the history of a system-versioned table is in the backup with DUMP_EXTRA_ARGS=--dump-history", async () => {
      await source.sql("CREATE DATABASE history");
      const versions = "INSERT INTO t VALUES (1); UPDATE t SET v = 2; DELETE FROM t";
      await source.sql(`CREATE TABLE t (v INT) WITH SYSTEM VERSIONING; ${versions}`, "history");
      await empty.sql("DROP DATABASE IF EXISTS new");
      using remote = tempFolder("remote");
      const env = { DB_URI: source.uri("history"), DUMP_EXTRA_ARGS: "--dump-history" };
      await backUp(engine, remote.path, { path: [source.binDir], env });
      expect(await restore(member, empty, remote.path, "`.sql`")).toBe("");
      expect(await empty.sql("SELECT v FROM t FOR SYSTEM_TIME ALL ORDER BY v", "new")).toBe("1\n2");
    }, 60_000);

    for (const [storedAs, mode] of [
      ["`.sql`", "stream"],
      ["a folder", "directory"],
    ] as const) {
      test(`a column that counts by a sequence goes on counting after a restore in ${mode} mode`, async () => {
        await source.sql("DROP DATABASE IF EXISTS new; CREATE DATABASE new");
        const counting =
          "CREATE SEQUENCE s START WITH 41 NOCACHE; CREATE TABLE t (id BIGINT DEFAULT NEXTVAL(s), v INT)";
        await source.sql(`${counting}; INSERT INTO t (v) VALUES (1), (2)`, "new");
        await empty.sql("DROP DATABASE IF EXISTS new");
        using remote = tempFolder("remote");
        using work = tempFolder("work");
        chmodSync(work.path, 0o711);
        const env = { DB_URI: source.uri("new"), BACKUP_TEMP_DIR: work.path, BACKUP_MODE: mode };
        await backUp(engine, remote.path, { path: [source.binDir], env });
        expect(await restore(member, empty, remote.path, storedAs)).toBe("");
        expect(await empty.sql("INSERT INTO t (v) VALUES (3); SELECT * FROM t ORDER BY id", "new")).toBe(
          "41\t1\n42\t2\n43\t3",
        );
      }, 60_000);
    }
  });
}
