import { describe, expect, test } from "bun:test";
import { readSettings, type Sources } from "../../../src/config/config.ts";
import { flagOf, options } from "../../../src/config/options.ts";
import { Secret } from "../../../src/config/secret.ts";
import { DbstashError } from "../../../src/errors.ts";

const files = new Map([
  ["/run/secrets/uri", "postgres://file\n"],
  ["/run/secrets/empty", "\n"],
]);

function read(env: Sources["env"], flags: Record<string, string> = {}) {
  return readSettings("pg", {
    env,
    flags: new Map(Object.entries(flags)),
    readFile(path) {
      const text = files.get(path);
      if (text === undefined) throw new DbstashError(`names ${path}, which does not exist`);
      return text;
    },
  });
}

const problemsOf = (env: Sources["env"]) => read(env).problems.map(({ message }) => message);

describe("where a setting comes from", () => {
  const uri = (env: Sources["env"], flags: Record<string, string> = {}) =>
    read(env, flags).settings.dbUri?.reveal() ?? null;

  test.each<[string, Sources["env"], Record<string, string>, string | null]>([
    ["nothing: unset", {}, {}, null],
    ["the environment", { DB_URI: "e" }, {}, "e"],
    ["a flag beats the environment", { DB_URI: "e" }, { "db-uri": "f" }, "f"],
    ["a file beats the variable", { DB_URI: "e", DB_URI_FILE: "/run/secrets/uri" }, {}, "postgres://file"],
    ["a flag beats a file of the environment", { DB_URI_FILE: "/run/secrets/uri" }, { "db-uri": "f" }, "f"],
    [
      "a file named by a flag beats all",
      { DB_URI: "e" },
      { "db-uri": "f", "db-uri-file": "/run/secrets/uri" },
      "postgres://file",
    ],
    ["an empty value is an unset one", { DB_URI: "" }, { "db-uri": "" }, null],
  ])("%s", (_, env, flags, expected) => {
    expect(uri(env, flags)).toBe(expected);
  });

  test("an alias is the same setting", () => {
    expect(read({ BACKUP_ALL_DBS: "yes" }).settings.backupAllDatabases).toBe(true);
    expect(read({}, { "backup-all-dbs": "true" }).settings.backupAllDatabases).toBe(true);
  });

  test("a missing file is a problem that names variable, flag and path", () => {
    expect(problemsOf({ DB_PASSWORD_FILE: "/no" })).toEqual([
      "DB_PASSWORD_FILE (--db-password-file) names /no, which does not exist",
    ]);
  });
});

describe("what a value may be", () => {
  test.each<[string, string, unknown]>([
    ["BACKUP_LOCK", "no", false],
    ["BACKUP_LOCK", "TRUE", true],
    ["BACKUP_LOCK", "0", false],
    ["RETENTION_MAX_DAYS", "14", 14],
    ["BACKUP_TIMEOUT", "1h30m", 5_400_000],
    ["BACKUP_TIMEOUT", "45s", 45_000],
    ["BACKUP_TIMEOUT", "1.5h", 5_400_000],
    ["BACKUP_TIMEOUT", "0", 0],
    ["BACKUP_COMPRESS", "true", { kind: "native" }],
    ["BACKUP_COMPRESS", "zstd", { kind: "zstd", level: null }],
    ["BACKUP_COMPRESS", "zstd:7", { kind: "zstd", level: 7 }],
    ["BACKUP_COMPRESS", "GZIP:9", { kind: "gzip", level: 9 }],
    ["BACKUP_SCHEDULE", "ONCE", { kind: "once" }],
    ["BACKUP_SCHEDULE", "*/5 * * * *", { kind: "cron", expression: "*/5 * * * *" }],
    ["BACKUP_SCHEDULE", "@daily", { kind: "cron", expression: "@daily" }],
    ["BACKUP_SCHEDULE", "0 0 3 L * *", { kind: "cron", expression: "0 0 3 L * *" }],
    ["BACKUP_EXTENSION", "sql.txt", ".sql.txt"],
    ["BACKUP_MODE", "Tar", "tar"],
    ["TZ", "Asia/Kolkata", "Asia/Kolkata"],
    ["DUMP_EXTRA_ARGS", "--exclude-table=log_* -T 'a b'", ["--exclude-table=log_*", "-T", "a b"]],
    ["DUMP_EXTRA_ARGS", "--y=$HOME", ["--y=$HOME"]],
    ["DUMP_EXTRA_ARGS", `-T "it's" 'a "b' c\\'d`, ["-T", "it's", 'a "b', "c'd"]],
    ["LOG_LEVEL", "WARN", "warn"],
  ])("%s=%s", (variable, value, expected) => {
    const name = Object.entries(options).find(
      ([, row]) => row.variable === variable,
    )?.[0] as keyof typeof options;
    const { settings, problems } = read({ [variable]: value });
    expect(problems).toEqual([]);
    expect(settings[name]).toEqual(expected as never);
  });

  test.each<[string, string, RegExp]>([
    ["RETENTION_MAX_DAYS", "7d", /must be a whole number, 0 or more$/],
    ["RETENTION_MAX_FILES", "-1", /whole number/],
    ["RETENTION_MAX_FILES", "1e3", /whole number/],
    ["BACKUP_LOCK", "maybe", /must be true or false/],
    ["BACKUP_TIMEOUT", "90", /must be a duration such as/],
    ["BACKUP_TIMEOUT", "1000h", /must be a duration such as/],
    ["BACKUP_COMPRESS", "zstd:22", /must be false, true, zstd/],
    ["BACKUP_COMPRESS", "lz4", /must be false, true, zstd/],
    ["BACKUP_SCHEDULE", "every day", /must be a cron expression/],
    ["BACKUP_SCHEDULE", "61 * * * *", /is "61 \* \* \* \*", whose minute "61" can't be$/],
    ["BACKUP_SCHEDULE", "2031-01-01T00:00:00", /must be a cron expression/],
    ["BACKUP_SCHEDULE", "0 0 31 2 *", /never comes due/],
    ["BACKUP_NAME_TEMPLATE", "{dbname}", /dbname/],
    ["BACKUP_EXTENSION", "a/b", /file extension/],
    ["BACKUP_TEMP_DIR", "work", /absolute path/],
    ["TZ", "Mars/Base", /IANA time zone/],
    ["DB_PORT", "70000", /from 1 to 65535/],
    ["DUMP_EXTRA_ARGS", "-T a | sh", /shell operator \|/],
    ["DUMP_EXTRA_ARGS", "'unclosed", /a quote that is not closed/],
    ["DUMP_EXTRA_ARGS", '-T "a b', /a quote that is not closed/],
    ["DUMP_EXTRA_ARGS", `-T 'a' "b\\"`, /a quote that is not closed/],
    ["DUMP_EXTRA_ARGS", "-T it's", /a quote that is not closed/],
    ["DUMP_EXTRA_ARGS", "-T a # rest", /begins a comment/],
    ["RCLONE_CONFIG", "[remote] type = s3", /must be the base64/],
    ["LOG_FORMAT", "xml", /must be auto, json or text$/],
    ["ENGINE", "postgres", /must be pg, mongo/],
  ])("%s=%s is a problem", (variable, value, expected) => {
    const [problem, ...more] = problemsOf({ [variable]: value });
    expect(more).toEqual([]);
    expect(problem).toStartWith(`${variable} (${flagOf(variable)}) `);
    expect(problem).toMatch(expected);
  });

  test("every wrong value is told at once", () => {
    expect(problemsOf({ BACKUP_LOCK: "maybe", TZ: "Mars", RETENTION_MAX_DAYS: "7d" })).toHaveLength(3);
  });

  test("a character that no tool can be told is told, once", () => {
    expect(problemsOf({ DB_PASSWORD: "a\0b" })).toEqual([
      "DB_PASSWORD (--db-password) holds a NUL character",
    ]);
  });

  test("a problem never quotes a secret", () => {
    expect(problemsOf({ RCLONE_CONFIG: "hunter2!" }).join()).not.toContain("hunter2");
  });
});

describe("what is shown", () => {
  test("secrets are masked", () => {
    const { shown, secrets } = read({ DB_PASSWORD: "hunter2", DB_HOST: "db" });
    expect(shown).toContainEqual({ variable: "DB_PASSWORD", value: "[secret]", from: "environment" });
    expect(shown).toContainEqual({ variable: "DB_HOST", value: "db", from: "environment" });
    expect(secrets).toEqual(["hunter2"]);
  });

  test("a secret's value prints nowhere", () => {
    const secret = new Secret("hunter2");
    expect(
      [String(secret), JSON.stringify({ secret }), Bun.inspect(secret), Bun.inspect({ secret })].join(" "),
    ).not.toContain("hunter2");
  });

  test("a variable that looks like a setting and is none is warned of, with the nearest name", () => {
    const warnings = read({ RETENTION_MAX_DAY: "3", PATH: "/bin" }).warnings;
    expect(warnings).toEqual([
      "RETENTION_MAX_DAY is no setting of dbstash and has no effect; did you mean RETENTION_MAX_DAYS?",
    ]);
  });

  test.each([
    ["HOOK_POST", "HOOK_POST_BACKUP"],
    ["HEALTH_PRT", "HEALTH_PORT"],
    ["RCLONE_REMOT", "RCLONE_REMOTE"],
    ["RCLONE_EXTRA_ARG", "RCLONE_EXTRA_ARGS"],
    ["DB_PASSWRD", "DB_PASSWORD"],
    ["LOG_LEVL", "LOG_LEVEL"],
  ])("%s, which may be another program's, is warned of since it is near %s", (name, near) => {
    expect(read({ [name]: "1" }).warnings).toEqual([
      `${name} is no setting of dbstash and has no effect; did you mean ${near}?`,
    ]);
  });

  test.each([
    ["DB_PASS", "DB_PASSWORD"],
    ["DB_USERNAME", "DB_USER"],
    ["DB_DATABASE", "DB_NAME"],
    ["DB_PASSWD", "DB_PASSWORD"],
    ["DB_DSN", "DB_URI"],
    ["RCLONE_DESTINATION", "RCLONE_REMOTE"],
    ["BACKUP_CRON", "BACKUP_SCHEDULE"],
    ["BACKUP_KEEP_DAYS", "RETENTION_MAX_DAYS"],
    ["BACKUP_KEEP_WEEKS", "RETENTION_KEEP_WEEKLY"],
    ["RETENTION_DAYS", "RETENTION_MAX_DAYS"],
    ["RETENTION_MAX", "RETENTION_MAX_FILES"],
    ["NOTIFY_WEBHOOK", "NOTIFY_WEBHOOK_URL"],
  ])("%s, which other programs call it, is warned of with the right name %s", (name, right) => {
    expect(read({ [name]: "1" }).warnings).toEqual([
      `${name} is no setting of dbstash and has no effect; did you mean ${right}?`,
    ]);
  });

  test("what stands beside the right name is another program's", () => {
    expect(read({ DB_DATABASE: "shop", DB_NAME: "shop", DB_PASS: "x", DB_PASSWORD: "x" }).warnings).toEqual(
      [],
    );
    expect(read({ DB_PASS: "x", DB_PASSWORD_FILE: "/run/secrets/uri" }).warnings).toEqual([]);
  });

  test.each([
    "RCLONE_CONFIG_PASS",
    "RCLONE_CONFIG_DIR",
    "RCLONE_CONFIG_S3_TYPE",
    "RCLONE_CONFIG_A_KEY",
    "RCLONE_CONFIG_STORE_ENDPOINT",
    "RCLONE_S3_CHUNK_SIZE",
    "RCLONE_LOG_LEVEL",
    "RCLONE_RETRIES",
    "DB_SERVICE_HOST",
    "DB_PORT_5432_TCP",
    "DB_PORT_5432_TCP_PORT",
    "PGHOST",
    "HOSTNAME",
    "HOME",
    "TERM",
    "TZDIR",
  ])("%s is another program's, and no typo", (name) => {
    expect(read({ [name]: "1" }).warnings).toEqual([]);
  });

  test("settings of other engines are no settings of this one", () => {
    expect(read({ DB_AUTH_SOURCE: "x" }).settings.dbAuthSource).toBeNull();
  });
});
