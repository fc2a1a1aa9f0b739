import { afterAll, beforeAll, describe as group, expect } from "bun:test";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { type CheckResult, found, runCheck } from "../support/check.ts";
import { needs } from "../support/components.ts";
import type { DbstashOptions, EngineName } from "../support/dbstash.ts";
import { startMariadb } from "../support/mariadb.ts";
import { type MongoServer, startMongo } from "../support/mongo.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { startMysql } from "../support/mysql.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type RedisFlavour, type RedisServer, startRedis } from "../support/redis.ts";
import { freePort } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

/** Checks a job that stores into a fresh folder, in which nothing may be left. */
async function check(engine: EngineName, options: DbstashOptions): Promise<CheckResult> {
  using place = tempFolder("place");
  const result = await runCheck(engine, { ...options, env: { RCLONE_REMOTE: place.path, ...options.env } });
  expect(readdirSync(place.path)).toEqual([]);
  expect(result.run.stderr).toBe("");
  return result;
}

function expectGood(result: CheckResult, connection: RegExp, rights: string): void {
  expect([result.failed, result.exitCode]).toEqual([[], 0]);
  expect(found(result, "connection")[0]).toMatch(connection);
  expect(found(result, "rights")).toEqual([`ok: ${rights}`]);
}

/** One thing is wrong, which would fail a run. */
function expectOne(result: CheckResult, line: RegExp): void {
  expect(result.failed).toEqual([expect.stringMatching(line)]);
  expect(result.exitCode).toBe(1);
}

const postgresGate = needs("postgresql", "postgresql-newest", "rclone-current");
postgresGate.describe("check of PostgreSQL", () => {
  let old: PostgresServer;
  let newest: PostgresServer;
  const account = "joe";
  if (postgresGate.available) {
    beforeAll(async () => {
      [old, newest] = await Promise.all([startPostgres(), startPostgres({ release: "newest" })]);
      await old.createDatabase("shop");
      await old.sql(
        `CREATE ROLE ${account} LOGIN PASSWORD 'pw1234'; CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC`,
      );
      await old.sql(
        "CREATE TABLE items (id serial PRIMARY KEY); CREATE TABLE few (id int); CREATE SCHEMA inner_; CREATE TABLE inner_.deep (id int)",
        "shop",
      );
    }, 120_000);
    afterAll(() => Promise.all([old.stop(), newest.stop()]));
  }
  const asJoe = (database: string): string =>
    `postgres://${account}:pw1234@127.0.0.1:${old.port}/${database}`;
  const { test } = postgresGate;

  for (const [title, server] of [
    ["15", () => old],
    ["the newest release", () => newest],
  ] as const)
    test(`all is well with ${title}`, async () => {
      const pg = server();
      const result = await check("pg", { path: [pg.binDir], env: { DB_URI: pg.uri() } });
      expectGood(
        result,
        new RegExp(`^ok: as backup, PostgreSQL ${pg.major}\\.\\d+, database postgres$`),
        "all tables and sequences can be read",
      );
      expect(found(result, "connection")).toHaveLength(1);
    });

  test("a wrong password", async () => {
    const result = await check("pg", {
      path: [old.binDir],
      env: { DB_URI: old.uri("shop", { password: "wrong" }) },
    });
    expectOne(result, /^connection: .*password authentication failed.*; check the user and password$/);
    expect(found(result, "rights")).toEqual([]);
  });

  test("nobody at the port", async () => {
    const uri = old.uri("shop", { port: await freePort() });
    expectOne(
      await check("pg", { path: [old.binDir], env: { DB_URI: uri } }),
      /Connection refused.*; check the host and port/s,
    );
  });

  test("a database that is not there", async () => {
    const result = await check("pg", { path: [old.binDir], env: { DB_URI: old.uri("nowhere") } });
    expectOne(result, /^connection: .*database "nowhere" does not exist; check the name in DB_URI/);
  });

  test("a pg_dump that is older than the server", async () => {
    const result = await check("pg", { path: [old.binDir], env: { DB_URI: newest.uri() } });
    expectOne(
      result,
      /^connection: pg_dump 15 is older than the server, PostgreSQL 18\.\d+, which it refuses.*; use a pg_dump of 18/,
    );
  });

  test("a pg_dump that is newer costs nothing now, but a restore", async () => {
    const result = await check("pg", { path: [newest.binDir], env: { DB_URI: old.uri() } });
    expect([result.failed, result.exitCode]).toEqual([[], 0]);
    expect(found(result, "connection")[1]).toMatch(
      /^open: pg_dump 18 is newer than the server, PostgreSQL 15\.\d+: a restore into this server may fail \(it sets transaction_timeout/,
    );
  });

  test("tables, sequences and schemas that the user may not read are named, with the grant", async () => {
    const result = await check("pg", { path: [old.binDir], env: { DB_URI: asJoe("shop") } });
    expect(result.exitCode).toBe(1);
    const hint = "; as a superuser: GRANT pg_read_all_data TO joe";
    expect(result.failed).toEqual([
      expect.stringContaining(
        "rights: joe may not read 1 table or sequence in a schema that is closed to it (inner_.deep)",
      ),
      expect.stringContaining(`rights: joe may not read 2 tables (public.few, public.items)${hint}`),
      expect.stringContaining(`rights: joe may not read 1 sequence (public.items_id_seq)${hint}`),
    ]);
    const chosen = await check("pg", {
      path: [old.binDir],
      env: { DB_URI: asJoe("shop"), DUMP_EXTRA_ARGS: "--exclude-table=items" },
    });
    expect([chosen.failed, chosen.exitCode]).toEqual([[], 0]);
    expect(found(chosen, "rights")[0]).toMatch(/^open: .*, unless DUMP_EXTRA_ARGS leaves that out$/);
  });

  test("what was granted is enough, and row security is told", async () => {
    await old.createDatabase("granted");
    await old.sql(
      "CREATE TABLE t (id int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO PUBLIC; CREATE TABLE u (id int); GRANT SELECT ON u TO PUBLIC",
      "granted",
    );
    const env = { DB_URI: asJoe("granted") };
    expectOne(
      await check("pg", { path: [old.binDir], env }),
      /^rights: row security keeps rows of 1 table \(public\.t\) from joe; as a superuser: ALTER ROLE joe BYPASSRLS$/,
    );
    await old.sql("ALTER TABLE t DISABLE ROW LEVEL SECURITY", "granted");
    expectGood(
      await check("pg", { path: [old.binDir], env }),
      /as joe/,
      "all tables and sequences can be read",
    );
  });

  test("of all databases: what pg_dumpall reads besides", async () => {
    const all = { DB_URI: old.uri(""), BACKUP_ALL_DATABASES: "true" };
    expectGood(
      await check("pg", { path: [old.binDir], env: all }),
      /^ok: as backup, PostgreSQL 15\.\d+, all databases$/,
      "roles can be read, and all tables and sequences of all databases",
    );
    const odd = String.raw`"o'd \ = ""x"`;
    await old.sql(`CREATE DATABASE ${odd} TEMPLATE shop`);
    const result = await check("pg", { path: [old.binDir], env: { ...all, DB_URI: asJoe("") } });
    expect(result.failed).toEqual([
      expect.stringMatching(
        /^rights: joe may not read the passwords of roles.*; DUMP_EXTRA_ARGS=--no-role-passwords/,
      ),
      expect.stringMatching(/^rights: joe may not connect to 1 database \(closed\); /),
      expect.stringContaining(`in schemas that are closed to it (${odd}.inner_.deep, shop.inner_.deep)`),
      expect.stringContaining(
        `rights: joe may not read 4 tables (${odd}.public.few, ${odd}.public.items, shop.public.few, shop.public.items)`,
      ),
      expect.stringContaining("rights: joe may not read 2 sequences"),
    ]);
  });
});

for (const { engine, title, component, start } of [
  { engine: "mariadb", title: "MariaDB", component: "mariadb", start: startMariadb },
  { engine: "mysql", title: "MySQL", component: "mysql", start: startMysql },
] as const) {
  const { available, describe, test } = needs(component, "rclone-current");
  describe(`check of ${title}`, () => {
    let server: MysqlServer;
    if (available) {
      beforeAll(async () => {
        server = await start();
        await server.createDatabase("shop");
        await server.sql(
          "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; CREATE PROCEDURE p() SELECT 1; CREATE USER joe@'127.0.0.1' IDENTIFIED BY 'pw1234'; GRANT SELECT, EXECUTE ON shop.* TO joe@'127.0.0.1'",
          "shop",
        );
      }, 120_000);
      afterAll(() => server.stop());
    }
    const of = (DB_URI: string, env = {}): DbstashOptions => ({
      path: [server.binDir],
      env: { DB_URI, ...env },
    });

    test("all is well", async () => {
      expectGood(
        await check(engine, of(server.uri("shop"))),
        new RegExp(`^ok: as 'backup'@'127\\.0\\.0\\.1', ${title} \\d+\\.\\d+\\S*, database shop$`),
        "the grants suffice for tables, views, triggers, routines and events",
      );
    });

    test("all is well in tar mode, where the server writes the files", async () => {
      using work = tempFolder("work");
      for (const folder of [work.path, work.file("shared")]) {
        mkdirSync(folder, { recursive: true });
        chmodSync(folder, 0o711);
      }
      const env = { BACKUP_MODE: "tar", BACKUP_TEMP_DIR: work.file("shared") };
      const result = await check(engine, of(server.uri("shop"), env));
      expect([result.failed, result.exitCode]).toEqual([[], 0]);
      expect(readdirSync(work.file("shared"))).toEqual([]);
    });

    test("a wrong password", async () => {
      const result = await check(engine, of(server.uri("shop", { password: "wrong" })));
      expectOne(result, /^connection: .*1045.*; check the user and password$/);
    });

    test("a database that is not there", async () => {
      expectOne(
        await check(engine, of(server.uri("nowhere"))),
        /^connection: .*1049.*; check the name in DB_URI/,
      );
    });

    test("rights that are missing, each with its grant: what fails a dump, and what it leaves out", async () => {
      const uri = `${engine}://joe:pw1234@127.0.0.1:${server.port}/shop`;
      const result = await check(engine, of(uri));
      expect(result.exitCode).toBe(1);
      expect(result.failed).toEqual([
        expect.stringContaining(
          "the privilege EVENT, without which the dump of events fails; GRANT EVENT ON `shop`.* TO 'joe'@'127.0.0.1'",
        ),
        expect.stringContaining(
          "the privilege SHOW VIEW, without which the dump of views fails; GRANT SHOW VIEW",
        ),
        expect.stringContaining("the user may not read the text of procedures or functions"),
        expect.stringContaining(
          "triggers the user may not see are missing from the backup: GRANT TRIGGER ON `shop`.* TO",
        ),
      ]);
      await server.sql("GRANT EVENT, SHOW VIEW ON shop.* TO joe@'127.0.0.1'");
      const less = await check(engine, of(uri, { DUMP_EXTRA_ARGS: "--skip-routines" }));
      expect([less.failed.length, less.exitCode]).toEqual([1, 3]);
    });
  });
}

const mongoGate = needs("ferretdb", "mongo-tools", "rclone-current");
mongoGate.describe("check of MongoDB", () => {
  let server: MongoServer;
  if (mongoGate.available) {
    beforeAll(async () => {
      server = await startMongo({ user: "joe", password: "pw1234" });
      await server.insert("shop", "items", [{ a: 1 }]);
      const large = Array.from({ length: 40 }, (_, id) => ({ id, text: "x".repeat(50_000) }));
      await server.insert("large", "items", large);
    });
    afterAll(() => server.stop());
  }
  const of = (DB_URI: string, env = {}): DbstashOptions => ({
    path: [server.binDir],
    env: { DB_URI, ...env },
  });
  const { test } = mongoGate;

  for (const database of ["shop", "large"])
    test(`all is well with the database ${database}`, async () => {
      const result = await check("mongo", of(server.uri(database)));
      expect([result.failed, result.exitCode]).toEqual([[], 0]);
      expect(found(result, "connection")[0]).toMatch(
        new RegExp(`^ok: as joe, MongoDB \\d+\\.\\d+\\.\\d+, database ${database}$`),
      );
    });

  test("all is well with all databases", async () => {
    const result = await check("mongo", of(server.uri(), { BACKUP_ALL_DATABASES: "true" }));
    expectGood(result, /^ok: as joe, MongoDB .*, all databases$/, "the user may read all databases");
  });

  test("a user who sees one database alone is told of the others: exit 3", async () => {
    await using narrow = await startMongo({ user: "joe", password: "pw1234", onlyDatabase: "shop" });
    await narrow.insert("shop", "items", [{ a: 1 }]);
    const result = await check("mongo", of(narrow.uri(), { BACKUP_ALL_DATABASES: "true" }));
    expect(result.failed).toEqual([
      expect.stringContaining("rights: databases the user may not read are missing"),
    ]);
    expect(result.exitCode).toBe(3);
  });

  test("a wrong password", async () => {
    const result = await check("mongo", of(server.uri("shop", { password: "wrong" })));
    expectOne(result, /^connection: .*AuthenticationFailed.*; check the user and password/s);
  });

  test("a database that is not there", async () => {
    expectOne(
      await check("mongo", of(server.uri("nowhere"))),
      /^connection: the database nowhere does not exist or holds no collection; check the name/,
    );
  });
});

group("check of Redis", () => {
  for (const flavour of ["redis", "redis-newest", "valkey"] as const satisfies RedisFlavour[]) {
    const { available, describe, test } = needs(flavour, "rclone-current");
    describe(flavour, () => {
      let server: RedisServer;
      if (available) {
        beforeAll(async () => {
          server = await startRedis({ flavour, user: "joe", password: "pw1234" });
        });
        afterAll(() => server.stop());
      }
      const of = (DB_URI: string): DbstashOptions => ({ path: [server.binDir], env: { DB_URI } });
      const title = flavour === "valkey" ? "Valkey" : "Redis";

      test("all is well", async () => {
        const result = await check("redis", of(server.uri()));
        expectGood(
          result,
          /^ok: as joe, the server answers$/,
          "the user may run SYNC, by which a backup is read",
        );
        expect(found(result, "server")[0]).toMatch(new RegExp(`^ok: ${title} \\d+\\.\\d+\\.\\d+$`));
      });

      test("a wrong password", async () => {
        expectOne(
          await check("redis", of(server.uri({ password: "wrong" }))),
          /^connection: .*WRONGPASS.*; check the user and password/,
        );
      });

      test("the right to SYNC that is missing, as far as the server tells it", async () => {
        await server.command("ACL", "SETUSER", "bob", "on", ">pw1234", "+ping", "+info", "+acl");
        const uri = server.uri().replace("joe", "bob");
        expectOne(
          await check("redis", of(uri)),
          /^rights: the user may not run SYNC, .*sync.*; the user needs the rights/,
        );
        await server.command("ACL", "SETUSER", "bob", "-acl", "-info");
        const result = await check("redis", of(uri));
        expect([result.failed, result.exitCode]).toEqual([[], 0]);
        expect(found(result, "rights")[0]).toStartWith("open: whether the user may run SYNC");
        expect(found(result, "server")[0]).toStartWith("open: its release is not known");
      });
    });
  }
});
