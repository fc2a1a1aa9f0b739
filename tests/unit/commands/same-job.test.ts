import { expect, test } from "bun:test";
import { otherJobProblems } from "../../../src/commands/same-job.ts";
import { readSettings } from "../../../src/config/config.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";
import type { Env } from "../job/jobs.ts";

const inFile = { RCLONE_REMOTE: "/backups", DB_URI: "postgres://joe:pw@db/shop" };

/** The variables that are said to name another job. */
function told(env: Env, envFile: Env = inFile, flags: Env = {}, engine: Engine = postgres): string[] {
  const read = (variables: Readonly<Record<string, string | undefined>>) =>
    readSettings(engine.name, { flags: new Map(), env: variables, readFile: () => inFile.DB_URI });
  const problems = otherJobProblems({ engine, flags: new Map(Object.entries(flags)), env, envFile, read });
  return problems.map(({ message }) => message.split(" ")[0] ?? "");
}

test.each<[string, Env, Env, string[]]>([
  ["an environment that says nothing", {}, inFile, []],
  ["the same place", { RCLONE_REMOTE: "/backups" }, inFile, []],
  ["another place", { RCLONE_REMOTE: "/other" }, inFile, ["RCLONE_REMOTE"]],
  ["a place that only the environment names", { RCLONE_REMOTE: "/other" }, { DB_NAME: "shop" }, []],
  [
    "another template than the default",
    { BACKUP_NAME_TEMPLATE: "{db}-{ts}" },
    inFile,
    ["BACKUP_NAME_TEMPLATE"],
  ],
  ["the default template", { BACKUP_NAME_TEMPLATE: "{db}-{timestamp}" }, inFile, []],
  ["all databases", { BACKUP_ALL_DBS: "true" }, inFile, ["BACKUP_ALL_DATABASES"]],
  ["another database", { DB_NAME: "stock" }, { DB_NAME: "shop" }, ["DB_NAME"]],
  ["another database in a URI", { DB_URI: "postgres://joe:pw@db/stock" }, inFile, ["DB_URI"]],
  ["another user and host in a URI", { DB_URI: "postgres://ann:x@db2/shop" }, inFile, []],
  ["the same in a file", { DB_URI_FILE: "/uri" }, inFile, []],
  ["an empty variable", { RCLONE_REMOTE: "" }, inFile, []],
  [
    "another definition of the remote",
    { RCLONE_CONFIG_A_ENDPOINT: "http://b" },
    { ...inFile, RCLONE_CONFIG_A_ENDPOINT: "http://a" },
    ["RCLONE_CONFIG_A_ENDPOINT"],
  ],
  ["what tells nothing of the job", { RETENTION_MAX_DAYS: "3", DB_PASSWORD: "x" }, inFile, []],
])("%s", (_, env, envFile, names) => {
  expect(told(env, envFile)).toEqual(names);
});

test("a flag is meant", () => {
  expect(told({ RCLONE_REMOTE: "/other" }, inFile, { "rclone-remote": "/third" })).toEqual([]);
  expect(told({ BACKUP_ALL_DATABASES: "true" }, inFile, { "backup-all-dbs": "false" })).toEqual([]);
});

test("where databases have no names the host tells whose backups they are", () => {
  expect(told({ DB_HOST: "b" }, { DB_HOST: "a" }, {}, redis)).toEqual(["DB_HOST"]);
  expect(told({ DB_HOST: "b" }, { DB_HOST: "a" })).toEqual([]);
  expect(told({ DB_URI: "redis://b/0" }, { DB_URI: "redis://a/0" }, {}, redis)).toEqual(["DB_URI"]);
});
