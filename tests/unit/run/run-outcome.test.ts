import { describe, expect, test } from "bun:test";
import { DbstashError, Interrupted } from "../../../src/errors.ts";
import { type BackupResult, type SeveralResult, summaryOf } from "../../../src/result.ts";
import { RunOutcome } from "../../../src/run/run-outcome.ts";
import { resolve, uri } from "../job/jobs.ts";
import { failed, stored, warned } from "../notify/results.ts";

const startedAt = new Date("2026-02-07T02:00:00Z");
const now = new Date("2026-02-07T02:10:00Z");
const job = resolve(uri);

function after(isSeveral: boolean, steps: (run: RunOutcome) => void) {
  const run = new RunOutcome(
    job,
    { backupId: "the-run", startedAt, name: "shop.sql" },
    (text) => text,
    isSeveral,
  );
  steps(run);
  return run.result(now);
}

/** As the run is told of it. */
const end = (run: RunOutcome, result: BackupResult): void => run.ended(result.database, result);
const of = (database: string, result: BackupResult): BackupResult => ({ ...result, database });

describe("a run of one database", () => {
  test.each<[string, (run: RunOutcome) => void, Partial<BackupResult>]>([
    ["comes to what its backup came to", (run) => end(run, stored), { exitCode: 0, status: "success" }],
    ["takes its own time, hooks included", (run) => end(run, stored), { startedAt, durationMs: 600_000 }],
    [
      "adds a hook's failure to a stored backup",
      (run) => (end(run, stored), run.warn({ message: "hook" })),
      { exitCode: 3, warnings: ["hook"] },
    ],
    [
      "keeps a backup's own warnings before it",
      (run) => (end(run, warned), run.warn({ message: "hook" })),
      { warnings: [...warned.warnings, "hook"] },
    ],
    [
      "fails of what kept it from a backup",
      (run) => run.fail(new DbstashError("no")),
      { exitCode: 1, error: { message: "no" }, backupId: "the-run" },
    ],
    [
      "was interrupted before a backup",
      (run) => run.fail(new Interrupted("SIGTERM")),
      { exitCode: 143, signal: "SIGTERM" },
    ],
    [
      "warns of what broke after the backup",
      (run) => (end(run, stored), run.fail(new DbstashError("late"))),
      { exitCode: 3, status: "success", warnings: ["late"] },
    ],
    [
      "comes to its last try",
      (run) => (end(run, failed), end(run, stored)),
      { exitCode: 0, status: "success", error: null },
    ],
    [
      "keeps a failure's code beside a hook's failure",
      (run) => (end(run, failed), run.warn({ message: "hook" })),
      { exitCode: 1 },
    ],
  ])("%s", (_, steps, expected) => {
    expect(after(false, steps)).toMatchObject(expected);
  });
});

describe("a run of several databases", () => {
  const refused = of("crm", { ...failed, error: { message: "refused", hint: "try it" } });
  const stopped = of("stock", {
    ...failed,
    exitCode: 143,
    signal: "SIGTERM",
    error: { message: "stopped by SIGTERM" },
  });
  test.each<[string, (run: RunOutcome) => void, Partial<SeveralResult>]>([
    [
      "is stored where all are",
      (run) => (end(run, of("b", stored)), end(run, of("a", stored))),
      { exitCode: 0, status: "success", bytes: 2 * (stored.bytes ?? 0), error: null },
    ],
    [
      "warns where one does",
      (run) => (end(run, of("a", stored)), end(run, of("b", warned))),
      { exitCode: 3, status: "success", warnings: warned.warnings.map((warning) => `b: ${warning}`) },
    ],
    [
      "warns once of what several warn of alike",
      (run) => ["a", "b", "c", "d", "e"].forEach((name) => end(run, of(name, warned))),
      { warnings: warned.warnings.map((warning) => `a, b, c and 2 more: ${warning}`) },
    ],
    [
      "fails where one does, and names it",
      (run) => (end(run, of("shop", stored)), end(run, refused)),
      {
        exitCode: 1,
        status: "failure",
        bytes: stored.bytes,
        error: { message: "1 of 2 databases failed: crm: refused", hint: "try it" },
      },
    ],
    [
      "says once what failed alike",
      (run) => ["a", "b", "c", "d", "e"].forEach((name) => end(run, of(name, refused))),
      { error: { message: "5 of 5 databases failed: a, b, c and 2 more: refused", hint: "try it" } },
    ],
    [
      "has the code of its signal",
      (run) => (end(run, of("shop", stored)), end(run, stopped)),
      { exitCode: 143, signal: "SIGTERM", status: "failure" },
    ],
    [
      "fails of a question without an answer",
      (run) => run.fail(new DbstashError("which databases?")),
      { exitCode: 1, error: { message: "which databases?" }, bytes: null },
    ],
    [
      "warns of one that another run has",
      (run) => (end(run, of("shop", stored)), run.skipped("crm")),
      {
        exitCode: 3,
        status: "success",
        warnings: ["crm was skipped: another run that backs it up holds its lock"],
      },
    ],
    ["is skipped where other runs have all", (run) => run.skipped("crm"), { exitCode: 4, status: "failure" }],
    [
      "warns of what broke after all were stored",
      (run) => (end(run, of("a", stored)), run.fail(new DbstashError("late"))),
      { exitCode: 3, status: "success", warnings: ["late"] },
    ],
    [
      "counts a database by its last try",
      (run) => (end(run, refused), end(run, of("crm", stored))),
      { exitCode: 0, error: null },
    ],
  ])("%s", (_, steps, expected) => {
    expect(after(true, steps)).toMatchObject({ ...expected, backupId: "the-run" });
  });

  test("lies where one of its backups stands, for people, and not in a place that is out", () => {
    const several = resolve({ ...uri, RCLONE_REMOTE: "/out", RCLONE_EXTRA_REMOTES: "/one /two" });
    const at = (...places: string[]): BackupResult => ({
      ...stored,
      places: ["/out", "/one", "/two"].map((place) => ({
        ...stored.places[0],
        place,
        isStored: places.includes(place),
      })) as BackupResult["places"],
    });
    const pathOf = (...results: BackupResult[]): string => {
      const run = new RunOutcome(several, { backupId: "the-run", startedAt, name: "" }, (text) => text, true);
      results.forEach((result, index) => end(run, of(String(index), result)));
      return run.result(now).remotePath;
    };
    expect(pathOf(at("/two"), at("/one", "/two"))).toBe("/one");
    expect(pathOf(failed)).toBe("/out");
    expect(pathOf({ ...at("/two"), status: "failure" })).toBe("/out");
  });

  test("is told as skipped, and as no failure, where other runs have all", () => {
    expect(summaryOf(after(true, (run) => run.skipped("crm")))).toMatchObject({
      message: "backup skipped",
      fields: { status: "skipped", databases: 0, failed: 0, exit_code: 4 },
    });
  });

  test("fails where all that there was to back up was dropped: nothing is stored", () => {
    const result = after(true, (run) => (end(run, refused), run.dropped("crm", "crm")));
    expect(result).toMatchObject({ exitCode: 1, status: "failure", bytes: null });
    expect(result.error?.message).toBe("no database was left to be backed up");
    const one = after(
      true,
      (run) => (end(run, of("shop", stored)), end(run, refused), run.dropped("crm", "crm")),
    );
    expect(one).toMatchObject({ exitCode: 3, status: "success" });
  });

  test("lists its databases by name", () => {
    const result = after(true, (run) => ["b", "A", "a"].forEach((name) => end(run, of(name, stored))));
    expect((result as SeveralResult).backups.map(({ database }) => database)).toEqual(["A", "a", "b"]);
  });
});
