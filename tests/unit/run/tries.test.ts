import { describe, expect, test } from "bun:test";
import { DbstashError, Interrupted } from "../../../src/errors.ts";
import type { Job } from "../../../src/job/job.ts";
import { newIdentity, type Run } from "../../../src/run/attempt.ts";
import { unbegunResult } from "../../../src/run/outcome.ts";
import { RunOutcome } from "../../../src/run/run-outcome.ts";
import { Damaged } from "../../../src/pipeline/verdict.ts";
import { backUpAll, mayPass } from "../../../src/run/tries.ts";
import { backupsOf } from "../../../src/result.ts";
import { type Env, resolve, uri } from "../job/jobs.ts";
import { failed, stored } from "../notify/results.ts";
import { recordedLog } from "../recorded-log.ts";

const never = new AbortController().signal;
const retries = (count: number): Env => ({ BACKUP_RETRIES: String(count), BACKUP_RETRY_DELAY: "1ms" });

/** What comes of a run over these databases, each of which is stored from its n-th try on. */
async function run(
  env: Env,
  goodFrom: Record<string, number>,
  { parallel = 1, enough = never, last = never, passes = true, onTry = () => undefined as void } = {},
) {
  const base = resolve({ ...uri, ...env });
  const { log, lines } = recordedLog();
  const identity = newIdentity(base, new Date("2026-02-07T02:00:00Z"));
  const outcome = new RunOutcome(base, identity, (text) => text, true);
  const whole: Run = {
    ...identity,
    job: base,
    log,
    outcome,
    signals: { stop: never, limit: never },
    warn: () => undefined,
  };
  const jobs: Job[] = Object.keys(goodFrom).map((database) => ({
    ...base,
    naming: { ...base.naming, database },
  }));
  const [tries, ended]: [string[], string[]] = [[], []];
  let [on, most] = [0, 0];
  await backUpAll(whole, jobs, {
    parallel,
    enough,
    last,
    onEnded: ({ naming }, { status }) => ended.push(`${naming.database} ${status}`),
    unbegun: (job, reason) => unbegunResult(job, identity, reason, (text) => text),
    make: async ({ naming: { database } }, tryNumber) => {
      onTry();
      tries.push(`${database} ${tryNumber}`);
      most = Math.max(most, (on += 1));
      await Promise.resolve();
      on -= 1;
      const result = { ...(tryNumber >= (goodFrom[database] ?? 1) ? stored : failed), database };
      return { result, mayPass: passes };
    },
  });
  return { tries, ended, most, lines, backups: backupsOf(outcome.result(new Date())) };
}

describe("what fails", () => {
  test.each<[string, Env, Record<string, number>, string[]]>([
    ["is not tried again by itself", {}, { a: 2 }, ["a 1"]],
    ["is tried again as often as is wanted", retries(2), { a: 9 }, ["a 1", "a 2", "a 3"]],
    ["is tried again until it is stored", retries(5), { a: 3 }, ["a 1", "a 2", "a 3"]],
    [
      "is tried again when all have had their turn",
      retries(1),
      { a: 2, b: 1, c: 2 },
      ["a 1", "b 1", "c 1", "a 2", "c 2"],
    ],
  ])("%s", async (_, env, goodFrom, tries) => {
    expect((await run(env, goodFrom)).tries).toEqual(tries);
  });

  test("is told of before each new try", async () => {
    const { lines, ended } = await run(retries(2), { a: 3, b: 1 });
    const error = failed.error?.message;
    expect(lines.filter(({ level }) => level === "warn")).toMatchObject([
      { database: "a", tries_left: 2, error, hint: failed.error?.hint },
      { database: "a", tries_left: 1, error },
    ]);
    expect(ended).toEqual(["b success", "a success"]);
  });

  test("is left alone where it can't pass", async () => {
    expect((await run(retries(2), { a: 9 }, { passes: false })).tries).toEqual(["a 1"]);
  });
});

test("so many are made at once as is wanted", async () => {
  const six = { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 };
  expect((await run({}, six)).most).toBe(1);
  expect((await run({}, six, { parallel: 3 })).most).toBe(3);
});

test("after a stop nothing is begun any more, and what was not reached has failed", async () => {
  const stop = new AbortController();
  const onTry = () => stop.abort(new Interrupted("SIGTERM"));
  const { tries, backups } = await run(
    retries(3),
    { a: 1, b: 1 },
    { enough: stop.signal, last: stop.signal, onTry },
  );
  expect(tries).toEqual(["a 1"]);
  expect(backups).toMatchObject([
    { database: "a", status: "success" },
    { database: "b", status: "failure", signal: "SIGTERM", fileName: null },
  ]);
});

test("after a stop what would have been tried again has ended of what its last try failed of", async () => {
  const stop = new AbortController();
  const retried = { ...retries(3), BACKUP_RETRY_DELAY: "1h" };
  const onTry = () => void setImmediate(() => stop.abort(new Interrupted("SIGTERM")));
  const { tries, ended, backups } = await run(
    retried,
    { a: 9, b: 1 },
    { enough: stop.signal, last: stop.signal, onTry },
  );
  expect([tries, ended]).toEqual([
    ["a 1", "b 1"],
    ["b success", "a failure"],
  ]);
  expect(backups).toMatchObject([{ database: "a", error: failed.error, signal: null }, { database: "b" }]);
});

test("where a schedule is stopped the first try of each is made, and no other one", async () => {
  const last = AbortSignal.abort(new Interrupted("SIGTERM"));
  const { tries, ended } = await run(retries(3), { a: 2, b: 1 }, { last });
  expect([tries, ended]).toEqual([
    ["a 1", "b 1"],
    ["a failure", "b success"],
  ]);
});
const damaged = new Damaged(
  { outcome: "bad", about: "content", problem: { message: "zstd: x" } },
  "/backups/x",
);

test.each<[string, unknown, boolean]>([
  ["a signal", new Interrupted("SIGINT"), false],
  [
    "a refused login",
    new DbstashError("pg_dump failed", undefined, 'FATAL: password authentication failed for user "joe"'),
    false,
  ],
  ["a server that is away", new DbstashError("pg_dump failed", undefined, "Connection refused"), true],
  ["a stall", new DbstashError("not one byte moved for 30 min"), true],
  ["a damaged backup, which still stands", damaged, false],
  ["a bug", new TypeError("undefined"), true],
])("whether another try may pass: %s", (_, thrown, expected) => {
  expect(mayPass(resolve(uri), [thrown])).toBe(expected);
});

test("where each place has failed of its own, one that has a damaged backup is enough for no other try", () => {
  const away = new DbstashError("rclone failed");
  expect(mayPass(resolve(uri), [away, damaged])).toBe(false);
  expect(mayPass(resolve(uri), [away, away])).toBe(true);
});
