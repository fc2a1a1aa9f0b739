import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { descendants, waitUntilGone } from "../support/procs.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startProxy } from "../support/proxy.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { goOn, pauseHere, untilThere } from "./edges.ts";
import { localPlace, privateFolders, rcloneExcept } from "./places.ts";
import { canMount, withDisk } from "./small-disk.ts";
import {
  expectSeveral,
  namesOf,
  serverIsGone,
  severalTools,
  type SeveralTools,
  startSeveral,
} from "./several-databases.ts";

const { test } = needs("rclone-current");

const ten = Array.from({ length: 10 }, (_, index) => `db${index}`);
/** Where a dump has begun and goes on and on. */
const stuck = `head -c 300000 /dev/zero; ${pauseHere()}; exec sleep 600`;
const swiftMs = 15_000;

for (const parallel of ["1", "3"]) {
  describe(`so many at once: ${parallel}`, () => {
    const BACKUP_PARALLEL = parallel;

    test("a dump that fails, or dies, is one backup less", async () => {
      using place = localPlace();
      const bodies = { b: "echo 'permission denied' >&2; exit 1", d: "whole; kill -9 $$" };
      using tools = severalTools(["a", "b", "c", "d", "e"], bodies);
      const result = await startSeveral({ place, tools, env: { BACKUP_PARALLEL } }).exited;
      await expectSeveral(result, place, {
        exitCode: 1,
        stored: ["a", "c", "e"],
        failed: ["b", "d"],
        error: /^2 of 5 databases failed: b: pg_dump failed .*permission denied; d: pg_dump .*SIGKILL/,
      });
    });

    test("an rclone that dies takes its own backup with it alone", async () => {
      using place = localPlace();
      const rclone = rcloneExcept("rcat", 'case "$*" in *c-2*) head -c 100 >/dev/null; kill -9 $$ ;; esac');
      using tools = severalTools(["a", "b", "c", "d"], { c: "head -c 5000000 /dev/zero" }, { rclone });
      const result = await startSeveral({ place, tools, env: { BACKUP_PARALLEL } }).exited;
      await expectSeveral(result, place, {
        exitCode: 1,
        stored: ["a", "b", "d"],
        failed: ["c"],
        error: /^1 of 4 databases failed: c: rclone .*SIGKILL/,
      });
    });

    test("a server that dies in the third of ten: the first two stand, the others are named", async () => {
      using place = localPlace();
      const later = Object.fromEntries(ten.slice(3).map((name) => [name, serverIsGone]));
      const dying = `head -c 3000 /dev/zero; echo 'connection lost' >&2; exit 1`;
      using tools = severalTools(ten, { db2: dying, ...later });
      const result = await startSeveral({ place, tools, env: { BACKUP_PARALLEL } }).exited;
      await expectSeveral(result, place, {
        exitCode: 1,
        stored: ten.slice(0, 2),
        failed: ten.slice(2),
        error:
          /^8 of 10 databases failed: db2: .*connection lost; db3, db4, db5 and 4 more: .*Connection refused/,
      });
    });

    for (const [signal, exitCode] of [
      parallel === "1" ? (["SIGINT", 130] as const) : (["SIGTERM", 143] as const),
    ])
      test(`${signal} in the middle ends what is on at once, and begins nothing more`, async () => {
        using place = localPlace();
        using tools = severalTools(["a", "b", "c", "d", "e", "f"], { b: stuck, c: "exec sleep 600" });
        const running = startSeveral({ place, tools, env: { BACKUP_PARALLEL } });
        await untilThere(tools.dir);
        await running.waitForLine(({ msg, database }) => msg === "database stored" && database === "a");
        if (parallel === "3") await waitFor("d", () => namesOf(place).includes("f"));
        const sinceMs = performance.now();
        running.signal(signal);
        const result = await running.exited;
        expect(performance.now() - sinceMs).toBeLessThan(swiftMs);
        const stored = parallel === "1" ? ["a"] : ["a", "d", "e", "f"];
        await expectSeveral(result, place, {
          exitCode,
          stored,
          failed: ["a", "b", "c", "d", "e", "f"].filter((name) => !stored.includes(name)),
          partialMayStay: true,
          error: new RegExp(`of 6 databases failed: b, c.*: stopped by ${signal}$`),
        });
        expect(tools.dumped).toEqual(parallel === "1" ? ["a", "b"] : expect.anything());
      });

    test("BACKUP_TIMEOUT is the whole run's", async () => {
      using place = localPlace();
      using tools = severalTools(["a", "b", "c", "d", "e"], { b: stuck, c: stuck, d: stuck });
      const env = { BACKUP_PARALLEL, BACKUP_TIMEOUT: "8s" };
      const result = await startSeveral({ place, tools, env }).exited;
      await expectSeveral(result, place, {
        exitCode: 1,
        stored: ["a"],
        failed: ["b", "c", "d", "e"],
        error: /^4 of 5 databases failed: b, c, d and 1 more: the run took longer than 8 s/,
      });
      expect(tools.dumped).not.toContain("e");
    });

    test("SIGKILL publishes nothing more, and leaves no process and no private folder", async () => {
      using place = localPlace();
      using temp = tempFolder("private");
      using tools = severalTools(["a", "b", "c"], { b: stuck });
      const running = startSeveral({ place, tools, env: { BACKUP_PARALLEL, TMPDIR: temp.path } });
      await untilThere(tools.dir);
      const wanted = parallel === "1" ? ["a"] : ["a", "c"];
      await waitFor("the others", () => namesOf(place).join() === wanted.join());
      const family = descendants(running.pid).map(({ pid }) => pid);
      running.signal("SIGKILL");
      expect((await running.exited).signal).toBe("SIGKILL");
      await waitUntilGone(running.id, 15_000);
      await waitFor("the guard's end", () => family.every((pid) => !existsSync(`/proc/${pid}`)), 15_000);
      expect(namesOf(place)).toEqual(wanted);
      expect(privateFolders(temp.path)).toEqual([]);
    });
  });
}

describe("the question for databases", () => {
  for (const [what, psql, error] of [
    [
      "is refused",
      "echo 'psql: error: Connection refused' >&2; exit 2",
      /can't be asked.*Connection refused/,
    ],
    ["is answered in half", 'printf \'{"name": "a\'; exit 0', /can't be asked/],
    ["dies", "kill -9 $$", /can't be asked/],
  ] as const)
    test(`that ${what}: nothing is dumped, and that is told`, async () => {
      using place = localPlace();
      using tools = severalTools(["a", "b"], {}, { psql });
      const env = { HOOK_POST_BACKUP: 'echo "after $DBSTASH_STATUS $DBSTASH_DATABASES $DBSTASH_ERROR"' };
      const result = await startSeveral({ place, tools, env }).exited;
      await waitUntilGone(result.id);
      expect(result.lastLine).toMatchObject({
        msg: "backup failed",
        status: "failure",
        databases: 0,
        failed: 0,
        bytes: null,
        exit_code: 1,
      });
      expect(String(result.lastLine?.["error"])).toMatch(error);
      expect([result.exitCode, tools.dumped, place.files()]).toEqual([1, [], []]);
      expect(result.lines.some(({ output }) => String(output).startsWith("after failure 0 "))).toBe(true);
    });

  test("is ended by a signal at once", async () => {
    using place = localPlace();
    using tools = severalTools(["a"], {}, { psql: `${pauseHere()}; sleep 600` });
    const running = startSeveral({ place, tools });
    await untilThere(tools.dir);
    running.signal("SIGTERM");
    const result = await running.exited;
    await waitUntilGone(result.id);
    expect(result.lastLine).toMatchObject({ exit_code: 143, error: "stopped by SIGTERM", databases: 0 });
    expect([result.exitCode, place.files()]).toEqual([143, []]);
  });
});

describe("a database that is dropped between the question and its dump", () => {
  const gone = `whole >/dev/null; ${pauseHere()}; echo "FATAL: database \\"$db\\" does not exist" >&2; exit 1`;

  test("is a warning", async () => {
    using place = localPlace();
    using tools = severalTools(["a", "b", "c"], { b: gone });
    const running = startSeveral({ place, tools });
    await untilThere(tools.dir);
    tools.has(["a", "c"]);
    goOn(tools.dir);
    await waitUntilGone(running.id);
    const result = await running.exited;
    expect(result.lastLine).toMatchObject({ databases: 2, failed: 0, exit_code: 3, warnings: 1 });
    expect(String(result.lastLine?.["error"])).toBe("b was dropped before it could be backed up");
    expect([result.exitCode, namesOf(place)]).toEqual([3, ["a", "c"]]);
  });

  test("is a failure where the server can't be asked again", async () => {
    using place = localPlace();
    const psql = '[ ! -e "$FAKE_DIR/there" ] || exit 2';
    using tools = severalTools(["a", "b", "c"], { b: gone }, { psql });
    const running = startSeveral({ place, tools });
    await untilThere(tools.dir);
    goOn(tools.dir);
    await expectSeveral(await running.exited, place, {
      exitCode: 1,
      stored: ["a", "c"],
      failed: ["b"],
      error: /^1 of 3 databases failed: b: .*does not exist/,
    });
  });
});

// Elsewhere no disk of a test's own can be had.
if (await canMount())
  for (const BACKUP_PARALLEL of ["1", "2"])
    test(`a disk that is too small for one takes the others: so many at once: ${BACKUP_PARALLEL}`, () =>
      withDisk("size=2m", async (disk) => {
        using place = localPlace(disk.path);
        using tools = severalTools(["a", "b", "c"], { b: "whole; exec head -c 9000000 /dev/zero" });
        const result = await startSeveral({ place, tools, env: { BACKUP_PARALLEL } }).exited;
        await expectSeveral(result, place, {
          exitCode: 1,
          stored: ["a", "c"],
          failed: ["b"],
          error: /^1 of 3 databases failed: b: .*no space left on device/,
        });
      }));

test("a configuration in which tokens are saved is used by one rclone at a time, whatever database it is for", async () => {
  using place = localPlace();
  using folder = tempFolder("config");
  const { path } = folder;
  writeFileSync(folder.file("rclone.conf"), "[drive]\ntype = drive\n");
  // The real one, on a folder in the place of the drive.
  const rclone = `[ "$1" = rcat ] || mkdir "${path}/busy" || echo "$@" >>"${path}/overlaps"
verb=$1
for word; do shift; case $word in drive:*) word="${place.remote}/\${word#*:}" ;; esac; set -- "$@" "$word"; done
${componentPath("rclone-current")} "$@"; code=$?
[ $verb = rcat ] || { sleep 0.05; rmdir "${path}/busy"; }
exit $code`;
  using tools = severalTools(["a", "b", "c", "d"], {}, { rclone });
  const env = {
    BACKUP_PARALLEL: "3",
    RCLONE_REMOTE: "drive:",
    RCLONE_CONFIG_FILE: folder.file("rclone.conf"),
  };
  const result = await startSeveral({ place, tools, env }).exited;
  await expectSeveral(result, place, { exitCode: 0, stored: ["a", "b", "c", "d"] });
  expect(existsSync(folder.file("overlaps"))).toBe(false);
});

describe("BACKUP_RETRIES", () => {
  /** Fails at the first try of each. */
  const first = `[ -e "$FAKE_DIR/$db" ] || { : >"$FAKE_DIR/$db"; ${serverIsGone}; }; whole`;

  for (const BACKUP_PARALLEL of ["1", "2"])
    test(`tries those again that failed, and no other: so many at once: ${BACKUP_PARALLEL}`, async () => {
      using place = localPlace();
      using tools = severalTools(["a", "b", "c", "d"], { b: first, d: first });
      const env = { BACKUP_PARALLEL, BACKUP_RETRIES: "2", BACKUP_RETRY_DELAY: "1ms" };
      const result = await startSeveral({ place, tools, env }).exited;
      await expectSeveral(result, place, { exitCode: 0, stored: ["a", "b", "c", "d"] });
      expect(tools.dumped.toSorted()).toEqual(["a", "b", "b", "c", "d", "d"]);
      expect(result.lines.filter(({ msg }) => msg.startsWith("a try failed"))).toHaveLength(2);
    });

  test("one that fails at every try is told of its last cause, once", async () => {
    using place = localPlace();
    using tools = severalTools(["a", "b"], { b: serverIsGone });
    const env = { BACKUP_RETRIES: "1", BACKUP_RETRY_DELAY: "1ms" };
    const result = await startSeveral({ place, tools, env }).exited;
    await expectSeveral(result, place, {
      exitCode: 1,
      stored: ["a"],
      failed: ["b"],
      error: /^1 of 2 databases failed: b: .*Connection refused/,
    });
    expect(tools.dumped).toEqual(["a", "b", "b"]);
    expect(result.lines.filter(({ msg }) => msg === "database failed")).toHaveLength(1);
  });

  test("a signal while it waits for another try names what failed", async () => {
    using place = localPlace();
    using tools = severalTools(["a", "b"], { b: serverIsGone });
    const env = { BACKUP_RETRIES: "1", BACKUP_RETRY_DELAY: "1h" };
    const running = startSeveral({ place, tools, env });
    await running.waitForLine(({ msg }) => msg === "waiting for another try");
    running.signal("SIGTERM");
    await expectSeveral(await running.exited, place, {
      exitCode: 1,
      stored: ["a"],
      failed: ["b"],
      error: /Connection refused/,
    });
  });
});

describe("the daemon", () => {
  const schedule = { BACKUP_SCHEDULE: "0 0 1 1 *", BACKUP_ON_START: "true" };

  test("lets what is on come to its end, and begins no other", async () => {
    using place = localPlace();
    using tools = severalTools(["a", "b", "c"], { b: `${pauseHere()}; whole` });
    const running = startSeveral({ place, tools, env: schedule });
    await untilThere(tools.dir);
    running.signal("SIGTERM");
    await running.waitForLine(({ msg }) => msg.startsWith("stopping: "));
    goOn(tools.dir);
    const result = await running.exited;
    await waitUntilGone(result.id);
    const summary = result.lines.find(({ msg }) => msg === "backup failed");
    expect(summary).toMatchObject({ databases: 3, failed: 1, failed_names: "c", exit_code: 143 });
    expect([namesOf(place), result.exitCode]).toEqual([["a", "b"], 143]);
    expect(result.lastLine).toMatchObject({ msg: "schedule stopped", exit_code: 143 });
  });

  test("ends what is on at the second signal", async () => {
    using place = localPlace();
    using tools = severalTools(["a", "b", "c"], { b: stuck });
    const running = startSeveral({ place, tools, env: schedule });
    await untilThere(tools.dir);
    running.signal("SIGTERM");
    await running.waitForLine(({ msg }) => msg.startsWith("stopping: "));
    running.signal("SIGTERM");
    const result = await running.exited;
    await waitUntilGone(result.id);
    const summary = result.lines.find(({ msg }) => msg === "backup failed");
    expect(summary).toMatchObject({ databases: 3, failed_names: "b, c", exit_code: 143 });
    expect([namesOf(place), result.exitCode]).toEqual([["a"], 143]);
  });
});

const real = needs("postgresql", "rclone-current");
real.describe("a real server", () => {
  let pg: PostgresServer;
  beforeAll(async () => {
    pg = await startPostgres();
    for (const name of ten) {
      await pg.createDatabase(name);
      await pg.sql("CREATE TABLE t AS SELECT generate_series(1, 100) AS n", name);
    }
  }, 60_000);
  afterAll(() => pg.stop());

  /** Its own tools, but that the dump of one database waits for the word to go on. */
  const waitsAt = (name: string): SeveralTools => {
    const dump = `exec ${join(pg.binDir, "pg_dump")} "$@"`;
    const psql = `exec ${join(pg.binDir, "psql")} "$@"`;
    return severalTools([], { [name]: `${pauseHere()}; ${dump}`, "*": dump }, { psql });
  };

  for (const BACKUP_PARALLEL of ["1", "3"])
    real.test(`dies in the third of ten: so many at once: ${BACKUP_PARALLEL}`, async () => {
      using place = localPlace();
      await using proxy = await startProxy({ port: pg.port });
      using tools = waitsAt("db2");
      const env = {
        BACKUP_PARALLEL,
        BACKUP_DATABASES: "db*",
        DB_HOST: "",
        DB_USER: "",
        DB_PASSWORD: "",
        DB_URI: pg.uri("postgres", { port: proxy.port }),
      };
      const running = startSeveral({ place, tools, env });
      await untilThere(tools.dir);
      const others = BACKUP_PARALLEL === "1" ? ["db0", "db1"] : ten.filter((name) => name !== "db2");
      await waitFor("the others", () => others.every((name) => namesOf(place).includes(name)));
      proxy.cut();
      goOn(tools.dir);
      await expectSeveral(await running.exited, place, {
        exitCode: 1,
        stored: others,
        failed: ten.filter((name) => !others.includes(name)),
        error: /^\d of 10 databases failed: db2/,
      });
    });

  real.test("loses a database between the question and its dump, and has another one by then", async () => {
    using place = localPlace();
    using tools = waitsAt("db2");
    const env = {
      DB_HOST: "",
      DB_USER: "",
      DB_PASSWORD: "",
      DB_URI: pg.uri(),
      BACKUP_DATABASES: "db* !db?0",
    };
    const running = startSeveral({ place, tools, env });
    await untilThere(tools.dir);
    await pg.sql("DROP DATABASE db2");
    await pg.createDatabase("db9new");
    goOn(tools.dir);
    const result = await running.exited;
    await waitUntilGone(result.id);
    expect(result.lastLine).toMatchObject({ databases: 9, failed: 0, warnings: 1, exit_code: 3 });
    expect(String(result.lastLine?.["error"])).toBe("db2 was dropped before it could be backed up");
    expect(namesOf(place)).toEqual(ten.filter((name) => name !== "db2"));
    const [file = ""] = place.published();
    expect(readFileSync(join(place.remote, file), "utf8")).toContain("CREATE TABLE public.t");
  });
});
