import { expect, test } from "bun:test";
import { checkHealth } from "../../../src/commands/healthcheck.ts";
import { readSettings } from "../../../src/config/config.ts";
import { UsageError } from "../../../src/errors.ts";
import type { Env } from "../job/jobs.ts";

const read = (env: Env) => readSettings("pg", { env, flags: new Map(), readFile: () => "" });

test.each<[Env, string]>([
  [{ BACKUP_SCHEDULE: "once" }, "there is no health server: BACKUP_SCHEDULE is once"],
  [{ HEALTH_PORT: "0" }, "there is no health server: HEALTH_PORT is 0"],
  [{ HEALTH_PORT: "0", TZ: "Mars" }, "there is no health server: HEALTH_PORT is 0"],
])("all is well with %j, for there is no server by design", async (env, detail) => {
  expect(await checkHealth(read(env))).toEqual({ ok: true, detail });
});

test.each<[Env]>([
  [{ BACKUP_SCHEDULE: "at two", TZ: "Mars" }],
  [{ HEALTH_PORT: "http", TZ: "Mars" }],
  [{ HEALTH_ADDRESS: "127.0.0.1:80", TZ: "Mars" }],
])("with %j only what a check needs is a usage error", async (env) => {
  const error = await checkHealth(read(env)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as UsageError).problems).toHaveLength(1);
  expect((error as UsageError).message).toStartWith(Object.keys(env)[0] ?? "");
});
