import { readSettings } from "../../../src/config/config.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { UsageError } from "../../../src/errors.ts";
import type { Purpose } from "../../../src/job/database.ts";
import { type Job, resolveJob } from "../../../src/job/job.ts";
import { readReadable } from "../../../src/remote/config-source.ts";

/** A job's settings, as variables. */
export type Env = Record<string, string>;

/** Enough for a job, by a URI and by parts. */
export const uri = { DB_URI: "postgres://joe:hunter2@db/shop", RCLONE_REMOTE: "/backups" };
export const parts = { DB_HOST: "db", DB_NAME: "shop", RCLONE_REMOTE: "/backups" };

/** The job that these settings make. */
export function resolve(env: Env, engine: Engine = postgres, purpose: Purpose = "backup"): Job {
  const reading = readSettings(engine.name, { env, flags: new Map(), readFile: readReadable });
  return resolveJob(engine, reading, env, purpose);
}

/** What is said against a job that can't be: of each problem its message, or its hint. */
export function problemsOf(
  env: Env,
  engine: Engine = postgres,
  part: "message" | "hint" = "message",
  purpose: Purpose = "backup",
): string[] {
  try {
    resolve(env, engine, purpose);
    return [];
  } catch (error) {
    if (error instanceof UsageError) return error.problems.map((problem) => problem[part] ?? "");
    throw error;
  }
}
