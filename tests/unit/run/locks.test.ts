import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { openLibc } from "../../../src/process/libc.ts";
import { type NameLockDoors, withJobLock, withNameLocks } from "../../../src/run/locks.ts";
import { tempFolder } from "../../support/temp.ts";
import { type Env, resolve, uri } from "../job/jobs.ts";
import { recordedLog } from "../recorded-log.ts";

const job = (env: Env = {}) => resolve({ ...uri, ...env });
const stock = { DB_URI: "postgres://db/stock" };

describe("under a job's lock", () => {
  test.each<[string, Env, Env, string]>([
    ["the same job is skipped", {}, {}, "skipped"],
    ["another job goes on", {}, stock, "done"],
    ["a job that wants no lock goes on", {}, { BACKUP_LOCK: "false" }, "done"],
    ["the same job goes on where the first took none", { BACKUP_LOCK: "false" }, {}, "done"],
  ])("%s", async (_, first, second, outcome) => {
    using place = locks();
    const inner = await withJobLock(job(first), place.doors, () =>
      withJobLock(job(second), place.doors, async () => "done"),
    );
    expect(inner).toBe(outcome);
    expect(place.lines.map(({ level, ...line }) => [level, line["exit_code"]])).toEqual(
      outcome === "skipped" ? [["warn", 4]] : [],
    );
    expect(readdirSync(place.path)).toEqual([]);
  });

  test("a run that throws has let go of it", async () => {
    using place = locks();
    const fault = new Error("a fault");
    const thrown = await withJobLock(job(), place.doors, () => Promise.reject(fault)).catch(
      (error: unknown) => error,
    );
    expect(thrown).toBe(fault);
    expect(await withJobLock(job(), place.doors, async () => "done")).toBe("done");
  });

  test("a run goes on where no lock can be had, and says so", async () => {
    using place = locks();
    const doors = { ...place.doors, lockFolders: ["/no/such"] };
    expect(await withJobLock(job(), doors, async () => "done")).toBe("done");
    expect(place.lines).toMatchObject([{ level: "warn", msg: "no lock against other processes can be had" }]);
  });
});

describe("under a name's lock", () => {
  test.each<[string, Env, string, boolean]>([
    ["another job that writes the same name fails", stock, "a.sql", true],
    ["another name is free", {}, "b.sql", false],
    ["the same name elsewhere is free", { RCLONE_REMOTE: "/elsewhere" }, "a.sql", false],
  ])("%s", async (_, env, name, isHeld) => {
    using place = locks();
    const inner = await withNameLocks([job().places[0]], "a.sql", place.doors, () =>
      withNameLocks([job(env).places[0]], name, place.doors, async () => "done").catch(
        (error: Error) => error.message,
      ),
    );
    expect(inner).toBe(isHeld ? "another job writes a.sql at this moment" : "done");
    expect(readdirSync(place.path)).toEqual([]);
  });

  test("a run goes on where no lock can be had", async () => {
    using place = locks();
    const doors = { ...place.doors, lockFolders: [] };
    expect(await withNameLocks([job().places[0]], "a.sql", doors, async () => "done")).toBe("done");
  });
});

/** A place for locks, and what is logged about them. */
function locks(): Disposable & { readonly doors: NameLockDoors; readonly path: string } & Pick<
    ReturnType<typeof recordedLog>,
    "lines"
  > {
  const folder = tempFolder("locks");
  const { log, lines } = recordedLog();
  return {
    doors: { libc: openLibc(), lockFolders: [folder.path], log, onHeld: () => undefined },
    path: folder.path,
    lines,
    [Symbol.dispose]: () => folder.remove(),
  };
}
