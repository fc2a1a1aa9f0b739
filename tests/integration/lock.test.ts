import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLibc } from "../../src/process/libc.ts";
import { takeLock } from "../../src/process/lock.ts";
import { needs } from "../support/components.ts";
import { runDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const { describe, test } = needs("postgresql", "rclone-current");

describe("two processes and one job", () => {
  let pg: PostgresServer;
  let folder: TempFolder;
  beforeAll(async () => {
    pg = await startPostgres();
    await pg.createDatabase("shop");
    await pg.createDatabase("stock");
  }, 60_000);
  afterAll(() => pg.stop());

  /** What both processes are given: one target, one folder for locks. */
  function settings(name: string): Record<string, string> {
    folder = tempFolder(name);
    for (const made of ["locks", "out"]) mkdirSync(folder.file(made));
    return {
      DB_URI: pg.uri("shop"),
      RCLONE_REMOTE: folder.file("out"),
      XDG_RUNTIME_DIR: folder.file("locks"),
      PATH_GO: folder.file("go"),
      PATH_BEGAN: folder.file("began"),
    };
  }
  const stored = (): string[] => readdirSync(folder.file("out"));
  const began = (): Promise<boolean> =>
    waitFor("the first run's hook", () => existsSync(folder.file("began")));
  const held = 'touch "$PATH_BEGAN"; while [ ! -e "$PATH_GO" ]; do sleep 0.05; done';

  test("the second one is skipped with exit code 4 while the first one goes on", async () => {
    const env = settings("lock-held");
    const first = startDbstash("pg", { env: { ...env, HOOK_PRE_BACKUP: held } });
    await began();
    const second = await runDbstash("pg", { env });
    expect(second.exitCode).toBe(4);
    expect(second.lastLine).toMatchObject({ level: "warn", status: "skipped", exit_code: 4 });
    expect(stored()).toEqual([]);
    writeFileSync(folder.file("go"), "");
    expect((await first.exited).exitCode).toBe(0);
    expect(stored()).toHaveLength(1);
    folder.remove();
  });

  for (const [what, difference] of [
    ["another database", () => ({ DB_URI: pg.uri("stock") })],
    ["another target", () => ({ RCLONE_REMOTE: folder.file("elsewhere") })],
    ["another template", () => ({ BACKUP_NAME_TEMPLATE: "other-{db}-{timestamp}" })],
    ["BACKUP_LOCK=false", () => ({ BACKUP_LOCK: "false", BACKUP_NAME_TEMPLATE: "{db}-{uuid}-{timestamp}" })],
  ] as const)
    test(`the second one runs with ${what}`, async () => {
      const env = settings("lock-other");
      const first = startDbstash("pg", { env: { ...env, HOOK_PRE_BACKUP: held } });
      await began();
      expect((await runDbstash("pg", { env: { ...env, ...difference() } })).exitCode).toBe(0);
      writeFileSync(folder.file("go"), "");
      expect((await first.exited).exitCode).toBe(0);
      folder.remove();
    });

  test("the lock of a killed process frees itself", async () => {
    const env = settings("lock-killed");
    const first = startDbstash("pg", { env: { ...env, HOOK_PRE_BACKUP: held } });
    await began();
    expect((await runDbstash("pg", { env })).exitCode).toBe(4);
    first.signal("SIGKILL");
    expect((await first.exited).signal).toBe("SIGKILL");
    await waitUntilGone(first.id);
    expect((await runDbstash("pg", { env })).exitCode).toBe(0);
    expect(stored()).toHaveLength(1);
    folder.remove();
  });

  test("two jobs that write the same name at the same moment don't both believe they stored it", async () => {
    const env = { ...settings("lock-name"), BACKUP_NAME_TEMPLATE: "{db}-fixed" };
    using slow = fakeTools({ pg_dump: `${held}; exec ${join(pg.binDir, "pg_dump")} "$@"` });
    const first = startDbstash("pg", { env, path: [slow.dir] });
    await began();
    const elsewhere = { ...env, BACKUP_NAME_TEMPLATE: "shop-fixed" };
    const second = await runDbstash("pg", { env: elsewhere });
    expect(second.exitCode).toBe(1);
    expect(second.lastLine?.["error"]).toBe("another job writes shop-fixed.sql at this moment");
    writeFileSync(folder.file("go"), "");
    expect((await first.exited).exitCode).toBe(0);
    expect((await runDbstash("pg", { env: elsewhere })).exitCode).toBe(0);
    expect([stored(), readdirSync(folder.file("locks"))]).toEqual([["shop-fixed.sql"], []]);
    folder.remove();
  });

  test("where one folder takes no lock file the next one does", () => {
    settings("lock-next");
    writeFileSync(folder.file("file"), "");
    const folders = [folder.file("file"), folder.file("locks")];
    const libc = openLibc();
    const lock = takeLock(libc, folders, "a job");
    expect(takeLock(libc, folders.toReversed(), "a job").kind).toBe("held");
    if (lock.kind === "locked") lock.release();
    expect(takeLock(libc, folders, "a job").kind).toBe("locked");
    folder.remove();
  });

  test("where no folder takes a lock file the reasons are told", () => {
    settings("lock-none");
    const outcome = takeLock(openLibc(), [folder.file("gone"), folder.file("too")], "a job");
    expect(outcome).toMatchObject({ kind: "unsupported", reason: expect.stringMatching(/gone.*; .*too/) });
    folder.remove();
  });
});
