import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../src/engine/engine.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mysql } from "../../../src/engine/mysql/mysql.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { readSettings } from "../../../src/config/config.ts";
import { subjectInWords } from "../../../src/job/database.ts";
import { type Env, problemsOf, resolve } from "./jobs.ts";

const remote = { RCLONE_REMOTE: "/backups" };
const missing =
  "or set BACKUP_DATABASES='*' for a backup of each database, or BACKUP_ALL_DATABASES=true for one of all together";

describe("the database dumped, and its label", () => {
  test.each<[string, Engine, Env, string | null, string]>([
    ["of a URI", postgres, { DB_URI: "postgres://db/shop" }, "shop", "shop"],
    [
      "of a URI, and of a DB_NAME that says the same",
      postgres,
      { DB_URI: "postgres://db/sh%6Fp", DB_NAME: "shop" },
      "shop",
      "shop",
    ],
    [
      "of DB_NAME, where the URI names none",
      postgres,
      { DB_URI: "postgres://db/", DB_NAME: "shop" },
      "shop",
      "shop",
    ],
    ["of parts", mysql, { DB_HOST: "db", DB_NAME: "shop" }, "shop", "shop"],
    ["all of a host", mysql, { DB_HOST: "db", BACKUP_ALL_DATABASES: "true" }, null, "all"],
    [
      "all, through a URI's own",
      postgres,
      { DB_URI: "postgres://db/shop", BACKUP_ALL_DATABASES: "true" },
      null,
      "all",
    ],
    [
      "several of a server, whichever its URI names",
      postgres,
      { DB_URI: "postgres://db/postgres", BACKUP_DATABASES: "* !test_*" },
      null,
      "* !test_*",
    ],
    ["Redis, by its host", redis, { DB_HOST: "cache" }, null, "cache"],
    ["Redis, by the first host of a URI", redis, { DB_URI: "redis://cache:6380/3" }, null, "cache"],
    ["Redis, by DB_NAME", redis, { DB_HOST: "cache", DB_NAME: "sessions" }, null, "sessions"],
    [
      "Redis, by DB_NAME beside a URI",
      redis,
      { DB_URI: "redis://cache", DB_NAME: "sessions" },
      null,
      "sessions",
    ],
  ])("%s", (_, engine, env, database, label) => {
    const { request, naming, warnings } = resolve({ ...remote, ...env }, engine);
    expect([request.database, naming.database]).toEqual([database, label]);
    expect(warnings).toEqual([]);
  });
});

describe("the server", () => {
  test.each<[Engine, Env, string]>([
    [postgres, { DB_URI: "postgres://joe@db:5433/shop", DB_HOST: "DB" }, "joe@db:5433"],
    [postgres, { DB_HOST: "db", DB_PORT: "5433", DB_USER: "joe", DB_NAME: "shop" }, "joe@db:5433"],
    [postgres, { DB_HOST: "/run/pg", DB_NAME: "shop" }, "@/run/pg:"],
    [mongo, { DB_HOST: "db", DB_USER: "joe", DB_NAME: "shop" }, "joe@db: authSource=admin"],
    [
      mongo,
      { DB_HOST: "db", DB_USER: "joe", DB_NAME: "shop", DB_AUTH_SOURCE: "shop" },
      "joe@db: authSource=shop",
    ],
    [postgres, { DB_HOST: "db", DB_NAME: "shop", DB_AUTH_SOURCE: "shop" }, "@db:"],
  ])("%# is the one that the settings name", (engine, env, expected) => {
    const { user, hosts, params } = resolve({ ...remote, ...env }, engine).request.connection;
    const [first] = hosts;
    const query = params.map(([key, value]) => ` ${key}=${value}`).join("");
    expect(`${user ?? ""}@${first?.host}:${first?.port ?? ""}${query}`).toBe(expected);
  });
});

function quotes(setting: string): string {
  return `${setting} has quotes around it, which nothing takes off here`;
}

describe("what is missing or wrong is told once", () => {
  test.each<[string, Engine, Env, string[]]>([
    ["no server", postgres, {}, ["DB_URI (--db-uri) or DB_HOST (--db-host) is required"]],
    ["a server without a database", mongo, { DB_HOST: "db" }, ["DB_NAME (--db-name) is required"]],
    [
      "no name where BACKUP_DATABASES could not be read",
      postgres,
      { DB_HOST: "db", BACKUP_DATABASES: "shop,crm" },
      ["BACKUP_DATABASES (--backup-databases) has a comma, but blanks stand between its names"],
    ],
    ["no name for an engine that needs none", redis, { DB_HOST: "db" }, []],
    [
      "a URI file that is not there",
      postgres,
      { DB_URI_FILE: "/no" },
      ["DB_URI_FILE (--db-uri-file) names /no, which does not exist"],
    ],
    [
      "another engine's scheme",
      mysql,
      { DB_URI: "redis://db/shop" },
      ["DB_URI (--db-uri) begins with redis://, but dbstash-mysql backs up MySQL"],
    ],
    ...(
      [
        [postgres, "postgresql+psycopg2", "postgresql"],
        [postgres, "postgis", "postgresql"],
        [postgres, "pgsql", "postgresql"],
        [mysql, "mysql2", "mysql"],
        [mysql, "mysql+pymysql", "mysql"],
        [mysql, "mariadb+mariadbconnector", "mariadb"],
        [mongo, "mongodb+motor", "mongodb"],
        [redis, "rediss+asyncio", "rediss"],
      ] as const
    ).map(([engine, scheme, meant]): [string, Engine, Env, string[]] => [
      `a driver's scheme, ${scheme}`,
      engine,
      { DB_URI: `${scheme}://joe:hunter22@db/${engine === redis ? "0" : "shop"}` },
      [`DB_URI (--db-uri) begins with ${scheme}://, which is a driver's word for ${meant}://`],
    ]),
    ...["[YOUR-PASSWORD]", "<password>", "<db_password>", "********"].map(
      (text): [string, Engine, Env, string[]] => [
        `a panel's ${text}`,
        postgres,
        { DB_URI: `postgres://joe:${text}@db/shop` },
        [`DB_URI (--db-uri) has ${text} where the password belongs`],
      ],
    ),
    [
      "a sentinel",
      redis,
      { DB_URI: "redis+sentinel://h:26379/0" },
      ["DB_URI (--db-uri) begins with redis+sentinel://, but dbstash-redis backs up Redis"],
    ],
    [
      "a name and all of them, through a URI",
      postgres,
      { DB_URI: "postgres://db/", DB_NAME: "x", BACKUP_ALL_DATABASES: "true" },
      ["BACKUP_ALL_DATABASES (--backup-all-databases) and DB_NAME (--db-name) exclude each other"],
    ],
    ["a host that can't be read", postgres, { DB_HOST: '"db"' }, [quotes("DB_HOST (--db-host)")]],
    [
      "a name that can't be read",
      postgres,
      { DB_HOST: "db", DB_NAME: "'shop'" },
      [quotes("DB_NAME (--db-name)")],
    ],
    ["a URI that can't be read", postgres, { DB_URI: '"postgres://db/shop"' }, [quotes("DB_URI (--db-uri)")]],
    [
      "a name and all of them",
      mysql,
      { DB_HOST: "db", DB_NAME: "shop", BACKUP_ALL_DATABASES: "true" },
      ["BACKUP_ALL_DATABASES (--backup-all-databases) and DB_NAME (--db-name) exclude each other"],
    ],
  ])("%s", (_, engine, env, problems) => {
    expect(problemsOf({ ...remote, ...env }, engine)).toEqual(problems);
  });

  test("with what to do about it", () => {
    const hints = (env: Env, engine?: Engine) => problemsOf({ ...remote, ...env }, engine, "hint");
    expect(hints({ DB_HOST: "db" })).toEqual([missing]);
    expect(hints({})).toEqual(["for example DB_URI=postgres://user:password@host:5432/database"]);
    expect(hints({ DB_URI: "redis://db/shop" }, mysql)).toEqual([
      "its URIs begin with mysql:// or mariadb://",
    ]);
  });
});

describe("a look at what is stored asks no database", () => {
  test.each<[Engine, Env, string]>([
    [postgres, { DB_NAME: "shop" }, "shop"],
    [postgres, { BACKUP_ALL_DATABASES: "true" }, "all"],
    [postgres, { DB_URI: "postgres://db/shop" }, "shop"],
    [mongo, { DB_NAME: "shop" }, "shop"],
    [mysql, { DB_URI: "mysql://db", DB_NAME: "shop" }, "shop"],
    [redis, { DB_NAME: "sessions" }, "sessions"],
    [redis, { DB_HOST: "cache" }, "cache"],
  ])("%#: a name is enough", (engine, env, label) => {
    expect(resolve({ ...remote, ...env }, engine, "look").naming.database).toBe(label);
  });

  test.each<[Engine, Env, string]>([
    [postgres, {}, "DB_NAME (--db-name) is required"],
    [mongo, { DB_HOST: "db" }, "DB_NAME (--db-name) is required"],
    [redis, {}, "DB_NAME (--db-name) or DB_HOST (--db-host) is required"],
  ])("%#: but one it must be", (engine, env, problem) => {
    expect(problemsOf({ ...remote, ...env }, engine, "message", "look")).toEqual([problem]);
  });
});

test.each<[string | null, Engine, Env]>([
  ["shop", postgres, { DB_URI: "postgres://joe:pw@db/shop" }],
  ["shop", postgres, { DB_HOST: "db", DB_NAME: "shop", DB_PORT: "many" }],
  ["shop", mysql, { DB_NAME: "shop" }],
  ["all", mysql, { DB_HOST: "db", BACKUP_ALL_DATABASES: "true" }],
  ["cache.example", redis, { DB_HOST: "cache.example" }],
  [null, postgres, {}],
  [null, postgres, { DB_URI: "postgres://joe:12/pw@db/shop" }],
  [null, postgres, { DB_URI: "mysql://joe:pw@db/shop" }],
  ["cache", redis, { DB_URI: "redis://:pa/ss@cache/0" }],
  ["shop", mongo, { DB_URI: "mongodb://joe:pa/ss@db/shop" }],
])("%p is what a message about wrong settings says is not backed up: %#", (words, engine, env) => {
  const { settings } = readSettings(engine.name, {
    env: { TZ: "Mars", ...env },
    flags: new Map(),
    readFile: () => "",
  });
  expect(subjectInWords(engine, settings)).toBe(words);
});
