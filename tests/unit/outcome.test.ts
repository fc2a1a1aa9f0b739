import { describe, expect, test } from "bun:test";
import { readSettings } from "../../src/config/config.ts";
import { redactor } from "../../src/config/secret.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { DbstashError } from "../../src/errors.ts";
import { resolveJob } from "../../src/job/job.ts";
import { Outcome } from "../../src/run/outcome.ts";
import { Interrupted } from "../../src/errors.ts";

const env = { DB_URI: "postgres://joe:hunter22@db/shop", RCLONE_REMOTE: ":sftp,pass=x1y2:backups" };
const job = resolveJob(postgres, readSettings("pg", { env, flags: new Map(), readFile: () => "" }), env);
const startedAt = new Date("2026-02-07T02:00:00Z");
const now = new Date("2026-02-07T02:00:05Z");

/** The outcome of a run after these steps. */
function after(steps: (outcome: Outcome) => void) {
  const identity = { backupId: "an-id", startedAt, name: "shop.sql" };
  const outcome = new Outcome(job, identity, redactor(job.secrets));
  steps(outcome);
  return outcome.result(now);
}

describe("a run that", () => {
  test.each<[string, (outcome: Outcome) => void, number]>([
    ["stored its backup", (run) => run.stored(7), 0],
    ["stored it, and a later step failed", (run) => (run.stored(7), run.warn("no retention")), 3],
    ["stored it, and broke afterwards", (run) => (run.stored(7), run.fail(new Error("EBUSY"))), 3],
    ["stored it before a signal", (run) => (run.stored(7), run.fail(new Interrupted("SIGINT"))), 3],
    ["failed", (run) => run.fail(new DbstashError("no")), 1],
    [
      "failed, and so did its post hook",
      (run) => (run.fail(new DbstashError("no")), run.warn("nor this")),
      1,
    ],
    ["was interrupted", (run) => run.fail(new Interrupted("SIGINT")), 130],
    ["was told to end", (run) => run.fail(new Interrupted("SIGTERM")), 143],
    ["threw undefined", (run) => run.fail(undefined), 1],
  ])("%s ends with its own exit code", (_, steps, exitCode) => {
    const result = after(steps);
    const stored = exitCode === 0 || exitCode === 3;
    expect(result).toMatchObject({ exitCode, status: stored ? "success" : "failure" });
    expect(result.error === null).toBe(stored);
    expect(result.bytes).toBe(stored ? 7 : null);
  });

  test("failed twice tells of what came first", () => {
    const result = after((run) => {
      run.fail(new DbstashError("the cause"));
      run.fail(new DbstashError("what came of it"));
    });
    expect(result.error).toEqual({ message: "the cause" });
  });

  test("stored its backup and broke afterwards warns of it", () => {
    const result = after((run) => {
      run.stored(7);
      run.warn("no retention");
      run.fail(new Error("EBUSY"));
    });
    expect(result.warnings).toEqual(["no retention", "EBUSY"]);
  });

  test("failed tells no secret, neither in the error nor in where the backup would lie", () => {
    const result = after((run) => run.fail(new DbstashError("password hunter22 refused", "not hunter22")));
    expect(result.error).toEqual({ message: "password [secret] refused", hint: "not [secret]" });
    expect(result.remotePath).toBe(":sftp:backups/shop.sql");
    expect(result.durationMs).toBe(5000);
  });
});
