import { describe, expect, test } from "bun:test";
import { readSettings } from "../../src/config/config.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { mariadb } from "../../src/engine/mysql/mysql.ts";
import { mongo } from "../../src/engine/mongo/mongo.ts";
import { redis } from "../../src/engine/redis.ts";
import { UsageError } from "../../src/errors.ts";
import { type Job, resolveJob } from "../../src/job/job.ts";

type Env = Record<string, string>;

const uri = { DB_URI: "postgres://joe:hunter2@db/shop", RCLONE_REMOTE: "/backups" };
const parts = { DB_HOST: "db", DB_NAME: "shop", RCLONE_REMOTE: "/backups" };

function resolve(env: Env, engine: Engine = postgres): Job {
  const reading = readSettings(engine.name, { env, flags: new Map(), readFile: () => "" });
  return resolveJob(engine, reading, env);
}

function problemsOf(env: Env, engine: Engine = postgres): string[] {
  try {
    resolve(env, engine);
    return [];
  } catch (error) {
    if (error instanceof UsageError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

describe("a job that can't be", () => {
  test.each<[string, Env, string[]]>([
    [
      "nothing is set",
      {},
      ["DB_URI (--db-uri) or DB_HOST (--db-host) is required", "RCLONE_REMOTE (--rclone-remote) is required"],
    ],
    [
      "another engine's URI",
      { ...uri, DB_URI: "mongodb://db/shop" },
      ["DB_URI (--db-uri) begins with mongodb://, but dbstash-pg backs up PostgreSQL"],
    ],
    [
      "another engine",
      { ...uri, ENGINE: "mysql" },
      ["ENGINE (--engine) is mysql, but this executable backs up pg"],
    ],
    [
      "a URI without a database",
      { ...uri, DB_URI: "postgres://db" },
      ["a database name in DB_URI (--db-uri) is required"],
    ],
    [
      "a host without a database",
      { DB_HOST: "db", RCLONE_REMOTE: "/x" },
      ["DB_NAME (--db-name) is required"],
    ],
    [
      "a host with a port",
      { ...parts, DB_HOST: "db:5432", BACKUP_MODE: "tarball" },
      [
        "BACKUP_MODE (--backup-mode) must be stream, directory or tar",
        "DB_HOST (--db-host) holds a port too",
      ],
    ],
    [
      "a host that can't be read",
      { ...parts, DB_HOST: "a b" },
      ["DB_HOST (--db-host) has a host that can't be read"],
    ],
    [
      "a URI that can't be read",
      { ...uri, DB_URI: "db/shop" },
      ["DB_URI (--db-uri) has no scheme such as postgresql://"],
    ],
    [
      "all databases and one",
      { ...parts, BACKUP_ALL_DATABASES: "true" },
      ["BACKUP_ALL_DATABASES (--backup-all-databases) and DB_NAME (--db-name) exclude each other"],
    ],
    [
      "all databases in directory mode",
      { ...uri, BACKUP_ALL_DATABASES: "true", BACKUP_MODE: "directory" },
      [
        "BACKUP_ALL_DATABASES (--backup-all-databases) works with BACKUP_MODE=stream only: pg_dumpall writes plain SQL",
      ],
    ],
    [
      "retention without {db}",
      { ...uri, BACKUP_NAME_TEMPLATE: "x-{timestamp}", RETENTION_MAX_DAYS: "3" },
      [
        "BACKUP_NAME_TEMPLATE (--backup-name-template) must hold {db} when retention is on, so that no other job's backups are taken for this one's",
      ],
    ],
    [
      "a config file that is not there",
      { ...uri, RCLONE_CONFIG_FILE: "/no/rclone.conf" },
      ["RCLONE_CONFIG_FILE (--rclone-config-file) names /no/rclone.conf, which does not exist"],
    ],
    [
      "a remote with an open quote",
      { ...uri, RCLONE_REMOTE: ':sftp,pass="hunter2:x' },
      ["RCLONE_REMOTE (--rclone-remote) has a quote that is not closed"],
    ],
  ])("%s", (_, env, problems) => {
    expect(problemsOf(env)).toEqual(problems);
  });

  test("directory mode of an engine that only streams", () => {
    expect(problemsOf({ DB_HOST: "db", RCLONE_REMOTE: "/x", BACKUP_MODE: "directory" }, redis)).toEqual([
      "BACKUP_MODE (--backup-mode) must be stream for Redis",
    ]);
  });

  test.each<[Engine, string, boolean]>([
    [postgres, "-d postgres://joe:hunter2@db/x", true],
    [postgres, "--dbname='host=h password=hunter2'", true],
    [postgres, "-p 5433 --no-password -T pass*", false],
    [postgres, "--dbname 'host=x password = hunter2'", true],
    [postgres, "--dbname=postgresql://db/shop?passw%6Frd=hunter2", true],
    [mariadb, "-phunter2", true],
    [mariadb, "--password=hunter2", true],
    [mariadb, "--port=1 --skip-lock-tables", false],
    [mariadb, "--passw=hunter2", true],
    [mongo, "-p hunter2", true],
    [mongo, "mongodb://joe:hunter2@db", true],
    [mongo, "--authenticationDatabase=a:b@c", false],
    [mongo, "--oplog --port=1 --query={}", false],
    [redis, "-a hunter2", true],
    [redis, "--pass hunter2", true],
    [redis, "--user joe", false],
  ])("a password among the extra arguments is refused: %#", (engine, words, isRefused) => {
    const problems = problemsOf(
      { DB_HOST: "db", DB_NAME: "shop", RCLONE_REMOTE: "/x", DUMP_EXTRA_ARGS: words },
      engine,
    );
    expect(problems.some((problem) => problem.includes("holds a password"))).toBe(isRefused);
    expect(problems.join()).not.toContain("hunter2");
  });

  test.each<[string, Env, string | null]>([
    [
      "a URL with a password as the remote",
      { RCLONE_REMOTE: "https://joe:hunter2@host/x" },
      "RCLONE_REMOTE (--rclone-remote) is a URL with a user in it, which is no remote of rclone's",
    ],
    ["a remote that looks like a URL", { RCLONE_REMOTE: "s3://bucket/at@home:8" }, null],
    [
      "a proxy's password among rclone's flags",
      { RCLONE_EXTRA_ARGS: "--http-proxy=http://joe:hunter2@proxy:3128" },
      "RCLONE_EXTRA_ARGS (--rclone-extra-args) holds a password in a URL, which everyone on this machine could read in the process list",
    ],
    ["a proxy without one", { RCLONE_EXTRA_ARGS: "--http-proxy http://proxy:3128/at@home" }, null],
  ])("%s is refused where it would show", (_, env, problem) => {
    const found = problemsOf({ ...uri, ...env });
    expect(found).toEqual(problem === null ? [] : [problem]);
  });

  test("no problem quotes a secret", () => {
    expect(
      problemsOf({ DB_URI: "postgres://joe:hunter2%zz@db/shop", RCLONE_REMOTE: ":sftp,pass=hunter2" }).join(),
    ).not.toContain("hunter2");
  });
});

describe("a job that is odd", () => {
  test.each<[string, Env, RegExp]>([
    [
      "parts beside a URI are ignored",
      { ...uri, DB_HOST: "other", DB_PASSWORD: "x" },
      /DB_URI \(--db-uri\) is set, so DB_HOST .*, DB_PASSWORD .* are ignored/,
    ],
    [
      "a template without a time token overwrites",
      { ...uri, BACKUP_NAME_TEMPLATE: "{db}" },
      /has no time token: every backup overwrites/,
    ],
    [
      "an unknown parameter of the URI is left out",
      { ...uri, DB_URI: "postgres://db/shop?schema=public" },
      /parameter schema is unknown to libpq/,
    ],
    ["a flag that writes elsewhere", { ...uri, DUMP_EXTRA_ARGS: "-f /tmp/x" }, /DUMP_EXTRA_ARGS .* has -f: /],
    [
      "an extension in directory mode",
      { ...uri, BACKUP_MODE: "directory", BACKUP_EXTENSION: ".x" },
      /BACKUP_EXTENSION .* has no effect in directory mode/,
    ],
  ])("%s, with a warning", (_, env, expected) => {
    expect(resolve(env).warnings.join("\n")).toMatch(expected);
  });

  test("an ordinary one has no warning", () => {
    expect([resolve(uri).warnings, resolve(parts).warnings]).toEqual([[], []]);
  });
});

describe("what a job is", () => {
  test.each<[Env, string]>([
    [{}, ".sql"],
    [{ BACKUP_COMPRESS: "true" }, ".dump"],
    [{ BACKUP_COMPRESS: "zstd:3" }, ".sql.zst"],
    [{ BACKUP_COMPRESS: "gzip" }, ".sql.gz"],
    [{ BACKUP_EXTENSION: "dmp", BACKUP_COMPRESS: "zstd" }, ".dmp.zst"],
    [{ BACKUP_MODE: "tar" }, ".tar"],
    [{ BACKUP_MODE: "tar", BACKUP_COMPRESS: "gzip" }, ".tar.gz"],
    [{ BACKUP_MODE: "directory" }, ""],
  ])("with %j its backups end in %j", (env, extension) => {
    expect(resolve({ ...uri, ...env }).naming.extension).toBe(extension);
  });

  test("secrets are known by value, wherever they stand", () => {
    const job = resolve({
      DB_URI: "postgres://joe:p%40ss@db/shop?sslpassword=key-pass",
      RCLONE_REMOTE: ":sftp,pass=remote-pass:x",
      RCLONE_EXTRA_ARGS: "--sftp-pass extra-pass",
      AWS_SECRET_ACCESS_KEY: "aws-key",
      NOTIFY_WEBHOOK_URL: "https://hooks.example/T/B/x",
    });
    expect(job.secrets).toEqual(
      expect.arrayContaining([
        "p@ss",
        "key-pass",
        "remote-pass",
        "extra-pass",
        "aws-key",
        "https://hooks.example/T/B/x",
      ]),
    );
  });

  test("two jobs share a lock only when all that makes a job is the same", () => {
    const key = (env: Env) => resolve({ ...uri, ...env }).lockKey;
    const others = [
      { DB_URI: "postgres://db/stock" },
      { DB_URI: "postgres://db2/shop" },
      { DB_URI: "postgres://db:5433/shop" },
      { RCLONE_REMOTE: "/elsewhere" },
      { RCLONE_REMOTE: ":sftp,host=one,pass=hunter22:backups" },
      { RCLONE_REMOTE: ":sftp,host=two,pass=hunter22:backups" },
      { BACKUP_NAME_TEMPLATE: "x-{db}-{timestamp}" },
      { BACKUP_ALL_DATABASES: "true" },
    ];
    expect(key({ DB_URI: "postgres://other-user@db:5432/shop" })).toBe(key({}));
    expect(new Set([{}, ...others].map(key)).size).toBe(others.length + 1);
    // Its hash is the name of a file that everyone can see.
    expect(others.map(key).join()).not.toContain("hunter22");
  });

  test("a chunk size set by the user, in whichever way, stays", () => {
    expect(resolve(uri).chunkSizeIsSet).toBe(false);
    expect(resolve({ ...uri, RCLONE_EXTRA_ARGS: "--s3-chunk-size=64M" }).chunkSizeIsSet).toBe(true);
    expect(resolve({ ...uri, RCLONE_S3_CHUNK_SIZE: "64M" }).chunkSizeIsSet).toBe(true);
    expect(
      resolve({
        ...uri,
        RCLONE_REMOTE: "s3:b",
        RCLONE_CONFIG_S3_TYPE: "s3",
        RCLONE_CONFIG_S3_CHUNK_SIZE: "64M",
      }).chunkSizeIsSet,
    ).toBe(true);
  });

  test.each<[string | null, Env]>([
    ["local", { RCLONE_REMOTE: "/backups" }],
    ["s3", { RCLONE_REMOTE: ":s3:b" }],
    ["s3", { RCLONE_REMOTE: ":s3,provider=AWS:b" }],
    ["s3", { RCLONE_REMOTE: "store,provider=AWS:b", RCLONE_CONFIG_STORE_TYPE: "s3" }],
    ["s3", { RCLONE_REMOTE: "store:b", RCLONE_CONFIG: btoa("[store]\ntype = s3\n") }],
    // The variable beats the configuration.
    [null, { RCLONE_REMOTE: "a:b", RCLONE_CONFIG: btoa("[a]\ntype = s3\n"), RCLONE_CONFIG_A_TYPE: "crypt" }],
    [null, { RCLONE_REMOTE: "b:x", RCLONE_CONFIG: btoa("[a]\ntype = s3\n[b]\ntype = crypt\n") }],
    [null, { RCLONE_REMOTE: ":sftp,host=h:b" }],
    [null, { RCLONE_REMOTE: "unheard-of:b" }],
  ])("of a remote that is %p the features are known or not", (kind, env) => {
    expect(resolve({ ...uri, ...env }).rclone.features?.kind ?? null).toBe(kind as "s3" | "local" | null);
  });
});
