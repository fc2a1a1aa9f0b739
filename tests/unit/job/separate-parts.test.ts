import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../src/engine/engine.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mysql } from "../../../src/engine/mysql/mysql.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { type Env, problemsOf, resolve } from "./jobs.ts";

const remote = { RCLONE_REMOTE: "/backups" };
const dumpPaths = { privateDir: "/p", caBundle: null, libpqRoot: null };

/** A connection on one line, the password in it. */
function shown(env: Env, engine: Engine): string {
  const { connection, database } = resolve({ ...remote, ...env }, engine).request;
  const { user, password, hosts, params } = connection;
  const places = hosts.map(({ host, port }) => `${host}:${port ?? ""}`).join(",");
  const query = params.map(([key, value]) => ` ${key}=${value}`).join("");
  return `${user ?? ""}:${password?.reveal() ?? ""}@${places}/${database ?? ""}${query}`;
}

describe("the separate parts fill what the URI leaves out", () => {
  test.each<[Engine, Env, string]>([
    [postgres, { DB_URI: "postgres://joe@db/shop", DB_PASSWORD: "hunter22" }, "joe:hunter22@db:/shop"],
    [postgres, { DB_URI: "postgres://db/shop", DB_USER: "joe", DB_PASSWORD: "x" }, "joe:x@db:/shop"],
    [postgres, { DB_URI: "postgres://joe:x@/shop", DB_HOST: "db", DB_PORT: "5433" }, "joe:x@db:5433/shop"],
    [postgres, { DB_URI: "postgres:///shop", DB_HOST: "/run/pg" }, ":@/run/pg:/shop"],
    [postgres, { DB_URI: "postgres:///shop", DB_HOST: "a:1,b", DB_PORT: "2" }, ":@a:1,b:2/shop"],
    [postgres, { DB_URI: "postgres://:5433/shop", DB_HOST: "db" }, ":@db:5433/shop"],
    [postgres, { DB_URI: "postgres:///shop", DB_PORT: "5433" }, ":@:5433/shop"],
    [postgres, { DB_URI: "postgres://db", DB_NAME: "shop" }, ":@db:/shop"],
    [postgres, { DB_URI: "postgres://a,b:2/shop", DB_PORT: "2" }, ":@a:2,b:2/shop"],
    [mysql, { DB_URI: "mysql://db/", DB_NAME: "shop", DB_PORT: "3307" }, ":@db:3307/shop"],
    [redis, { DB_URI: "redis://joe@cache", DB_PASSWORD: "hunter22" }, "joe:hunter22@cache:/"],
    [redis, { DB_URI: "rediss://cache/3", DB_NAME: "sessions", DB_PASSWORD: "x" }, ":x@cache:/"],
    [mongo, { DB_URI: "mongodb://joe:x@db/", DB_NAME: "shop" }, "joe:x@db:/shop"],
  ])("%#", (engine, env, expected) => {
    expect(shown(env, engine)).toBe(expected);
  });

  test.each<[Engine, Env]>([
    [postgres, { DB_URI: "postgres://j%6Fe:p%40ss@db:5432/sh%6Fp", DB_USER: "joe", DB_PASSWORD: "p@ss" }],
    [postgres, { DB_URI: "postgres://DB/shop", DB_HOST: "db", DB_PORT: "5432", DB_NAME: "shop" }],
    [postgres, { DB_URI: "postgres://[::1]/shop", DB_HOST: "::1" }],
    [postgres, { DB_URI: "postgres://a:1,b:2/shop", DB_HOST: "a:1,b:2" }],
    [redis, { DB_URI: "redis://cache/3", DB_NAME: "sessions" }],
    [mongo, { DB_URI: "mongodb://db/shop?authSource=accounts", DB_AUTH_SOURCE: "accounts" }],
    [mongo, { DB_URI: "mongodb://joe:x@db/shop?authSource=accounts" }],
    [mongo, { DB_URI: "mongodb+srv://joe:x@cluster.example/shop", DB_HOST: "cluster.example" }],
  ])("%#: what says the same is no difference", (engine, env) => {
    expect(problemsOf({ ...remote, ...env }, engine)).toEqual([]);
  });

  test.each<[Env, string]>([
    // The URI's own rule: the account lies in its path, in admin where it has none.
    [{ DB_URI: "mongodb://joe:x@db/shop" }, ""],
    [{ DB_URI: "mongodb://joe:x@db/shop", DB_AUTH_SOURCE: "admin" }, " authSource=admin"],
    [{ DB_URI: "mongodb://joe:x@db/shop", DB_AUTH_SOURCE: "accounts" }, " authSource=accounts"],
    [{ DB_URI: "mongodb://db/shop", DB_USER: "joe" }, " authSource=admin"],
    [{ DB_URI: "mongodb://db/shop", DB_USER: "joe", DB_AUTH_SOURCE: "shop" }, " authSource=shop"],
    [{ DB_URI: "mongodb://db/shop?authSource=a", DB_USER: "joe" }, " authSource=a"],
    [{ DB_URI: "mongodb://db/shop", DB_AUTH_SOURCE: "accounts" }, ""],
  ])("with %j the account lies in%s", (env, query) => {
    const { params } = resolve({ ...remote, ...env }, mongo).request.connection;
    expect(params.map(([key, value]) => ` ${key}=${value}`).join("")).toBe(query);
  });

  test.each([
    "mongodb+srv://joe:x@cluster.example/admin?authSource=admin&replicaSet=db",
    "mongodb+srv://joe:x@cluster.example/admin?tls=true",
    "mongodb+srv://joe:x@cluster.example/admin",
    "mongodb://joe:x@h:27017/admin?tls=true&authSource=admin",
  ])("%s names where to log in, as providers hand it out, and DB_NAME what to dump", (uri) => {
    const env = { ...remote, DB_URI: uri, DB_NAME: "shop" };
    expect(problemsOf(env, mongo)).toEqual([]);
    const { request } = resolve(env, mongo);
    expect(request.database).toBe("shop");
    const config = mongo.dumpCommand(request, { ...dumpPaths, outputDir: null }).files[0];
    expect(config?.content.reveal()).toMatch(/\/shop\?(.*&)?authSource=admin/);
  });

  test("mongodump is told the URI with what was filled in", () => {
    const env = {
      DB_URI: "mongodb://db,b:2/?tls=true",
      DB_USER: "joe",
      DB_PASSWORD: "p@ss",
      DB_PORT: "27018",
      DB_NAME: "shop",
    };
    const problems = problemsOf({ ...remote, ...env }, mongo);
    expect(problems).toEqual(["DB_PORT (--db-port) is 27018, but DB_URI (--db-uri) names the port 2"]);
    const { request } = resolve({ ...remote, ...env, DB_PORT: "2" }, mongo);
    expect(request.connection.uri?.reveal()).toBe("mongodb://db:2,b:2/?tls=true");
  });
});

const both = (setting: string) => `${setting} is another `;

describe("where both say something and differ, one is to be removed", () => {
  test.each<[string, Engine, Env, string, string]>([
    [
      "databases",
      postgres,
      { DB_URI: "postgres://db/postgres", DB_NAME: "shop" },
      "DB_NAME (--db-name) is shop, but DB_URI (--db-uri) names the database postgres",
      "remove DB_NAME, or the database from DB_URI",
    ],
    [
      "databases of MongoDB, one of them where the account lies",
      mongo,
      { DB_URI: "mongodb://joe:x@db/admin", DB_NAME: "shop" },
      "DB_NAME (--db-name) is shop, but DB_URI (--db-uri) names the database admin",
      "remove DB_NAME, or the database from DB_URI; to log in against admin and dump shop write /shop?authSource=admin",
    ],
    [
      "databases, one of libpq's parameters",
      postgres,
      { DB_URI: "postgres://db/?dbname=stock", DB_NAME: "shop" },
      "DB_NAME (--db-name) is shop, but DB_URI (--db-uri) names the database stock",
      "remove DB_NAME, or the database from DB_URI",
    ],
    [
      "users",
      postgres,
      { DB_URI: "postgres://joe@db/shop", DB_USER: "ann" },
      `${both("DB_USER (--db-user)")}user than the one in DB_URI (--db-uri)`,
      "remove DB_USER, or the user from DB_URI",
    ],
    [
      "passwords",
      mysql,
      { DB_URI: "mysql://joe:hunter22@db/shop", DB_PASSWORD: "hunter23" },
      `${both("DB_PASSWORD (--db-password)")}password than the one in DB_URI (--db-uri)`,
      "remove DB_PASSWORD (or DB_PASSWORD_FILE), or the password from DB_URI",
    ],
    [
      "hosts",
      redis,
      { DB_URI: "redis://cache", DB_HOST: "cache2" },
      "DB_HOST (--db-host) names another host than DB_URI (--db-uri)",
      "remove DB_HOST, or the host from DB_URI",
    ],
    [
      "several hosts and one",
      postgres,
      { DB_URI: "postgres://a,b/shop", DB_HOST: "a" },
      "DB_HOST (--db-host) names another host than DB_URI (--db-uri)",
      "remove DB_HOST, or the host from DB_URI",
    ],
    [
      "ports",
      postgres,
      { DB_URI: "postgres://db:5433/shop", DB_PORT: "5432" },
      "DB_PORT (--db-port) is 5432, but DB_URI (--db-uri) names the port 5433",
      "remove DB_PORT, or the port from DB_URI",
    ],
    [
      "a port and a name server",
      mongo,
      { DB_URI: "mongodb+srv://cluster.example/shop", DB_PORT: "27017" },
      "DB_PORT (--db-port) has no place beside a mongodb+srv:// URI, whose ports the name server tells",
      "remove DB_PORT, or +srv from DB_URI",
    ],
    [
      "accounts' databases",
      mongo,
      { DB_URI: "mongodb://joe:x@db/shop?AuthSource=admin", DB_AUTH_SOURCE: "shop" },
      "DB_AUTH_SOURCE (--db-auth-source) is shop, but authSource in DB_URI (--db-uri) is admin",
      "remove DB_AUTH_SOURCE, or authSource from DB_URI",
    ],
  ])("%s", (_, engine, env, message, hint) => {
    expect(problemsOf({ ...remote, ...env }, engine)).toEqual([message]);
    expect(problemsOf({ ...remote, ...env }, engine, "hint")).toEqual([hint]);
  });

  test("all at once, and no secret among it", () => {
    const env = {
      DB_URI: "postgres://joe:hunter22@db:5433/shop",
      DB_HOST: "db2",
      DB_PORT: "5434",
      DB_NAME: "stock",
      DB_USER: "ann",
      DB_PASSWORD: "hunter23",
    };
    const problems = problemsOf({ ...remote, ...env });
    expect(problems).toHaveLength(5);
    expect(problems.join()).not.toContain("hunter2");
  });
});
