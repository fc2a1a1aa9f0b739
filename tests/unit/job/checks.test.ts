import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../src/engine/engine.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mariadb } from "../../../src/engine/mysql/mysql.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { type Env, problemsOf, resolve, uri } from "./jobs.ts";

test.each<[Engine, string, boolean]>([
  [postgres, "-d postgres://joe:hunter2@db/x", true],
  [postgres, "--dbname='host=h password=hunter2'", true],
  [postgres, "-p 5433 --no-password -T pass*", false],
  [postgres, "--dbname 'host=x password = hunter2'", true],
  [postgres, "--dbname=postgresql://db/shop?passw%6Frd=hunter2", true],
  [postgres, "--exclude-table-data=users_password=x", false],
  [postgres, "--dbname='user=a_ password=hunter2'", true],
  [postgres, "-dpassword=hunter2", true],
  [mariadb, "-phunter2", true],
  [mariadb, "--password-history", false],
  [mariadb, "--password1=hunter2", true],
  [mariadb, "--password=hunter2", true],
  [mariadb, "--port=1 --skip-lock-tables", false],
  [mariadb, "--passw=hunter2", true],
  [mongo, "-p hunter2", true],
  [mongo, "--password-history", false],
  [mongo, "--uri=mongodb://h", false],
  [mongo, "--uri=mongodb://h1:1,h2/shop", false],
  [mongo, "--uri mongodb://h", true],
  [mongo, "--uri=mongodb://joe:hunter2@h", true],
  [mongo, "--uri=mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2", true],
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

test("a URI of Valkey's is one of Redis', with TLS where it asks for that", () => {
  const env = { DB_URI: "valkeys://:hunter2@h:1", RCLONE_REMOTE: "/x" };
  expect(resolve(env, redis).request.connection).toMatchObject({ scheme: "rediss", hosts: [{ host: "h" }] });
  expect(problemsOf(env, postgres)[0]).toContain("begins with valkeys://");
});

test.each<[string, boolean]>([
  ["rs0/h1:27017,h2:27017", true],
  ["rs0/h1", true],
  ["h1:27017,h2:27017", false],
  ["/run/mongodb.sock", false],
])("a host of MongoDB's with the name of its replica set is refused: %s", (host, isRefused) => {
  const problems = problemsOf({ DB_HOST: host, DB_NAME: "shop", RCLONE_REMOTE: "/x" }, mongo);
  expect(problems).toEqual(isRefused ? ["DB_HOST (--db-host): a host's name can't hold a /"] : []);
});

describe("extra arguments", () => {
  const withWords = (words: string): Env => ({
    DB_HOST: "db",
    DB_NAME: "shop",
    RCLONE_REMOTE: "/x",
    DUMP_EXTRA_ARGS: words,
  });

  test.each<[Engine, string, string]>([
    [postgres, "--help", "pg_dump tells about itself"],
    [postgres, "-V", "pg_dump tells about itself"],
    [mariadb, "--version", "mysqldump tells about itself"],
    [mariadb, "--vers", "mysqldump tells about itself"],
    [mariadb, "-qV", "mysqldump tells about itself"],
    [mariadb, "'-?'", "mysqldump tells about itself"],
    [mariadb, "--print-defaults", "mysqldump tells about itself"],
    [mongo, "--version", "mongodump tells about itself"],
    [mongo, "--help", "mongodump tells about itself"],
    [mongo, "--uri=mongodb://h", "dbstash tells mongodump the server itself"],
    [redis, "--version", "redis-cli tells about itself"],
    [redis, "-v", "redis-cli tells about itself"],
    [mariadb, "--all-databases", "refuses it beside the name of a database"],
    [mariadb, "-qA", "refuses it beside the name of a database"],
  ])("that can never make a backup are refused: %#", (engine, words, problem) => {
    expect(problemsOf(withWords(words), engine)).toEqual([expect.stringContaining(problem)]);
  });

  test.each<[Engine, string, string]>([
    [postgres, "--dbname=other", "has --dbname=other: it has no effect where the settings name the database"],
    [postgres, "-d other", "has -d: it has no effect where the settings name the database: set DB_NAME"],
    [postgres, "-dother", "DB_NAME (--db-name)"],
    [postgres, "-vdother", "DB_NAME (--db-name)"],
    [postgres, "-h HOST", "DB_HOST (--db-host)"],
    [postgres, "-p 1", "DB_PORT (--db-port)"],
    [postgres, "-U nobody", "DB_USER (--db-user)"],
    [
      mariadb,
      "--host=other",
      "the dump goes by it, but what is asked of the server before and beside it does not",
    ],
    [mariadb, "-P 1", "DB_PORT (--db-port)"],
    [mariadb, "-S/x.sock", "DB_HOST (--db-host) to the socket's path"],
    [mariadb, "-u joe", "DB_USER (--db-user)"],
    [mariadb, "--databases other", "the backup will hold CREATE DATABASE and USE"],
    [mariadb, "-B other", "the backup will hold CREATE DATABASE and USE"],
  ])("that don't do what they seem to are warned of: %#", (engine, words, warning) => {
    expect(resolve(withWords(words), engine).warnings).toEqual([expect.stringContaining(warning)]);
  });

  test.each<[Engine, string]>([
    [postgres, "-t data -T 'h*' --no-password -vO --exclude-schema=x"],
    [mariadb, "-q V -t hosts --users --where=id=9 --default-character-set=latin1"],
    [mongo, "-vvvv --oplog -j 2"],
    [redis, "-3"],
  ])("of other kinds pass without a word: %#", (engine, words) => {
    expect(resolve(withWords(words), engine).warnings).toEqual([]);
  });

  test("may name all databases beside BACKUP_ALL_DATABASES", () => {
    const env = { DB_HOST: "db", RCLONE_REMOTE: "/x", BACKUP_ALL_DATABASES: "true", DUMP_EXTRA_ARGS: "-A" };
    expect(resolve(env, mariadb).warnings).toEqual([]);
  });

  test("of all databases beside one are told the setting", () => {
    expect(problemsOf(withWords("-A"), mariadb, "hint")).toEqual([
      expect.stringContaining("BACKUP_ALL_DATABASES=true"),
    ]);
  });
});

test.each<[string, Env, string | null]>([
  [
    "a URL with a password as the remote",
    { RCLONE_REMOTE: "https://joe:hunter2@host/x" },
    "RCLONE_REMOTE (--rclone-remote) is a URL with a user in it, which is no remote of rclone's",
  ],
  [
    "a remote that looks like a URL",
    { RCLONE_REMOTE: "s3://bucket/at@home:8" },
    "RCLONE_REMOTE (--rclone-remote) begins with s3://, but a remote of rclone's is written without slashes behind its colon",
  ],
  [
    "an address's password among rclone's flags",
    { RCLONE_EXTRA_ARGS: "--webdav-url=https://joe:hunter2@host/x" },
    "RCLONE_EXTRA_ARGS (--rclone-extra-args) holds a password in a URL, which everyone on this machine could read in the process list",
  ],
  [
    "a proxy's, which goes by variable,",
    { RCLONE_EXTRA_ARGS: "--http-proxy=http://joe:hunter2@proxy" },
    null,
  ],
  ["a proxy without one", { RCLONE_EXTRA_ARGS: "--http-proxy http://proxy:3128/at@home" }, null],
])("%s is refused where it would show", (_, env, problem) => {
  const found = problemsOf({ ...uri, ...env });
  expect(found).toEqual(problem === null ? [] : [problem]);
});

describe("an engine", () => {
  test.each<[string, Engine, Env, string[], RegExp[]]>([
    ["its own name", postgres, { ENGINE: "pg" }, [], []],
    [
      "another's",
      mariadb,
      { ENGINE: "mysql" },
      ["ENGINE (--engine) is mysql, but this executable backs up mariadb"],
      [],
    ],
    [
      "a mode it has not",
      redis,
      { BACKUP_MODE: "tar" },
      ["BACKUP_MODE (--backup-mode) must be stream for Redis"],
      [],
    ],
    ["a compression of its own that it has", mongo, { BACKUP_COMPRESS: "true" }, [], []],
    [
      "one that it has not",
      mariadb,
      { BACKUP_COMPRESS: "true" },
      [],
      [/dump tool of MariaDB can't compress/],
    ],
    ["one in the pipe", redis, { BACKUP_COMPRESS: "zstd" }, [], []],
  ])("is given %s", (_, engine, env, problems, warnings) => {
    const settings = { DB_HOST: "db", DB_NAME: "shop", RCLONE_REMOTE: "/x", ...env };
    expect(problemsOf(settings, engine)).toEqual(problems);
    if (problems.length > 0) return;
    expect(resolve(settings, engine).warnings).toEqual(
      warnings.map((pattern) => expect.stringMatching(pattern) as string),
    );
  });
});

describe("a template", () => {
  test.each<[string, Env, boolean, boolean]>([
    ["{db}-{timestamp}", { RETENTION_MAX_DAYS: "3" }, false, false],
    ["{timestamp}", {}, false, false],
    ["{timestamp}", { RETENTION_MAX_FILES: "1" }, true, false],
    ["{db}", { RETENTION_MAX_FILES: "1" }, false, true],
    ["{db}-{date}", {}, false, false],
    ["{db}-{uuid}", {}, false, false],
  ])("%s with %j is refused: %p, warned of: %p", (template, env, isRefused, isWarned) => {
    const settings = { ...uri, BACKUP_NAME_TEMPLATE: template, ...env };
    expect(problemsOf(settings)).toHaveLength(isRefused ? 1 : 0);
    if (!isRefused) expect(resolve(settings).warnings).toHaveLength(isWarned ? 1 : 0);
  });
});

describe("a template that ends in what the job does not make", () => {
  test.each<[string, Env, string, string, RegExp]>([
    ["{db}.sql.gz", {}, ".sql.gz", "ends in .sql", /BACKUP_COMPRESS .*: gzip/],
    ["{db}.gz", { BACKUP_COMPRESS: "zstd" }, ".gz", "ends in .sql.zst", /BACKUP_COMPRESS .*: gzip/],
    ["{db}.sql.zst", {}, ".sql.zst", "ends in .sql", /BACKUP_COMPRESS .*: zstd/],
    ["{db}.xz", {}, ".xz", "ends in .sql", /BACKUP_COMPRESS/],
    ["{db}.tar", {}, ".tar", "ends in .sql", /BACKUP_MODE .*: tar/],
    ["{db}.tar.gz", {}, ".tar.gz", "ends in .sql", /BACKUP_COMPRESS .*: gzip/],
    ["{db}.tar.gz", { BACKUP_MODE: "tar" }, ".tar.gz", "ends in .tar", /BACKUP_COMPRESS .*: gzip/],
    ["{db}.dump", {}, ".dump", "ends in .sql", /BACKUP_EXTENSION/],
    ["{db}.sql", { BACKUP_EXTENSION: ".txt" }, ".sql", "ends in .txt", /BACKUP_EXTENSION/],
    ["{db}.sql.age", {}, ".sql.age", "ends in .sql", /BACKUP_ENCRYPT_TO .*: age/],
    ["{db}.tar", { BACKUP_MODE: "directory" }, ".tar", "is a folder", /BACKUP_MODE .*: tar/],
  ])("%s with %j is refused", (template, env, ending, stored, hint) => {
    const settings = { ...uri, BACKUP_NAME_TEMPLATE: template, ...env };
    expect(problemsOf(settings)).toEqual([
      `BACKUP_NAME_TEMPLATE (--backup-name-template) ends in ${ending}, but what this job stores ${stored}`,
    ]);
    expect(problemsOf(settings, postgres, "hint")[0]).toMatch(hint);
  });

  test.each<[string, Env]>([
    ["{db}.bak", {}],
    ["{db}.sql", {}],
    ["{db}.dump", { BACKUP_COMPRESS: "true" }],
    ["{db}.dump", { BACKUP_EXTENSION: ".dump", DUMP_EXTRA_ARGS: "-Fc" }],
    ["{db}.tar.gz", { BACKUP_MODE: "tar", BACKUP_COMPRESS: "gzip" }],
    ["{db}dump", {}],
    ["sql.gz/{db}", {}],
  ])("%s with %j is not", (template, env) => {
    expect(problemsOf({ ...uri, BACKUP_NAME_TEMPLATE: template, ...env })).toEqual([]);
  });

  test("of a setting that can't be read one problem is enough", () => {
    const settings = { ...uri, BACKUP_NAME_TEMPLATE: "{db}.zst", BACKUP_COMPRESS: "zstandard" };
    expect(problemsOf(settings)).toHaveLength(1);
  });
});

describe("a page", () => {
  test("needs a server", () => {
    const env = { STATUS_PAGE: "true", HEALTH_PORT: "0" };
    expect(problemsOf({ ...uri, ...env })).toEqual([
      "STATUS_PAGE (--status-page) asks for a page, but HEALTH_PORT (--health-port) is 0: there is no server that shows it",
    ]);
    expect(problemsOf({ ...uri, ...env, STATUS_PAGE: "false" })).toEqual([]);
  });

  test("has no effect without a schedule, which is warned of", () => {
    const env = { STATUS_PAGE: "true", BACKUP_SCHEDULE: "once" };
    expect(resolve({ ...uri, ...env }).warnings).toEqual([
      "STATUS_PAGE (--status-page) has no effect where BACKUP_SCHEDULE (--backup-schedule) is once: only a schedule has a server",
    ]);
    expect(resolve({ ...uri, STATUS_PAGE: "true" }).warnings).toEqual([]);
  });
});

test("a backup that overwrites the one before it can't be compared with it", () => {
  const env = { BACKUP_MIN_PERCENT: "50", BACKUP_NAME_TEMPLATE: "{db}" };
  expect(problemsOf({ ...uri, ...env })).toEqual([
    "BACKUP_MIN_PERCENT (--backup-min-percent) has nothing to compare with: by BACKUP_NAME_TEMPLATE (--backup-name-template) every backup overwrites the one before it",
  ]);
  expect(problemsOf({ ...uri, ...env, BACKUP_NAME_TEMPLATE: "{db}-{uuid}" })).toEqual([]);
});

describe("rules of retention", () => {
  test.each<[Env, string, string]>([
    [
      { RETENTION_MAX_FILES: "3", RETENTION_MIN_FILES: "5" },
      "RETENTION_MIN_FILES (--retention-min-files) is 5, but RETENTION_MAX_FILES (--retention-max-files) keeps at most 3",
      "so many of the newest stay anyway: leave RETENTION_MIN_FILES out, or raise RETENTION_MAX_FILES",
    ],
    [
      { RETENTION_MAX_FILES: "9", RETENTION_KEEP_WEEKLY: "4" },
      "RETENTION_MAX_FILES (--retention-max-files) can't stand beside RETENTION_KEEP_WEEKLY (--retention-keep-weekly): one removes what the other keeps",
      "use RETENTION_KEEP_LAST=9 in place of RETENTION_MAX_FILES",
    ],
    [
      { RETENTION_MAX_DAYS: "30", RETENTION_KEEP_MONTHLY: "12" },
      "RETENTION_MAX_DAYS (--retention-max-days) can't stand beside RETENTION_KEEP_MONTHLY (--retention-keep-monthly): one removes what the other keeps",
      "use RETENTION_KEEP_DAILY=30 in place of RETENTION_MAX_DAYS",
    ],
    [
      { RETENTION_MAX_DAYS: "30", RETENTION_KEEP_DAILY: "7" },
      "RETENTION_MAX_DAYS (--retention-max-days) can't stand beside RETENTION_KEEP_DAILY (--retention-keep-daily): one removes what the other keeps",
      "leave RETENTION_MAX_DAYS out: RETENTION_KEEP_DAILY=7 is there",
    ],
  ])("%j can't hold together, and it is said what to write", (env, message, hint) => {
    expect(problemsOf({ ...uri, ...env })).toEqual([message]);
    expect(problemsOf({ ...uri, ...env }, postgres, "hint")).toEqual([hint]);
  });

  test("each limit beside a calendar is told", () => {
    const env = { RETENTION_MAX_FILES: "1", RETENTION_MAX_DAYS: "1", RETENTION_KEEP_LAST: "2" };
    expect(problemsOf({ ...uri, ...env })).toHaveLength(2);
  });

  test.each<[Env]>([
    [{ RETENTION_MAX_FILES: "5", RETENTION_MIN_FILES: "5" }],
    [{ RETENTION_MAX_DAYS: "30", RETENTION_MIN_FILES: "5" }],
    [{ RETENTION_MAX_FILES: "0", RETENTION_MAX_DAYS: "0", RETENTION_KEEP_DAILY: "7" }],
    [{ RETENTION_MIN_FILES: "5", RETENTION_KEEP_DAILY: "7", RETENTION_KEEP_HOURLY: "24" }],
    [{ RETENTION_MAX_DAYS: "30", RETENTION_KEEP_DAILY: "0" }],
  ])("%j hold together", (env) => {
    expect(problemsOf({ ...uri, ...env })).toEqual([]);
  });

  test("by calendar they need a name that tells whose backup it is", () => {
    const env = { RETENTION_KEEP_DAILY: "7", BACKUP_NAME_TEMPLATE: "{timestamp}" };
    expect(problemsOf({ ...uri, ...env })).toEqual([expect.stringContaining("must hold {db}")]);
  });

  test("are read in the zone of the names", () => {
    const env = { RETENTION_KEEP_DAILY: "7", RETENTION_KEEP_YEARLY: "2", TZ: "Europe/Berlin" };
    expect(resolve({ ...uri, ...env }).retention).toEqual({
      maxFiles: 0,
      maxDays: 0,
      minFiles: 1,
      keep: { last: 0, hourly: 0, daily: 7, weekly: 0, monthly: 0, yearly: 2 },
      timeZone: "Europe/Berlin",
    });
  });
});
