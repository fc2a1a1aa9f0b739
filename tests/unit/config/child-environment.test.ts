import { expect, test } from "bun:test";
import { hookEnvironment, toolEnvironment } from "../../../src/config/child-environment.ts";

test.each<[string, Record<string, string | undefined>, string[], string[]]>([
  ["what is no setting", { PATH: "/bin", PAGER: "x" }, ["PATH", "PAGER"], ["PATH", "PAGER"]],
  ["a variable without a value", { PATH: undefined }, [], []],
  ["what steers our own runtime", { BUN_OPTIONS: "x", BUN_BE_BUN: "1", NODE_OPTIONS: "x" }, [], []],
  ["a name that only begins alike", { NODE_OPTIONS_X: "x" }, ["NODE_OPTIONS_X"], ["NODE_OPTIONS_X"]],
  ["a setting", { DB_PASSWORD: "pw" }, ["DB_PASSWORD"], []],
  ["its file", { DB_PASSWORD_FILE: "/f" }, ["DB_PASSWORD_FILE"], []],
  ["another name of one", { BACKUP_ALL_DBS: "true" }, ["BACKUP_ALL_DBS"], []],
  [
    "a setting of rclone's name",
    { RCLONE_CONFIG: "x", RCLONE_S3_REGION: "eu" },
    ["RCLONE_CONFIG", "RCLONE_S3_REGION"],
    ["RCLONE_S3_REGION"],
  ],
  ["the zone, which is a setting", { TZ: "Asia/Tokyo" }, ["TZ"], []],
  ...[
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGTARGETSESSIONATTRS",
    "MYSQL_HOST",
    "MYSQL_TCP_PORT",
    "MYSQL_UNIX_PORT",
    "MYSQL_PWD",
    "REDISCLI_AUTH",
    "VALKEYCLI_AUTH",
  ].map((name): [string, Record<string, string>, string[], string[]] => [
    `${name}, which would name another server than the settings`,
    { [name]: "x" },
    [name],
    [],
  ]),
  ...["PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGPASSFILE", "PGCONNECT_TIMEOUT", "PGOPTIONS"].map(
    (name): [string, Record<string, string>, string[], string[]] => [name, { [name]: "x" }, [name], [name]],
  ),
  ["the language", { LANGUAGE: "de" }, ["LANGUAGE"], []],
])("hooks and tools are given %s, or not", (_, env, ofHooks, ofTools) => {
  expect(Object.keys(hookEnvironment(env))).toEqual(ofHooks);
  const { LC_MESSAGES, ...rest } = toolEnvironment(env);
  expect(LC_MESSAGES).toBe("C");
  expect(Object.keys(rest)).toEqual(ofTools);
});

test.each<[Record<string, string>, Record<string, string>]>([
  [{}, { LC_MESSAGES: "C" }],
  [{ LC_ALL: "" }, { LC_ALL: "", LC_MESSAGES: "C" }],
  [
    { LC_ALL: "de_DE.UTF-8", LC_CTYPE: "de_DE.UTF-8" },
    { LC_ALL: "C.UTF-8", LC_CTYPE: "de_DE.UTF-8", LC_MESSAGES: "C" },
  ],
])("tools speak English where the user's variables are %j", (env, expected) => {
  expect(toolEnvironment(env)).toEqual(expected);
});
