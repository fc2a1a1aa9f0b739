import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import { EventEmitter } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { readSettings } from "../../src/config/config.ts";
import { type DaemonParts, runDaemon } from "../../src/daemon/daemon.ts";
import { postgres } from "../../src/engine/postgres/postgres.ts";
import { resolveJob } from "../../src/job/job.ts";
import { createLogger } from "../../src/logger.ts";
import { systemDoors } from "../../src/notify/webhook.ts";
import { openLibc } from "../../src/process/libc.ts";
import { loggedProgress } from "../../src/run/progress.ts";
import { listenToSignals } from "../../src/signals.ts";
import { componentPath, needs } from "../support/components.ts";
import {
  type DbstashOptions,
  killAll,
  runDbstash,
  type RunningDbstash,
  startDbstash,
} from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { freePort, systemPath, waitFor } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const { describe, test } = needs("postgresql", "rclone-current");

const never = "0 0 1 1 *";
const stored = { msg: "backup stored" };

describe("the long-lived process", () => {
  let pg: PostgresServer;
  let folder: TempFolder;
  let port: number;
  const started: RunningDbstash[] = [];
  beforeAll(async () => {
    pg = await startPostgres();
    await pg.createDatabase("shop");
  }, 60_000);
  afterAll(() => pg.stop());
  beforeEach(async () => {
    folder = tempFolder("daemon");
    mkdirSync(folder.file("out"));
    port = await freePort();
  });
  afterEach(async () => {
    await killAll(started);
    folder.remove();
  });

  function settings(more: Record<string, string> = {}): Record<string, string> {
    return {
      DB_URI: pg.uri("shop"),
      RCLONE_REMOTE: folder.file("out"),
      BACKUP_SCHEDULE: never,
      HEALTH_PORT: String(port),
      PATH_GO: folder.file("go"),
      PATH_BEGAN: folder.file("began"),
      ...more,
    };
  }
  function start(more: Record<string, string> = {}, options: DbstashOptions = {}): RunningDbstash {
    const daemon = startDbstash("pg", { ...options, env: settings(more) });
    started.push(daemon);
    return daemon;
  }
  const backups = (): string[] => readdirSync(folder.file("out"));
  const ask = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const health = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await ask("/healthz")).text) as Record<string, unknown>;
  const held = 'touch "$PATH_BEGAN"; while [ ! -e "$PATH_GO" ]; do sleep 0.05; done';
  const began = (): Promise<boolean> => waitFor("the run's hook", () => existsSync(folder.file("began")));
  const line = (daemon: RunningDbstash, msg: string): Promise<unknown> =>
    daemon.waitForLine((found) => found.msg.startsWith(msg));

  test("backs up by its schedule until it is told to stop, and ends with 0", async () => {
    const daemon = start({ BACKUP_SCHEDULE: "* * * * * *" });
    expect(await daemon.waitForLine(({ msg }) => msg === "schedule started")).toMatchObject({
      schedule: "* * * * * *",
      time_zone: "UTC",
      next_run: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    await waitFor("three backups", () => daemon.lines.filter(({ msg }) => msg === stored.msg).length >= 3);
    const text = (await ask("/metrics")).text;
    expect(Number(/runs_total\{.*status="success"\} (\d+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(3);
    expect(text).toMatch(/runs_total\{.*status="failure"\} 0/);
    daemon.signal("SIGTERM");
    const { exitCode, lines, lastLine, leftovers } = await daemon.exited;
    expect(exitCode).toBe(0);
    expect(lastLine).toMatchObject({ msg: "schedule stopped", exit_code: 0 });
    expect(leftovers.filter((file) => !file.endsWith(".lock"))).toEqual([]);
    expect(backups()).toHaveLength(lines.filter(({ msg }) => msg === stored.msg).length);
    await waitUntilGone(daemon.id);
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`${signal} while it waits ends it at once with 0`, async () => {
      const daemon = start();
      await line(daemon, "schedule started");
      daemon.signal(signal);
      expect(await daemon.exited).toMatchObject({ exitCode: 0, lastLine: { msg: "schedule stopped" } });
      expect(backups()).toEqual([]);
      await waitUntilGone(daemon.id);
    });

  test("the first signal lets a running backup finish", async () => {
    const daemon = start({ BACKUP_ON_START: "true", HOOK_PRE_BACKUP: held });
    await began();
    daemon.signal("SIGTERM");
    await line(daemon, "stopping: the running backup gets 30 s to finish");
    expect(await health()).toMatchObject({ status: "healthy", running: true });
    writeFileSync(folder.file("go"), "");
    const { exitCode, lines } = await daemon.exited;
    expect(exitCode).toBe(0);
    expect(lines.filter(({ msg }) => msg === stored.msg)).toHaveLength(1);
    expect(backups()).toHaveLength(1);
    await waitUntilGone(daemon.id);
  });

  for (const [first, second, code] of [
    ["SIGTERM", "SIGTERM", 143],
    ["SIGTERM", "SIGINT", 130],
    ["SIGINT", "SIGINT", 130],
  ] as const)
    test(`${first}, then ${second} aborts a running dump at once with ${code} and leaves nothing`, async () => {
      using tools = fakeTools({
        pg_dump: `case "$*" in *--version*) exec ${pg.binDir}/pg_dump --version ;; esac
echo "-- PostgreSQL database dump"; head -c 1000000 /dev/zero; exec sleep 600`,
      });
      const daemon = start({ BACKUP_ON_START: "true" }, { path: [tools.dir] });
      await waitFor("a staged upload", () => backups().some((name) => name.endsWith(".partial")));
      daemon.signal(first);
      await line(daemon, "stopping: ");
      const beganMs = Date.now();
      daemon.signal(second);
      const { exitCode, lastLine } = await daemon.exited;
      expect(exitCode).toBe(code);
      expect(Date.now() - beganMs).toBeLessThan(15_000);
      expect(lastLine).toMatchObject({ msg: "schedule stopped", exit_code: code });
      expect(backups()).toEqual([]);
      await waitUntilGone(daemon.id);
    });

  test("tells what it is doing by its health server, before, during and after a run", async () => {
    const daemon = start({ BACKUP_ON_START: "true", HOOK_PRE_BACKUP: held });
    await began();
    expect(await health()).toMatchObject({
      status: "healthy",
      engine: "pg",
      last_backup: null,
      last_status: "pending",
      running: true,
    });
    expect((await ask("/readyz")).status).toBe(200);
    writeFileSync(folder.file("go"), "");
    await line(daemon, "waiting for the next run");
    const after = await health();
    expect(after).toMatchObject({ last_status: "success", running: false });
    expect(Date.parse(String(after["last_backup"]))).toBeGreaterThan(Date.now() - 60_000);
    expect(String(after["next_backup"])).toMatch(/-01-01T00:00:00.000Z$/);
  });

  test("is not ready after a failed run, and says so in its metrics", async () => {
    const daemon = start({ BACKUP_ON_START: "true", HOOK_PRE_BACKUP: "exit 7" });
    await line(daemon, "waiting for the next run");
    expect(await ask("/readyz")).toMatchObject({ status: 503, text: expect.stringContaining("failed") });
    expect(await health()).toMatchObject({ status: "healthy", last_status: "failure", last_backup: null });
    expect((await ask("/metrics")).text).toMatch(/runs_total\{.*status="failure"\} 1/);
    daemon.signal("SIGTERM");
    expect((await daemon.exited).exitCode).toBe(0);
  });

  test("reads the last success back from the remote after a restart", async () => {
    expect((await runDbstash("pg", { env: settings({ BACKUP_SCHEDULE: "once" }) })).exitCode).toBe(0);
    start();
    const back = await waitFor("the last success", async () => {
      const answer = await health();
      return answer["last_backup"] !== null && answer;
    });
    expect(back).toMatchObject({ last_status: "pending", running: false });
    expect(Date.parse(String(back["last_backup"]))).toBeGreaterThan(Date.now() - 60_000);
    expect((await ask("/metrics")).text).toMatch(/last_backup_bytes\{.*\} [1-9]/);
  });

  test("finds a backup overdue that was due while it was down", async () => {
    writeFileSync(folder.file("out/shop-20260101T000000Z.sql"), "old");
    start({ BACKUP_SCHEDULE: "0 0 * * *" });
    expect(
      await waitFor("readiness to be refused", async () => {
        const answer = await ask("/readyz");
        return answer.status === 503 && answer;
      }),
    ).toMatchObject({ text: expect.stringContaining("a backup was due by 2026-01-02T01:00:00.000Z") });
  });

  test("goes on without the last success when the remote can't be read", async () => {
    const daemon = start({ RCLONE_REMOTE: "missing:bucket" });
    expect(await daemon.waitForLine(({ msg }) => msg.includes("could not be read back"))).toMatchObject({
      level: "warn",
    });
    expect(await health()).toMatchObject({ status: "healthy", last_backup: null });
  });

  test("skips and counts a scheduled run while the one before it is on", async () => {
    const daemon = start({ BACKUP_SCHEDULE: "* * * * * *", HOOK_PRE_BACKUP: held });
    await line(daemon, "scheduled run skipped");
    await waitFor("a skip in the metrics", async () =>
      /runs_total\{.*status="skipped"\} [1-9]/.test((await ask("/metrics")).text),
    );
    expect(daemon.lines.filter(({ msg }) => msg === "backup started")).toHaveLength(1);
    writeFileSync(folder.file("go"), "");
    await line(daemon, "backup stored");
  });

  test("skips and counts a run whose job another process has locked", async () => {
    mkdirSync(folder.file("locks"));
    const locks = { XDG_RUNTIME_DIR: folder.file("locks") };
    const other = startDbstash("pg", {
      env: settings({ ...locks, BACKUP_SCHEDULE: "once", HOOK_PRE_BACKUP: held }),
    });
    started.push(other);
    await began();
    const daemon = start({ ...locks, BACKUP_ON_START: "true" });
    await line(daemon, "backup skipped: another run of this job holds the lock");
    await waitFor("a skip in the metrics", async () =>
      /runs_total\{.*status="skipped"\} 1/.test((await ask("/metrics")).text),
    );
    expect(await health()).toMatchObject({ last_status: "pending" });
    daemon.signal("SIGTERM");
    expect((await daemon.exited).exitCode).toBe(0);
    writeFileSync(folder.file("go"), "");
    expect((await other.exited).exitCode).toBe(0);
  });

  test("refuses a health port that is in use with exit code 2", async () => {
    const blocker = Bun.serve({ port, reusePort: false, fetch: () => new Response("") });
    try {
      const { exitCode, stderr } = await runDbstash("pg", { env: settings() });
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`HEALTH_PORT (--health-port): port ${port} is in use`);
    } finally {
      await blocker.stop(true);
    }
  });

  test("the health server can be switched off", async () => {
    const daemon = start({ HEALTH_PORT: "0" });
    expect(await daemon.waitForLine(({ msg }) => msg === "schedule started")).toMatchObject({
      health_port: null,
    });
    daemon.signal("SIGTERM");
    expect((await daemon.exited).exitCode).toBe(0);
  });

  /** A daemon in this process, with a clock of the test's own. */
  function startHere(place: TempFolder, env: Record<string, string>, own: Partial<DaemonParts>) {
    const all = { DB_URI: pg.uri("shop"), RCLONE_REMOTE: folder.file("out"), HEALTH_PORT: "0", ...env };
    const reading = readSettings("pg", { flags: new Map(), env: all, readFile: () => "" });
    const lines: string[] = [];
    const log = createLogger({
      level: "debug",
      format: "text",
      fields: {},
      redact: (text) => text,
      now: () => new Date(),
      write: (text) => lines.push(text),
      colour: false,
    });
    const process = new EventEmitter();
    const tools = { PATH: `${pg.binDir}:${dirname(componentPath("rclone-current"))}:${systemPath}` };
    const ended = runDaemon({
      version: "1.0.0",
      job: resolveJob(postgres, reading, all),
      expression: never,
      doors: {
        libc: openLibc(),
        log,
        redact: (text) => text,
        now: () => new Date(),
        toolEnv: tools,
        hookEnv: { ...tools },
        tempRoot: place.path,
        lockFolders: [place.path],
        progress: loggedProgress(
          () => undefined,
          () => 0,
        ),
        notify: systemDoors,
        stop: new AbortController().signal,
        host: "localhost",
        giveUp: new AbortController().signal,
        onUncaught: () => () => undefined,
      },
      signals: listenToSignals(process),
      clock: { now: () => new Date(), wait: systemDoors.wait },
      drainMs: 200,
      ...own,
    });
    return { process, lines, ended };
  }

  test("a backup that does not finish in its time is aborted with the first signal's code", async () => {
    using place = tempFolder("drain");
    const env = { BACKUP_ON_START: "true", HOOK_PRE_BACKUP: "exec sleep 600" };
    const { process, lines, ended } = startHere(place, env, {});
    await waitFor("the hook", () => lines.some((text) => text.includes("backup started")));
    process.emit("SIGTERM");
    expect(await ended).toBe(143);
    expect(lines.filter((text) => text.includes("gets 0.2 s to finish"))).toHaveLength(1);
    expect(lines.at(-1)).toContain("schedule stopped exit_code=143");
    expect(backups()).toEqual([]);
  });

  test("is ready again after a failure once a backup made by hand stands there", async () => {
    using place = tempFolder("by-hand");
    // The quarter of an hour between two looks passes at once.
    const wait = (ms: number, signal: AbortSignal) => systemDoors.wait(ms === 900_000 ? 100 : ms, signal);
    const env = { BACKUP_ON_START: "true", HOOK_PRE_BACKUP: "exit 7", HEALTH_PORT: String(port) };
    const { process, lines, ended } = startHere(place, env, { clock: { now: () => new Date(), wait } });
    await waitFor("the failure", () => lines.some((text) => text.includes("backup failed")));
    expect((await ask("/readyz")).status).toBe(503);
    const byHand = { DB_URI: pg.uri("shop"), RCLONE_REMOTE: folder.file("out") };
    // The names tell seconds.
    await waitFor("another second", () => Date.now() - Date.parse(`${lastStart(lines)}`) > 1000);
    expect((await runDbstash("pg", { env: byHand })).exitCode).toBe(0);
    await waitFor("readiness", async () => (await ask("/readyz")).status === 200);
    expect((await ask("/metrics")).text).toMatch(/last_run_success\{.*\} 1/);
    process.emit("SIGTERM");
    await ended;
  });
});

/** When the last run began, by its line of the log. */
function lastStart(lines: readonly string[]): string | undefined {
  return lines.findLast((text) => text.includes("backup started"))?.split(" ")[0];
}
