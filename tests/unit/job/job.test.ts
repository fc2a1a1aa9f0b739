import { describe, expect, test } from "bun:test";
import { redis } from "../../../src/engine/redis.ts";
import { lockKeyOf } from "../../../src/job/job.ts";
import { type Env, parts, problemsOf, resolve, uri } from "./jobs.ts";

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
      ["a database name in DB_URI (--db-uri), or DB_NAME (--db-name), is required"],
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
        'BACKUP_MODE (--backup-mode) is "tarball", but must be stream, directory or tar',
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
      ["DB_URI (--db-uri) has no scheme such as postgres://"],
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

  test("no problem quotes a secret", () => {
    expect(
      problemsOf({ DB_URI: "postgres://joe:hunter2%zz@db/shop", RCLONE_REMOTE: ":sftp,pass=hunter2" }).join(),
    ).not.toContain("hunter2");
  });
});

describe("a job that is odd", () => {
  test.each<[string, Env, RegExp]>([
    [
      "a template without a time token overwrites",
      { ...uri, BACKUP_NAME_TEMPLATE: "{db}" },
      /has no time token: every backup overwrites/,
    ],
    [
      "an unknown parameter of the URI is left out",
      { ...uri, DB_URI: "postgres://db/shop?colour=red" },
      /colour/,
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
    const key = (env: Env) => {
      const job = resolve({ ...uri, ...env });
      return lockKeyOf(job, job.places[0]);
    };
    const others = [
      { DB_URI: "postgres://db/stock" },
      { RCLONE_REMOTE: "/elsewhere" },
      { RCLONE_REMOTE: ":sftp,host=one,pass=hunter22:backups" },
      { RCLONE_REMOTE: ":sftp,host=two,pass=hunter22:backups" },
      { BACKUP_NAME_TEMPLATE: "x-{db}-{timestamp}" },
      { BACKUP_ALL_DATABASES: "true" },
    ];
    // Not the server: who prunes may know none.
    expect(key({ DB_URI: "postgres://other-user@db2:5433/shop" })).toBe(key({}));
    expect(key({ BACKUP_NAME_TEMPLATE: "{db}-{timestamp}.sql" })).toBe(key({}));
    expect(new Set([{}, ...others].map(key)).size).toBe(others.length + 1);
    // One place by two spellings is one.
    for (const spelt of ["/elsewhere/", "/elsewhere//", "/x/../elsewhere"])
      expect(key({ RCLONE_REMOTE: spelt })).toBe(key({ RCLONE_REMOTE: "/elsewhere" }));
    expect(key({ RCLONE_REMOTE: ":memory:a/b/" })).toBe(key({ RCLONE_REMOTE: ":memory:a/b" }));
    expect(key({ RCLONE_REMOTE: ":memory:/" })).not.toBe(key({ RCLONE_REMOTE: ":memory:" }));
    // Its hash is the name of a file that everyone can see.
    expect(others.map(key).join()).not.toContain("hunter22");
  });
});

test.each<[string, Env, string]>([
  ["{db}-{date}", {}, "{db}-{date}"],
  ["{db}-{date}.sql", {}, "{db}-{date}"],
  ["{db}-{date}.sql.zst", { BACKUP_COMPRESS: "zstd" }, "{db}-{date}"],
  ["{db}-{date}.sql", { BACKUP_COMPRESS: "zstd" }, "{db}-{date}"],
  ["{db}-{date}.zst", { BACKUP_COMPRESS: "zstd" }, "{db}-{date}"],
  ["{db}-{date}.dump", { BACKUP_COMPRESS: "true" }, "{db}-{date}"],
  ["{db}-{date}.gz", { BACKUP_EXTENSION: ".sql.txt", BACKUP_COMPRESS: "gzip" }, "{db}-{date}"],
  ["{db}-{date}sql", {}, "{db}-{date}sql"],
  ["{date}/.sql", {}, "{date}/.sql"],
  ["{date}/...sql", {}, "{date}/...sql"],
  ["{db}-{date}.bak", { BACKUP_MODE: "directory" }, "{db}-{date}.bak"],
  ["{db}-{date}.tar", { BACKUP_MODE: "tar" }, "{db}-{date}"],
])("of the template %s with %j the extension is not doubled", (text, env, expected) => {
  expect(resolve({ ...uri, BACKUP_NAME_TEMPLATE: text, ...env }).template.text).toBe(expected);
});
