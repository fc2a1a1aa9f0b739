import { describe, expect, test } from "bun:test";
import { attempt } from "../../../src/checks/attempt.ts";
import { costOfNoDelete, costOfNoList, costOfNoRead } from "../../../src/checks/costs.ts";
import { bad, type CheckLine, isBad, linesOf, ofAllPlaces, well } from "../../../src/checks/line.ts";
import { lineOfRoom } from "../../../src/checks/room.ts";
import { lineOfRetention, linesOfRuns } from "../../../src/checks/schedule.ts";
import { rulesOf } from "../catalog/rules.ts";
import { missingTools, toolsOf } from "../../../src/checks/tools.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { DbstashError, type CheckEnding, Interrupted, shown } from "../../../src/errors.ts";
import { redactor } from "../../../src/config/secret.ts";
import { type Env, resolve, uri } from "../job/jobs.ts";

const refused = { message: "rclone said: 403 hunter2", words: "403 hunter2", hint: "ask for it" };

describe("what a missing right costs", () => {
  test.each<[Env, CheckEnding, CheckEnding, CheckEnding]>([
    [{}, "incomplete", "incomplete", "open"],
    [{ BACKUP_COMPRESS: "zstd" }, "incomplete", "open", "open"],
    [{ BACKUP_COMPRESS: "true" }, "incomplete", "open", "open"],
    [{ BACKUP_MODE: "directory" }, "incomplete", "open", "open"],
    [{ BACKUP_MODE: "tar" }, "incomplete", "incomplete", "open"],
    [{ BACKUP_VERIFY: "false" }, "open", "open", "open"],
    [{ BACKUP_VERIFY: "false", BACKUP_MIN_PERCENT: "50" }, "incomplete", "open", "open"],
    [{ BACKUP_MODE: "directory", BACKUP_MIN_PERCENT: "50" }, "incomplete", "incomplete", "open"],
    [{ BACKUP_VERIFY: "false", RETENTION_MAX_FILES: "3" }, "incomplete", "open", "incomplete"],
    [{ RETENTION_MAX_DAYS: "3" }, "incomplete", "incomplete", "incomplete"],
  ])("with %j: list %s, read %s, delete %s", (env, list, read, remove) => {
    const job = resolve({ ...uri, ...env });
    const endings = [costOfNoList, costOfNoRead, costOfNoDelete].map(
      (cost) => cost("x", refused, job).ending,
    );
    expect(endings).toEqual([list, read, remove]);
  });

  test("of MongoDB a look at the beginning is taken whatever the compression", () => {
    const job = resolve({ DB_URI: "mongodb://db/shop", RCLONE_REMOTE: "/b", BACKUP_COMPRESS: "zstd" }, mongo);
    expect(costOfNoRead("x", refused, job).ending).toBe("incomplete");
  });

  test("is told with the words of whoever refuses, as foreign ones", () => {
    const { found } = costOfNoDelete("x", refused, resolve(uri));
    const { message, hint } = shown(found, redactor(["hunter2"]));
    expect(message).toEndWith("(rclone said: 403 [secret])");
    expect(hint).toBe("ask for it");
  });
});

describe("room for a dump", () => {
  const unknown = "whether a backup has room there is not known";
  const room = { topic: "upload", what: "it goes to /tmp", hint: "elsewhere" };
  test.each([
    [null, 5, "open", "it goes to /tmp; how much is free there is not known"],
    [1024, null, "open", `it goes to /tmp, with 1.0 KiB free; ${unknown}`],
    [1024, -1, "open", `it goes to /tmp, with 1.0 KiB free; ${unknown}`],
    [1024, 1024, "well", "it goes to /tmp, with 1.0 KiB free; the last backup had 1.0 KiB"],
    [1024, 2048, "failed", "it goes to /tmp, with 1.0 KiB free, but the last backup had 2.0 KiB"],
  ] as const)("%p free for %p is %s", (free, lastBytes, ending, message) => {
    expect(lineOfRoom({ ...room, free, lastBytes })).toMatchObject({ ending, found: { message } });
  });
});

describe("retention and the schedule", () => {
  const now = new Date("2026-01-10T00:00:00Z");
  const backups = [3, 2, 1].map((day) => {
    const timeMs = Date.parse(`2026-01-0${day}T00:00:00Z`);
    return { name: `b${day}`, bytes: 1, timeMs, latestMs: timeMs };
  });
  test.each([
    [backups, { maxFiles: 0 }, "open", /^off/],
    [null, { maxFiles: 2 }, "open", /not known without a listing$/],
    [backups, { maxDays: 3 }, "incomplete", /a run now would remove nothing by age, and end with 3$/],
    [backups, { maxFiles: 9 }, "well", /a run now would remove nothing of 3$/],
    [backups, { maxFiles: 3 }, "well", /would keep 2 and its own, and remove b1 \(beyond the newest 3\)$/],
    [backups, { maxFiles: 2 }, "well", /would keep 1 and its own, and remove b2 \(.*\) and 1 more$/],
  ] as const)("%j by %j", (entries, rules, ending, text) => {
    const line = lineOfRetention(entries === null ? null : [entries], rulesOf(rules), now);
    expect(line.ending).toBe(ending);
    expect(line.found.message).toMatch(text);
  });

  test("each run has its line, and a schedule that is over is told", () => {
    expect(linesOfRuns([{ time: "now", name: "b" }]).map(({ found }) => found.message)).toEqual(["now b"]);
    expect(linesOfRuns([])).toEqual([
      { topic: "next run", ending: "open", found: { message: "the schedule has no further run" } },
    ]);
  });
});

describe("an attempt", () => {
  const never = new AbortController().signal;

  test("has a value, or why there is none", async () => {
    expect(await attempt(never, () => 5)).toEqual({ kind: "done", value: 5 });
    const error = new DbstashError("it broke", "mend it", "words");
    expect(await attempt(never, () => Promise.reject(error))).toEqual({
      kind: "failed",
      problem: { message: "it broke: words", words: "words", hint: "mend it" },
      error,
    });
    const system = Object.assign(new Error("EACCES: no"), { code: "EACCES" });
    expect(await attempt(never, () => Promise.reject(system))).toMatchObject({ kind: "failed", error: null });
  });

  test("is given up when somebody stops it, and a fault of the program is none", async () => {
    const stop = new AbortController();
    stop.abort(new Interrupted("SIGINT"));
    const broken = () => attempt(stop.signal, () => Promise.reject(new DbstashError("it broke")));
    expect(broken()).rejects.toThrow(Interrupted);
    expect(attempt(never, () => Promise.reject(new TypeError("oh")))).rejects.toThrow(TypeError);
  });
});

test("what an engine finds is as bad as a run takes it", () => {
  const lines = linesOf("rights", {
    found: "as joe",
    problems: [{ message: "p" }],
    leftOut: ["l"],
    warnings: [{ message: "w" }],
    untried: ["u"],
  });
  expect(lines.map(({ ending, found }) => [ending, found.message])).toEqual([
    ["well", "as joe"],
    ["failed", "p"],
    ["incomplete", "l"],
    ["open", "w"],
    ["open", "u"],
  ]);
  expect(lines.filter(isBad)).toHaveLength(2);
  expect(lines.map(({ isUntried = false }) => isUntried)).toEqual([false, false, false, false, true]);
});

describe("tools", () => {
  test.each<[Env, string[][], string[][]]>([
    [{}, [["pg_dump"], ["rclone"]], [["psql"]]],
    [{ BACKUP_COMPRESS: "zstd" }, [["pg_dump"], ["zstd"], ["rclone"]], [["psql"]]],
    [
      { DB_URI: "postgres://db/", BACKUP_ALL_DATABASES: "true" },
      [["pg_dumpall"], ["pg_dump"], ["rclone"]],
      [["psql"]],
    ],
  ])("of %j", (env, needed, asking) => {
    const tools = toolsOf(resolve({ ...uri, ...env }));
    const names = (isNeeded: boolean) =>
      tools.filter((tool) => (tool.without === "failed") === isNeeded).map((tool) => [...tool.names]);
    expect([names(true), names(false)]).toEqual([needed, asking]);
  });

  test("that are missing: what a run needs is wrong, what only asks is not", () => {
    const lines = missingTools(resolve(uri), "/nowhere");
    expect(lines.map(({ ending, found }) => [ending, found.message])).toEqual([
      ["failed", "pg_dump was not found on PATH"],
      ["failed", "rclone was not found on PATH"],
      ["open", "psql was not found on PATH"],
    ]);
  });
});

describe("what is wrong at one of several places", () => {
  const [fine, wrong] = [[well("place", "it answers")], [bad("place", { message: "no such host" })]];
  test.each([
    ["is a warning of a run where another place can have the backup", [fine, wrong], ["well", "incomplete"]],
    ["is a failure where none can", [wrong, wrong], ["failed", "failed"]],
    ["is nothing where nothing is", [fine, fine], ["well", "well"]],
  ])("%s", (_, places, endings) => {
    expect(ofAllPlaces(places).map(({ ending }) => ending)).toEqual(endings as CheckLine["ending"][]);
  });
});
