import { expect } from "bun:test";
import { needs } from "../support/components.ts";
import { waitUntilGone } from "../support/procs.ts";
import { startWebhook } from "../support/webhook.ts";
import { localPlace, startFaultRun, tools } from "./places.ts";
import { expectSeveral, serverIsGone, severalTools, startSeveral } from "./several-databases.ts";
import { wholeDump } from "./whole-dump.ts";

const { describe, test } = needs("rclone-current");

/** A pg_dump that ends badly until its n-th call. */
const goodFrom = (call: number, badly: string): string =>
  `case "$*" in *--version*) exit 0;; esac
echo >>"$FAKE_DIR/../tries"; [ "$(wc -l <"$FAKE_DIR/../tries")" -ge ${call} ] || { ${badly}; }\n${wholeDump(3000)}`;
const away = "echo 'pg_dump: error: connection to server failed: Connection refused' >&2; exit 1";

/** The end of a run of this pg_dump, and what was told of it. */
async function run(pgDump: string, env: Record<string, string>) {
  using place = localPlace();
  using fakes = tools({ pg_dump: pgDump });
  await using receiver = startWebhook();
  const told = {
    PING_URL: `${receiver.url}/ping`,
    NOTIFY_WEBHOOK_URL: `json+${receiver.url}/told`,
    NOTIFY_ON: "always",
  };
  const hooks = {
    HOOK_PRE_BACKUP: "echo before",
    HOOK_POST_BACKUP: 'echo "after: $(tr -d "\\n " <"$DBSTASH_RESULTS_FILE")"',
  };
  const result = await startFaultRun({
    place,
    tools: fakes,
    env: { ...told, ...hooks, BACKUP_RETRY_DELAY: "1ms", ...env },
  }).exited;
  await waitUntilGone(result.id);
  return {
    result,
    calls: fakes.calls("pg_dump").filter((words) => !words.includes("--version")).length,
    published: place.published(),
    paths: receiver.requests.map(({ path }) => path),
    message: receiver.requests.findLast(({ path }) => path === "/told")?.json as
      | Record<string, unknown>
      | undefined,
    hooks: result.lines.flatMap(({ output }) =>
      typeof output === "string" && /^(before|after)/.test(output) ? [output] : [],
    ),
    again: result.lines.filter(({ msg }) => msg === "a try failed, and another one will follow"),
  };
}

describe("a backup that fails", () => {
  test("is tried again inside the same run: one message, one ping, each hook once", async () => {
    const { result, calls, published, paths, message, hooks, again } = await run(goodFrom(3, away), {
      BACKUP_RETRIES: "5",
    });
    expect([result.exitCode, calls, published.length]).toEqual([0, 3, 1]);
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    const error = expect.stringContaining("Connection refused") as string;
    expect(again).toMatchObject([
      { level: "warn", error },
      { level: "warn", error },
    ]);
    expect(result.lines.filter(({ level }) => level === "error")).toHaveLength(0);
    const [start, ...rest] = paths;
    const rid = new URL(start ?? "", "http://h").searchParams.get("rid");
    expect(start).toBe(`/ping/start?rid=${rid}`);
    expect(rest.toSorted()).toEqual([`/ping?rid=${rid}`, "/told"]);
    expect(message).toMatchObject({ status: "success", exit_code: 0 });
    // Each try has an id of its own: what is told is the one that the backup was stored under.
    expect(message?.["backup_id"]).not.toBe(rid);
    expect(result.lastLine?.["backup_id"]).toBe(message?.["backup_id"]);
    expect(hooks).toHaveLength(2);
    expect(JSON.parse(hooks[1]?.replace("after: ", "") ?? "")).toMatchObject([
      { database: "app", status: "success", file: published[0], error: null },
    ]);
  });

  test("at every try fails of the last cause", async () => {
    const { result, calls, published, message } = await run(goodFrom(9, away), { BACKUP_RETRIES: "2" });
    expect([result.exitCode, calls, published]).toEqual([1, 3, []]);
    expect(String(message?.["error"])).toContain("Connection refused");
  });

  test("by standing still is tried again", async () => {
    const { result, calls } = await run(goodFrom(2, "head -c 3000 /dev/zero; exec sleep 600"), {
      BACKUP_RETRIES: "1",
      BACKUP_STALL_TIMEOUT: "3s",
    });
    expect([result.exitCode, calls]).toEqual([0, 2]);
  });

  test("by a refused login is not: the account could be locked", async () => {
    const refused = `echo 'pg_dump: error: FATAL:  password authentication failed for user "joe"' >&2; exit 1`;
    const { result, calls } = await run(goodFrom(2, refused), { BACKUP_RETRIES: "3" });
    expect([result.exitCode, calls]).toEqual([1, 1]);
  });

  test("is tried no longer than BACKUP_TIMEOUT allows", async () => {
    const { result, calls } = await run(goodFrom(9, away), {
      BACKUP_RETRIES: "9",
      BACKUP_RETRY_DELAY: "1h",
      BACKUP_TIMEOUT: "6s",
    });
    expect([result.exitCode, calls]).toEqual([1, 1]);
    expect(String(result.lastLine?.["error"])).toContain("Connection refused");
  });
});

test("a signal between two tries ends the run at once", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: goodFrom(9, away) });
  const env = { BACKUP_RETRIES: "9", BACKUP_RETRY_DELAY: "1h" };
  const running = startFaultRun({ place, tools: fakes, env });
  await running.waitForLine(({ msg }) => msg === "waiting for another try");
  running.signal("SIGTERM");
  const result = await running.exited;
  expect(result.exitCode).toBe(1);
  expect(String(result.lastLine?.["error"])).toContain("Connection refused");
});

test("a schedule that is stopped between two tries waits for no other one", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: goodFrom(9, away) });
  const schedule = { BACKUP_SCHEDULE: "0 0 1 1 *", BACKUP_ON_START: "true", HEALTH_PORT: "0" };
  const env = { ...schedule, BACKUP_RETRIES: "9", BACKUP_RETRY_DELAY: "1h" };
  const running = startFaultRun({ place, tools: fakes, env, timeoutMs: 20_000 });
  await running.waitForLine(({ msg }) => msg === "waiting for another try");
  running.signal("SIGTERM");
  const result = await running.exited;
  expect(result.exitCode).toBe(0);
  expect(result.lines.findLast(({ msg }) => msg === "backup failed")).toMatchObject({
    error: expect.stringContaining("Connection refused") as string,
  });
});

describe("a server that does not say which databases it has", () => {
  const onceAway = `[ -e "$FAKE_DIR/../asked" ] || { : >"$FAKE_DIR/../asked"; ${serverIsGone}; }`;
  const refused = `echo 'psql: error: FATAL:  password authentication failed for user "joe"' >&2; exit 2`;

  test("is asked again as a backup is tried again", async () => {
    using place = localPlace();
    using fakes = severalTools(["crm", "shop"], {}, { psql: onceAway });
    const env = { BACKUP_RETRIES: "1", BACKUP_RETRY_DELAY: "1ms" };
    const result = await startSeveral({ place, tools: fakes, env }).exited;
    await expectSeveral(result, place, { exitCode: 0, stored: ["crm", "shop"] });
  });

  test("is asked once where it refuses the login", async () => {
    using place = localPlace();
    using fakes = severalTools(["shop"], {}, { psql: refused });
    const env = { BACKUP_RETRIES: "3", BACKUP_RETRY_DELAY: "1ms" };
    const result = await startSeveral({ place, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({
      exit_code: 1,
      error: expect.stringContaining("password authentication failed") as string,
    });
    expect(result.lines.filter(({ msg }) => msg === "waiting for another try")).toEqual([]);
  });
});
