import { describe, expect, test } from "bun:test";
import { readSettings } from "../../../src/config/config.ts";
import { redactor } from "../../../src/config/secret.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { DbstashError, Interrupted } from "../../../src/errors.ts";
import { resolveJob } from "../../../src/job/job.ts";
import { Outcome, summarise } from "../../../src/run/outcome.ts";
import { recordedLog } from "../recorded-log.ts";

const env = { DB_URI: "postgres://joe:hunter22@db/shop", RCLONE_REMOTE: ":sftp,pass=x1y2:backups" };
const job = resolveJob(postgres, readSettings("pg", { env, flags: new Map(), readFile: () => "" }), env);
const [place] = job.places;
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
    ["stored its backup", (run) => run.stored(place, 7), 0],
    [
      "stored it, and a later step failed",
      (run) => (run.stored(place, 7), run.warn({ message: "no retention" })),
      3,
    ],
    ["stored it, and broke afterwards", (run) => (run.stored(place, 7), run.fail(new Error("EBUSY"))), 3],
    ["stored it before a signal", (run) => (run.stored(place, 7), run.fail(new Interrupted("SIGINT"))), 3],
    ["failed", (run) => run.fail(new DbstashError("no")), 1],
    [
      "failed, and so did its post hook",
      (run) => (run.fail(new DbstashError("no")), run.warn({ message: "nor this" })),
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
      run.stored(place, 7);
      run.warn({ message: "no retention" });
      run.fail(new Error("EBUSY"));
    });
    expect(result.warnings).toEqual(["no retention", "EBUSY"]);
  });

  test("failed tells no secret, neither in the error nor in where the backup would lie", () => {
    const result = after((run) =>
      run.fail(new DbstashError("the login backup failed", "ask for it", "hunter22 refused")),
    );
    expect(result.error).toEqual({
      message: "the login backup failed: [secret] refused",
      hint: "ask for it",
    });
    expect(result.remotePath).toBe(":sftp:backups/shop.sql");
    expect(result.durationMs).toBe(5000);
  });
});

describe("of several places a backup that none has", () => {
  const more = { ...env, RCLONE_REMOTE: "/one", RCLONE_EXTRA_REMOTES: "/two" };
  const both = resolveJob(
    postgres,
    readSettings("pg", { env: more, flags: new Map(), readFile: () => "" }),
    more,
  );
  const missed = (...errors: readonly Error[]) => {
    const outcome = new Outcome(both, { backupId: "an-id", startedAt, name: "shop.sql" }, String);
    both.places.forEach((each, at) => outcome.missed(each, errors[at]));
    return outcome.result(now);
  };

  test("was ended by a signal in each tells of it alone", () => {
    const stopped = new Interrupted("SIGTERM");
    const { exitCode, signal, error } = missed(stopped, stopped);
    expect([exitCode, signal, error?.message]).toEqual([143, "SIGTERM", "stopped by SIGTERM"]);
  });

  test("was ended by a signal in one names what the other has failed of, and ends as the signal has it", () => {
    const { exitCode, signal, error } = missed(new DbstashError("it is full"), new Interrupted("SIGINT"));
    expect([exitCode, signal]).toEqual([130, "SIGINT"]);
    expect(error?.message).toBe("no place has the backup: /one: it is full; /two: stopped by SIGINT");
  });
});

describe("the last line of a run that", () => {
  const told = (steps: (outcome: Outcome) => void) => {
    const { log, lines } = recordedLog();
    summarise(log, after(steps));
    return lines;
  };

  test.each<[string, (outcome: Outcome) => void, object]>([
    [
      "stored a backup says how large it is and where",
      (outcome) => outcome.stored(place, 9),
      {
        level: "info",
        msg: "backup stored",
        status: "success",
        bytes: 9,
        exit_code: 0,
        remote_path: ":sftp:backups/shop.sql",
        duration_ms: 5000,
      },
    ],
    [
      "failed says why, and what to do",
      (outcome) => outcome.fail(new DbstashError("no such host", "check it")),
      {
        level: "error",
        msg: "backup failed",
        status: "failure",
        bytes: null,
        exit_code: 1,
        error: "no such host",
        hint: "check it",
      },
    ],
    [
      "stored one and failed in a later step says both",
      (outcome) => {
        outcome.stored(place, 9);
        outcome.fail(new DbstashError("no right to remove"));
      },
      {
        level: "warn",
        msg: "backup stored, with warnings",
        status: "success",
        exit_code: 3,
        warnings: 1,
        error: "no right to remove",
      },
    ],
  ])("%s", (_, steps, line) => {
    expect(told(steps)).toMatchObject([line]);
  });

  test("went well has no word of errors", () => {
    const [line = {}] = told((outcome) => outcome.stored(place, 9));
    expect(Object.keys(line).filter((key) => /error|hint|warnings/.test(key))).toEqual([]);
  });
});
