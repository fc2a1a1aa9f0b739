import { afterEach, beforeEach, describe, expect } from "bun:test";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import type { DbstashResult, RunningDbstash } from "../support/dbstash.ts";
import { waitUntilGone } from "../support/procs.ts";
import { parseExposition } from "../support/prometheus-text.ts";
import { freePort, waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { goOn, pauseHere, untilThere } from "./edges.ts";
import { localPlace, type Place, rcloneExcept, startFaultRun } from "./places.ts";
import { namesOf, serverIsGone, severalTools, type SeveralTools, startSeveral } from "./several-databases.ts";

const { test } = needs("rclone-current");

const wholeText =
  "--\n-- PostgreSQL database dump\n--\n\nx\n--\n-- PostgreSQL database dump complete\n--\n\n";
const cutText = "--\n-- PostgreSQL database dump\n--\n\ncut";
const stamp = (ms: number): string => `${new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "")}`;
const day = (number: number): string => `202601${String(number).padStart(2, "0")}T020000Z`;

let place: Place;
let tools: SeveralTools;
beforeEach(() => {
  place = localPlace();
  tools = severalTools(
    ["a", "b", "c"],
    { b: `${pauseHere()}; whole` },
    { rclone: rcloneExcept("none", ":") },
  );
});
afterEach(() => {
  place[Symbol.dispose]();
  tools.remove();
});

const put = (name: string, text = wholeText): void => writeFileSync(join(place.remote, name), text);
/** Three backups of each. */
const putAll = (): void => {
  for (const name of ["a", "b", "c"]) for (const at of [1, 2, 3]) put(`${name}-${day(at)}.sql`);
};
const count = (name: string): number => place.files().filter((file) => file.startsWith(`${name}-`)).length;
const command = (args: string[], env: Record<string, string> = {}): Promise<DbstashResult> =>
  startSeveral({ place, tools, args, env }).exited;
const calls = (verb: string): number => tools.calls("rclone").filter(([first]) => first === verb).length;

describe("commands over several databases", () => {
  test("list shows all that the template could have written, verify those that are named, by one listing a place", async () => {
    putAll();
    put(`b-${day(4)}.sql`, cutText);
    const some = { BACKUP_DATABASES: "* !b" };
    const list = await command(["list", "--json"], some);
    const rows = JSON.parse(list.stdout) as { database: string; name: string }[];
    expect(rows.map(({ database }) => database).join("")).toBe("aaabbbbccc");
    expect([rows[0]?.name, list.exitCode, calls("lsjson")]).toEqual([`a-${day(3)}.sql`, 0, 1]);
    const verify = await command(["verify"], some);
    expect(verify.stdout.match(/^\S+(?=: )/gm)).toEqual([`a-${day(3)}.sql`, `c-${day(3)}.sql`]);
    expect([verify.exitCode, calls("lsjson")]).toEqual([0, 2]);
    const all = await command(["verify"]);
    expect([all.exitCode, all.stdout.match(/: bad/g)?.length]).toEqual([1, 1]);
    const named = await command(["verify", `b-${day(3)}.sql`], some);
    expect([named.exitCode, named.stdout]).toEqual([0, expect.stringContaining(`b-${day(3)}.sql: good`)]);
    const missed = await command(["verify"], { BACKUP_DATABASES: "a gone" });
    expect([missed.exitCode, missed.stdout]).toEqual([
      1,
      expect.stringContaining("gone: there is no backup"),
    ]);
    expect(tools.calls("psql")).toEqual([]);
  });

  test("prune keeps to the patterns, and to each database's own newest: a bad one keeps all of its", async () => {
    putAll();
    put(`b-${day(4)}.sql`, cutText);
    const rules = { RETENTION_MAX_FILES: "1" };
    const dry = await command(["prune", "--dry-run"], { ...rules, BACKUP_DATABASES: "* !c" });
    expect([dry.exitCode, place.files().length]).toEqual([1, 10]);
    const result = await command(["prune"], { ...rules, BACKUP_DATABASES: "* !c" });
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toMatch(/b in .*: nothing was removed/);
    expect([count("a"), count("b"), count("c")]).toEqual([1, 4, 3]);
    const named = await command(["prune"], { ...rules, BACKUP_DATABASES: "c" });
    expect([named.exitCode, count("c")]).toEqual([0, 1]);
  });

  test("prune leaves one whose lock is held, and ends with 3, or with 4 where all are", async () => {
    putAll();
    using locks = tempFolder("locks");
    const env = { XDG_RUNTIME_DIR: locks.path };
    const run = startFaultRun({ place, tools, env: { ...env, DB_NAME: "b", DUMP_EXTRA_ARGS: "" } });
    await untilThere(tools.dir);
    const rules = { ...env, RETENTION_MAX_FILES: "1" };
    const some = await command(["prune"], rules);
    expect([some.exitCode, some.stdout]).toEqual([3, expect.stringContaining("b: skipped: another run")]);
    expect([count("a"), count("b"), count("c")]).toEqual([1, 3, 1]);
    expect((await command(["prune"], { ...rules, BACKUP_DATABASES: "b" })).exitCode).toBe(4);
    goOn(tools.dir);
    expect((await run.exited).exitCode).toBe(0);
  });
});

describe("metrics", () => {
  test("of a file have a row for each database, and carry over the last success of one that fails", async () => {
    using folder = tempFolder("metrics");
    const env = { METRICS_FILE: folder.file("x.prom") };
    const values = (name: string): Record<string, number | undefined> => {
      const { samples = [] } =
        parseExposition(readFileSync(folder.file("x.prom"), "utf8")).get(`dbstash_${name}`) ?? {};
      return Object.fromEntries(samples.map(({ labels, value }) => [labels["database"] ?? "", value]));
    };
    goOn(tools.dir);
    expect((await command([], env)).exitCode).toBe(0);
    const before = values("last_success_timestamp_seconds");
    expect(Object.keys(before).toSorted()).toEqual(["a", "b", "c"]);
    using later = severalTools(["a", "b", "d"], { b: serverIsGone });
    const again = await startSeveral({
      place,
      tools: later,
      env: { ...env, BACKUP_NAME_TEMPLATE: "{db}-{timestamp}" },
    }).exited;
    expect(again.exitCode).toBe(1);
    const after = values("last_success_timestamp_seconds");
    // c was dropped.
    expect(Object.keys(after).toSorted()).toEqual(["a", "b", "d"]);
    expect([after["b"], (after["a"] ?? 0) > (before["a"] ?? 0)]).toEqual([before["b"], true]);
  });
});

describe("the daemon", () => {
  let running: RunningDbstash | undefined;
  afterEach(async () => {
    running?.signal("SIGTERM");
    await running?.exited;
    if (running !== undefined) await waitUntilGone(running.id);
    running = undefined;
  });
  const start = (env: Record<string, string>): RunningDbstash => {
    goOn(tools.dir);
    running = startSeveral({ place, tools, env: { BACKUP_SCHEDULE: "0 0 * * *", ...env } });
    return running;
  };
  const lately = (minutes: number): string => stamp(Date.now() - minutes * 60_000);
  const skipped = "no backup at the start: ";
  /** Whether a daemon that begins with a run makes it, or leaves it. */
  const began = async (env: Record<string, string> = {}): Promise<boolean> => {
    const daemon = start({ BACKUP_ON_START: "true", ...env });
    const line = await daemon.waitForLine(({ msg }) => msg.startsWith(skipped) || msg === "backup started");
    return line.msg === "backup started";
  };

  test("reads all back by one listing; one that is overdue is not ready, until the server has it no more", async () => {
    const port = await freePort();
    const ask = async (path: string): Promise<{ status: number; text: string }> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, text: await response.text() };
    };
    const rows = async (): Promise<string[]> =>
      [
        ...(await ask("/metrics")).text.matchAll(
          /^dbstash_last_success_timestamp_seconds\{.*database="(\w+)"/gm,
        ),
      ].map(([, name = ""]) => name);
    for (const name of ["a", "c", "x"]) put(`${name}-${lately(5)}.sql`);
    put(`b-${day(1)}.sql`);
    start({ HEALTH_PORT: String(port), BACKUP_DATABASES: "* !x" });
    const late = await waitFor("b to be missed", async () => {
      const answer = await ask("/readyz");
      return answer.status === 503 && answer;
    });
    expect(late.text).toContain("b in ");
    expect([(await rows()).toSorted(), calls("lsjson")]).toEqual([["a", "b", "c"], 1]);
    running?.signal("SIGTERM");
    await running?.exited;
    tools.has(["a", "c", "x"]);
    start({ HEALTH_PORT: String(port), BACKUP_DATABASES: "* !x", BACKUP_SCHEDULE: "* * * * * *" });
    await running?.waitForLine(({ msg }) => msg === "backup stored");
    expect([(await ask("/readyz")).status, (await rows()).toSorted()]).toEqual([200, ["a", "c"]]);
  });

  test("makes no backup at its start where one of any database is younger than ten minutes", async () => {
    put(`b-${lately(9)}.sql`);
    put(`a-${lately(60)}.sql`);
    expect(await began()).toBe(false);
    expect(calls("lsjson")).toBe(1);
  });

  test("makes one where the youngest is older, or of a database that is not named", async () => {
    put(`a-${lately(11)}.sql`);
    put(`x-${lately(1)}.sql`);
    expect(await began({ BACKUP_DATABASES: "* !x" })).toBe(true);
    await running?.waitForLine(({ msg }) => msg === "backup stored");
    expect(new Set(namesOf(place))).toEqual(new Set(["a", "b", "c", "x"]));
  });

  test("of one database, too; a place that lacks it wants one, a place that does not answer has no say", async () => {
    using other = localPlace();
    const one = { DB_NAME: "a", BACKUP_DATABASES: "" };
    put(`a-${lately(1)}.sql`);
    put(`b-${lately(1)}.sql`);
    expect(await began({ ...one, RCLONE_EXTRA_REMOTES: "missing:x" })).toBe(false);
    running?.signal("SIGTERM");
    await running?.exited;
    expect(await began({ ...one, RCLONE_EXTRA_REMOTES: other.remote })).toBe(true);
  });

  test("by when the file was written, where names tell the day alone", async () => {
    const env = { BACKUP_NAME_TEMPLATE: "{db}-{date}" };
    const name = `a-${new Date().toISOString().slice(0, 10)}.sql`;
    put(name);
    expect(await began(env)).toBe(false);
    running?.signal("SIGTERM");
    await running?.exited;
    const hourAgo = Date.now() / 1000 - 3600;
    utimesSync(join(place.remote, name), hourAgo, hourAgo);
    expect(await began(env)).toBe(true);
  });

  test("where no place answers it makes one", async () => {
    expect(await began({ RCLONE_REMOTE: "missing:x" })).toBe(true);
  });
});
