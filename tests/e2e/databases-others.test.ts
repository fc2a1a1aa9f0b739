import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { needs } from "../support/components.ts";
import { startMariadb } from "../support/mariadb.ts";
import { type MongoServer, startMongo } from "../support/mongo.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { startMysql } from "../support/mysql.ts";
import { tempFolder } from "../support/temp.ts";
import {
  backUpEach,
  listed,
  password,
  restoreAll,
  runTimeOf,
  type SeveralRun,
  verified,
} from "./databases.ts";

/** Names that have to be quoted, encoded or told apart everywhere. */
const oddNames = [
  "Shop",
  "a b",
  "it's `so`",
  "a/b",
  "a%2Fb",
  "*",
  "grün",
  "@globals",
  "!no",
  "-d",
  "all",
  "$(id)",
  'say "x"',
];

for (const [engine, start, count, rows] of [
  // One of 300 MB, and many that are tiny.
  ["mariadb", startMariadb, 40, 310_000],
  ["mysql", startMysql, 16, 1000],
] as const) {
  const { available, describe, test } = needs(engine, "rclone-current", "zstd");
  describe(`every database of ${engine}`, () => {
    const names = [
      ...oddNames,
      ...Array.from({ length: count - oddNames.length }, (_, at) => `tenant_${at}`),
    ];
    let server: MysqlServer;
    if (available) {
      beforeAll(async () => {
        server = await start({ password });
        const made = names.map((name, at) => {
          const quoted = `\`${name.replaceAll("`", "``")}\``;
          return `CREATE DATABASE ${quoted}; CREATE TABLE ${quoted}.t AS SELECT ${at} AS n, 'line' AS words;`;
        });
        await server.sql(made.join("\n"));
        const limit = engine === "mariadb" ? "max_recursive_iterations" : "cte_max_recursion_depth";
        await server.sql(
          `CREATE TABLE big (n int PRIMARY KEY, x varchar(1000)); SET SESSION ${limit} = 400000;
          INSERT INTO big WITH RECURSIVE seq AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM seq WHERE n < ${rows})
          SELECT n, repeat(sha2(n, 256), 15) FROM seq`,
          "tenant_0",
        );
      }, 120_000);
      afterAll(() => server.stop());
    }

    test("is stored by itself, and all of one run are restored into an empty server", async () => {
      using place = tempFolder("place");
      const run: SeveralRun = {
        engine,
        binDir: server.binDir,
        remote: place.path,
        env: { DB_URI: server.uri(), BACKUP_DATABASES: "*", BACKUP_PARALLEL: "2" },
      };
      const result = await backUpEach(run);
      expect([result.exitCode, result.stderr]).toEqual([0, ""]);
      expect(result.lastLine).toMatchObject({ databases: names.length, failed: 0 });
      const all = await listed(run);
      expect([...all.keys()].toSorted()).toEqual(names.toSorted());
      const [code, lines] = await verified(run);
      expect([code, lines.length, lines.filter((line) => !line.includes(": good ("))]).toEqual([
        0,
        names.length,
        [],
      ]);

      await using empty = await start({ password });
      using home = tempFolder("home");
      writeFileSync(home.file(".my.cnf"), readFileSync(empty.optionFile), { mode: 0o600 });
      await restoreAll("mariadb --max-allowed-packet", place.path, runTimeOf(result), {
        binDir: empty.binDir,
        env: { HOME: home.path },
        client: engine === "mysql" ? "mysql" : "mariadb",
      });
      const quoted = (name: string): string => `\`${name.replaceAll("`", "``")}\``;
      const content = (of: MysqlServer): Promise<string> =>
        of.sql(names.map((name) => `SELECT n, words FROM ${quoted(name)}.t;`).join("\n"));
      expect(await content(empty)).toBe(names.map((_, at) => `${at}\tline`).join("\n"));
      const sum =
        "SELECT count(*), sha2(group_concat(sha2(x, 256) ORDER BY n), 256) FROM tenant_0.big WHERE n % 100 = 0";
      expect(await empty.sql(sum)).toBe(await server.sql(sum));
    }, 300_000);

    for (const mode of ["directory", "tar"])
      test(`is stored by itself in ${mode} mode`, async () => {
        using place = tempFolder("place");
        using work = tempFolder("work");
        // The server writes into a folder below it.
        chmodSync(work.path, 0o755);
        const own = { BACKUP_MODE: mode, BACKUP_TEMP_DIR: work.file("own") };
        const env = { DB_URI: server.uri(), BACKUP_DATABASES: 'Shop "a/b" "@globals"', ...own };
        const run: SeveralRun = { engine, binDir: server.binDir, remote: place.path, env };
        const result = await backUpEach(run);
        expect([result.exitCode, result.lastLine?.["databases"]]).toEqual([0, 3]);
        expect([...(await listed(run)).keys()].toSorted()).toEqual(["@globals", "Shop", "a/b"]);
        expect((await verified(run))[0]).toBe(0);
      }, 60_000);
  });
}

const mongo = needs("ferretdb", "mongo-tools", "rclone-current");
mongo.describe("every database of MongoDB", () => {
  const names = ["shop", "Crm", "test_1", "web-shop"];
  let server: MongoServer;
  if (mongo.available) {
    beforeAll(async () => {
      server = await startMongo({ user: "backup", password });
      for (const [at, name] of names.entries()) await server.insert(name, "t", [{ _id: 1, n: at }]);
    }, 60_000);
    afterAll(() => server.stop());
  }

  mongo.test(
    "is stored by itself, and all of one run are restored into an empty server",
    async () => {
      using place = tempFolder("place");
      const run: SeveralRun = {
        engine: "mongo",
        binDir: server.binDir,
        remote: place.path,
        env: { DB_URI: server.uri(), BACKUP_DATABASES: "* !test_* !admin" },
      };
      const result = await backUpEach(run);
      expect([result.exitCode, result.stderr]).toEqual([0, ""]);
      const wanted = names.filter((name) => name !== "test_1");
      expect([...(await listed(run)).keys()].toSorted()).toEqual(wanted.toSorted());
      expect((await verified(run))[0]).toBe(0);
      await using empty = await startMongo();
      await restoreAll("mongorestore", place.path, runTimeOf(result), {
        binDir: empty.binDir,
        env: {},
        client: `mongorestore --uri=${empty.uri()}`,
      });
      for (const name of wanted)
        expect([name, await empty.find(name, "t")]).toEqual([name, [{ _id: 1, n: names.indexOf(name) }]]);
    },
    120_000,
  );

  for (const mode of ["directory", "tar"])
    mongo.test(
      `is stored by itself in ${mode} mode`,
      async () => {
        using place = tempFolder("place");
        const env = { DB_URI: server.uri(), BACKUP_DATABASES: "shop Crm", BACKUP_MODE: mode };
        const run: SeveralRun = { engine: "mongo", binDir: server.binDir, remote: place.path, env };
        const result = await backUpEach(run);
        expect([result.exitCode, result.lastLine?.["databases"]]).toEqual([0, 2]);
        expect([...(await listed(run)).keys()].toSorted()).toEqual(["Crm", "shop"]);
        expect((await verified(run))[0]).toBe(0);
      },
      60_000,
    );
});
