import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { globals, subjectText } from "../../../src/catalog/naming.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mariadb } from "../../../src/engine/mysql/mysql.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import { lockKeyOf } from "../../../src/job/job.ts";
import { databasesJob, jobOf } from "../../../src/job/several.ts";
import { type Env, problemsOf, resolve } from "./jobs.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`several databases: TEST_SEED=${seed}`);

const recipient = "age1563phs7q86qkcscft068lv7vrgge4q0n7yqqv4269xl3qwcux3qq5u5cpz";
const several = {
  DB_URI: "postgres://joe:hunter2@db/",
  RCLONE_REMOTE: "/backups",
  BACKUP_DATABASES: "* @globals",
};

test("so many at once has no effect on one database, and says so", () => {
  const one = { DB_URI: "postgres://db/shop", RCLONE_REMOTE: "/x", BACKUP_PARALLEL: "4" };
  expect(resolve(one).warnings).toEqual([
    "BACKUP_PARALLEL (--backup-parallel) has no effect without BACKUP_DATABASES (--backup-databases)",
  ]);
  expect(resolve({ ...several, BACKUP_PARALLEL: "4" }).warnings).toEqual([]);
});

describe("several databases are refused", () => {
  test.each<[string, Engine, Env, string, RegExp | null]>([
    [
      "beside DB_NAME",
      postgres,
      { DB_NAME: "shop" },
      "BACKUP_DATABASES (--backup-databases) and DB_NAME (--db-name) exclude each other",
      /leave DB_NAME out/,
    ],
    [
      "beside all of them in one",
      postgres,
      { BACKUP_ALL_DATABASES: "true" },
      "BACKUP_DATABASES (--backup-databases) and BACKUP_ALL_DATABASES (--backup-all-databases) exclude each other",
      /a backup of each/,
    ],
    [
      "without {db} in their names",
      postgres,
      { BACKUP_NAME_TEMPLATE: "{timestamp}" },
      "BACKUP_NAME_TEMPLATE (--backup-name-template) must hold {db} with BACKUP_DATABASES (--backup-databases), so that each database has names of its own",
      null,
    ],
    [
      "of Redis",
      redis,
      { DB_URI: "redis://db" },
      "BACKUP_DATABASES (--backup-databases) is not for Redis, whose backup holds all of a server",
      /leave it out/,
    ],
    [
      "with the roles of an engine that has none apart",
      mariadb,
      { DB_URI: "mysql://db" },
      "BACKUP_DATABASES (--backup-databases) has @globals, which only PostgreSQL has",
      /in quotes/,
    ],
    [
      "where what they are to be is refused of each",
      mariadb,
      { DB_URI: "mysql://db", BACKUP_DATABASES: "*", BACKUP_MODE: "directory", BACKUP_COMPRESS: "zstd" },
      "BACKUP_COMPRESS (--backup-compress) does not work with BACKUP_MODE=directory: the database server writes the files",
      /tar can be compressed/,
    ],
  ])("%s", (_, engine, env, problem, hint) => {
    const settings = { ...several, ...env };
    expect(problemsOf(settings, engine)).toEqual([problem]);
    if (hint !== null) expect(problemsOf(settings, engine, "hint")[0]).toMatch(hint);
  });

  test("once, also where retention wants {db} as well", () => {
    const env = { BACKUP_NAME_TEMPLATE: "{timestamp}", RETENTION_MAX_FILES: "3" };
    expect(problemsOf({ ...several, ...env })).toHaveLength(1);
  });
});

test("several databases are taken in folders too, of which pg_dumpall makes none", () => {
  expect(problemsOf({ ...several, BACKUP_MODE: "directory" })).toEqual([]);
});

describe("the job of one of several databases", () => {
  test.each<[Engine, Env, string]>([
    [postgres, {}, ".sql"],
    [postgres, { BACKUP_COMPRESS: "true" }, ".dump"],
    [postgres, { BACKUP_COMPRESS: "zstd", BACKUP_EXTENSION: ".x" }, ".x.zst"],
    [postgres, { BACKUP_MODE: "tar", BACKUP_COMPRESS: "gzip" }, ".tar.gz"],
    [postgres, { BACKUP_MODE: "directory" }, ""],
    [mongo, { DB_URI: "mongodb://db", BACKUP_DATABASES: "*" }, ".archive"],
    [mariadb, { DB_URI: "mysql://db", BACKUP_DATABASES: "*" }, ".sql"],
  ])("is what it would be by itself: %#", (engine, env, extension) => {
    const settings = { ...several, ...env };
    const { BACKUP_DATABASES: _, ...rest } = settings;
    const one = jobOf(resolve(settings, engine), { database: "shop" }, { client: "x" });
    const alone = resolve({ ...rest, DB_NAME: "shop" }, engine);
    expect(one.naming).toEqual({ ...alone.naming, extension });
    expect(one.request).toEqual(alone.request);
    expect(JSON.stringify(one.filters)).toBe(JSON.stringify(alone.filters));
    expect(lockKeyOf(one, one.places[0])).toBe(lockKeyOf(alone, alone.places[0]));
    expect(one.facts).toEqual({ client: "x" });
  });

  test.each<[Env, string, string[]]>([
    [{}, ".sql", []],
    [{ BACKUP_COMPRESS: "true", BACKUP_EXTENSION: ".x" }, ".sql", []],
    [{ BACKUP_COMPRESS: "zstd:7", BACKUP_MODE: "tar" }, ".sql.zst", ["zstd"]],
    [{ BACKUP_COMPRESS: "gzip", BACKUP_MODE: "directory" }, ".sql.gz", ["gzip"]],
    [{ BACKUP_COMPRESS: "gzip", BACKUP_ENCRYPT_TO: recipient }, ".sql.gz.age", ["gzip", "age"]],
    [{ BACKUP_NAME_TEMPLATE: "{db}.dump", BACKUP_COMPRESS: "true" }, ".sql", []],
    [{ DUMP_EXTRA_ARGS: "-Ft --no-comments" }, ".sql", []],
  ])("of roles and tablespaces with %j is a file %s", (env, extension, filters) => {
    const job = resolve({ ...several, ...env });
    const own = jobOf(job, globals);
    expect(own.naming).toMatchObject({ database: "@globals", scope: "globals", extension });
    expect(own.template.text).not.toContain(".dump");
    expect(own.filters.commands({ privateDir: "" }).map(({ tools }) => tools[0] ?? "")).toEqual(filters);
    expect(own.filters.endMark?.title ?? null).toBe(filters.length === 0 ? "pg_dumpall" : null);
    const { tools, args } = postgres.dumpCommand(own.request, {
      privateDir: "/private",
      outputDir: null,
      caBundle: null,
      libpqRoot: null,
    });
    expect([tools[0], own.request.mode, own.settings.backupMode]).toEqual(["pg_dumpall", "stream", "stream"]);
    expect(args).toContain("--globals-only");
    expect(args.join(" ")).not.toMatch(/-Ft|--no-comments|hunter2/);
    expect(databasesJob(job).globalsExtension).toBe(extension);
  });

  test("shares its name, its lock and its key with no other", () => {
    const job = resolve(several);
    const name = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 6 }),
      fc.constantFrom("all", "@globals", "%61ll", "%40globals", "* @globals", "a/b", "a%2Fb", "-x", ".x"),
    );
    fc.assert(
      fc.property(name, name, (one, other) => {
        fc.pre(one !== other);
        const jobs = [
          jobOf(job, { database: one }),
          jobOf(job, { database: other }),
          jobOf(job, globals),
          job,
        ];
        const all = resolve({ DB_HOST: "db", RCLONE_REMOTE: "/backups", BACKUP_ALL_DATABASES: "true" });
        const keys = [...jobs, all].map((each) => lockKeyOf(each, each.places[0]));
        expect(new Set(keys).size).toBe(5);
        expect(new Set([...jobs, all].map(({ naming }) => subjectText(naming))).size).toBe(5);
      }),
      { seed },
    );
  });
});
