import { describe, expect } from "bun:test";
import { existsSync } from "node:fs";
import { needs } from "../support/components.ts";
import type { LogLine } from "../support/dbstash.ts";
import { waitUntilGone } from "../support/procs.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";
import { goOn, pauseHere, untilThere } from "./edges.ts";
import { localPlace, startFaultRun } from "./places.ts";
import { expectSeveral, namesOf, severalTools, startSeveral } from "./several-databases.ts";

const { test } = needs("rclone-current");

const denied = "echo 'pg_dump: error: permission denied for table t' >&2; exit 1";
const twoFail = { b: denied, d: "echo 'pg_dump: error: out of shared memory' >&2; exit 1" };

describe("a run over several databases", () => {
  test("has one summary, one message to each webhook, one ping, and each hook once around it", async () => {
    using place = localPlace();
    await using receiver = startWebhook();
    const urls = ["json+", "ntfy+", "teams+", ""].map((prefix) => `${prefix}${receiver.url}/${prefix}told`);
    using tools = severalTools(["a", "b", "c", "d"], twoFail);
    const env = {
      BACKUP_PARALLEL: "2",
      NOTIFY_WEBHOOK_URL: urls.join(" "),
      PING_URL: `${receiver.url}/ping`,
      HOOK_PRE_BACKUP: 'echo "pre $DBSTASH_DATABASE $(tr -d "\\n " <"$DBSTASH_RESULTS_FILE")"',
      HOOK_POST_BACKUP:
        'echo "post $DBSTASH_STATUS $DBSTASH_DATABASES $DBSTASH_FAILED [$DBSTASH_FILE] $DBSTASH_SIZE"; stat -c "mode %a" "$DBSTASH_RESULTS_FILE" "$(dirname "$DBSTASH_RESULTS_FILE")"; echo "path $DBSTASH_RESULTS_FILE"; echo "json $(tr -d "\\n" <"$DBSTASH_RESULTS_FILE")"',
    };
    const result = await startSeveral({ place, tools, env }).exited;
    await expectSeveral(result, place, {
      exitCode: 1,
      stored: ["a", "c"],
      failed: ["b", "d"],
      error: /^2 of 4 databases failed: b: .*permission denied.*; d: .*out of shared memory/,
    });
    const { requests } = receiver;
    expect(requests).toHaveLength(urls.length + 2);
    const [start, end] = requests.filter(({ path }) => path.startsWith("/ping"));
    const rid = new URL(start?.path ?? "", "http://h").searchParams.get("rid");
    expect([start?.path, end?.path]).toEqual([`/ping/start?rid=${rid}`, `/ping/fail?rid=${rid}`]);
    expect(rid).toBe(String(result.lastLine?.["backup_id"]));
    for (const { path, body, headers } of requests.filter((each) => each.path.endsWith("told"))) {
      // ntfy has the title, and the summary, apart from its text.
      const text = path === "/ntfy+told" ? body : body.slice(body.indexOf("2 of them") + 1);
      const at = ["b: pg_dump", "d: pg_dump", "2 stored, 2 failed"].map((word) => text.indexOf(word));
      if (path === "/json+told") continue;
      expect({ path, headers, body, at }).toMatchObject({ at: at.toSorted((x, y) => x - y) });
      expect(at[0]).toBeGreaterThan(-1);
    }
    expect(requests.find(({ path }) => path === "/json+told")?.json).toMatchObject({
      status: "failure",
      databases: 4,
      failed: 2,
      failed_names: "b, d",
      bytes: result.lastLine?.["bytes"],
      exit_code: 1,
    });
    const output = result.lines.flatMap((line) =>
      typeof line["output"] === "string" ? [line["output"]] : [],
    );
    const of = (word: string): string[] =>
      output.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
    expect(of("pre")).toEqual(["* []"]);
    expect(of("post")).toEqual([`failure 4 2 [] ${String(result.lastLine?.["bytes"])}`]);
    expect(of("mode")).toEqual(["600", "700"]);
    expect(existsSync(of("path")[0] ?? "")).toBe(false);
    const rows = JSON.parse(of("json")[0] ?? "") as { file: string; backup_id: string }[];
    expect(rows).toMatchObject([
      { database: "a", status: "success", error: null, places: [{ status: "success" }] },
      { database: "b", status: "failure", error: expect.stringContaining("permission denied") },
      { database: "c", status: "success" },
      { database: "d", status: "failure", bytes: null },
    ]);
    expect(place.published()).toEqual([rows[0]?.file ?? "", rows[2]?.file ?? ""]);
    // Each is a backup of its own.
    expect(new Set([rid, ...rows.map((row) => row.backup_id)]).size).toBe(5);
    const ofB = result.lines.filter(({ database }) => database === "b");
    expect(new Set(ofB.map((line) => line["backup_id"]))).toEqual(new Set([rows[1]?.backup_id]));
  });

  test("is told as text, too: each failure by its name, and the summary last", async () => {
    using place = localPlace();
    using tools = severalTools(["a", "b"], { b: denied });
    const { stdout, exitCode } = await startSeveral({ place, tools, env: { LOG_FORMAT: "text" } }).exited;
    const lines = stdout.trimEnd().split("\n");
    expect(exitCode).toBe(1);
    expect(lines.filter((line) => /database failed/.test(line))).toEqual([
      expect.stringMatching(/database=b.*permission denied/),
    ]);
    expect(lines.at(-1)).toMatch(/backup failed .*databases=2 failed=1 failed_names=b .*exit_code=1/);
  });

  test("is one success, where all are stored", async () => {
    using place = localPlace();
    await using receiver = startWebhook();
    using tools = severalTools(["a", "b"]);
    const env = {
      NOTIFY_WEBHOOK_URL: `json+${receiver.url}/told`,
      NOTIFY_ON: "always",
      PING_URL: `${receiver.url}/ping`,
    };
    const result = await startSeveral({ place, tools, env }).exited;
    await expectSeveral(result, place, { exitCode: 0, stored: ["a", "b"] });
    expect(receiver.requests.map(({ path }) => path.replace(/\?.*/, "")).toSorted()).toEqual([
      "/ping",
      "/ping/start",
      "/told",
    ]);
  });
});

describe("the lock", () => {
  const isSkip = ({ msg }: LogLine): boolean => msg.includes("skipped");

  test("of one database in another job's hands leaves it to that one; of all, nothing is done", async () => {
    using place = localPlace();
    using locks = tempFolder("locks");
    await using receiver = startWebhook();
    using tools = severalTools(["a", "b", "c"], { b: `${pauseHere()}; whole` });
    const env = {
      XDG_RUNTIME_DIR: locks.path,
      NOTIFY_WEBHOOK_URL: `json+${receiver.url}`,
      NOTIFY_ON: "failure",
    };
    const other = startFaultRun({ place, tools, env: { ...env, DB_NAME: "b", DUMP_EXTRA_ARGS: "" } });
    await untilThere(tools.dir);
    const result = await startSeveral({ place, tools, env }).exited;
    expect(result.lastLine).toMatchObject({ databases: 2, failed: 0, warnings: 1, exit_code: 3 });
    expect(String(result.lastLine?.["error"])).toMatch(/^b was skipped: another run /);
    expect([result.exitCode, namesOf(place)]).toEqual([3, ["a", "c"]]);
    expect(receiver.requests).toHaveLength(1);
    const all = await startSeveral({ place, tools, env: { ...env, BACKUP_DATABASES: "b" } }).exited;
    expect(all.lastLine).toMatchObject({
      level: "warn",
      msg: "backup skipped",
      status: "skipped",
      databases: 0,
      exit_code: 4,
    });
    expect([all.exitCode, receiver.requests.length]).toEqual([4, 1]);
    goOn(tools.dir);
    expect((await other.exited).exitCode).toBe(0);
    expect(namesOf(place)).toEqual(["a", "b", "c"]);
    for (const { id } of [other, result, all]) await waitUntilGone(id);
  });

  test("of the job's run keeps a second one of it away, whatever database that one is at", async () => {
    using place = localPlace();
    using locks = tempFolder("locks");
    using tools = severalTools(["a", "b"], { b: `${pauseHere()}; whole` });
    const env = { XDG_RUNTIME_DIR: locks.path };
    const first = startSeveral({ place, tools, env });
    await untilThere(tools.dir);
    const second = await startSeveral({ place, tools, env }).exited;
    expect(second.lastLine).toMatchObject({ level: "warn", status: "skipped", exit_code: 4 });
    expect([second.exitCode, second.lines.filter(isSkip).length]).toEqual([4, 1]);
    goOn(tools.dir);
    expect([(await first.exited).exitCode, namesOf(place)]).toEqual([0, ["a", "b"]]);
  });
});

describe("what can't be", () => {
  test("a pattern that matches nothing, and a name that is not there, fail by name; the others are backed up", async () => {
    using place = localPlace();
    using tools = severalTools(["shop", "crm"]);
    const result = await startSeveral({ place, tools, env: { BACKUP_DATABASES: "shop stoc* crn" } }).exited;
    expect(result.lastLine).toMatchObject({ databases: 3, failed: 2, exit_code: 1 });
    const error = String(result.lastLine?.["error"]);
    expect(error).toContain('no database of the server matches "stoc*"');
    expect(error).toContain('the server has no database "crn"');
    expect(result.lines.find(({ database }) => database === "crn")?.["hint"]).toBe('there is "crm"');
    expect([result.exitCode, namesOf(place)]).toEqual([1, ["shop"]]);
  });

  test("settings that exclude each other are refused, all at once, before anything runs", async () => {
    using place = localPlace();
    using tools = severalTools(["a"]);
    const env = { DB_NAME: "a", BACKUP_ALL_DATABASES: "true", BACKUP_NAME_TEMPLATE: "x-{timestamp}" };
    const { exitCode, stderr } = await startSeveral({ place, tools, env }).exited;
    expect(exitCode).toBe(2);
    for (const words of [
      "BACKUP_DATABASES (--backup-databases) and DB_NAME (--db-name) exclude each other",
      "BACKUP_DATABASES (--backup-databases) and BACKUP_ALL_DATABASES (--backup-all-databases) exclude each other",
      "BACKUP_NAME_TEMPLATE (--backup-name-template) must hold {db} with BACKUP_DATABASES",
    ])
      expect(stderr).toContain(words);
    expect([tools.calls("psql"), place.files()]).toEqual([[], []]);
  });

  for (const BACKUP_PARALLEL of ["1", "2"])
    test(`two names that a place does not tell apart both fail: so many at once: ${BACKUP_PARALLEL}`, async () => {
      using place = localPlace();
      using tools = severalTools(["Shop", "crm", "shop"]);
      const env = {
        BACKUP_PARALLEL,
        RCLONE_REMOTE: "store:",
        RCLONE_CONFIG_STORE_TYPE: "alias",
        RCLONE_CONFIG_STORE_REMOTE: `:local,case_insensitive=true:${place.remote}`,
      };
      const result = await startSeveral({ place, tools, env }).exited;
      await expectSeveral(result, place, {
        exitCode: 1,
        stored: ["crm"],
        failed: ["Shop", "shop"],
        error:
          /^2 of 3 databases failed: Shop, shop: another database has the same name but for upper and lower case/,
      });
      expect(tools.dumped).toEqual(["crm"]);
    });
});
