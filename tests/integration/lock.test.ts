import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { needs } from "../support/components.ts";
import { runDbstash, startDbstash } from "../support/dbstash.ts";
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

  test("where no lock file can be made the run goes on with a warning", async () => {
    const env = settings("lock-none");
    writeFileSync(folder.file("file"), "");
    const run = await runDbstash("pg", { env: { ...env, XDG_RUNTIME_DIR: folder.file("file") } });
    expect(run.exitCode).toBe(0);
    expect(run.lines.filter(({ level, msg }) => level === "warn" && /lock/.test(msg))).toHaveLength(1);
    folder.remove();
  });
});
