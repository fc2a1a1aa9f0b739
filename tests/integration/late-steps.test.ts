import { expect } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import type { DbstashResult } from "../support/dbstash.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { localPlace, rcloneExcept, startFaultRun, tools } from "./places.ts";

const { describe, test } = needs("rclone-current");

describe("BACKUP_STALL_TIMEOUT", () => {
  const env = { BACKUP_STALL_TIMEOUT: "3s" };

  test("does not bind what comes after the upload", async () => {
    using place = localPlace();
    using fakes = tools({
      pg_dump: "echo data",
      rclone: rcloneExcept("moveto", 'sleep 4; exec "$REAL" "$@"'),
    });
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    expect(place.published()).toHaveLength(1);
  });

  test("does not bind the post hook of a failed dump", async () => {
    using place = localPlace();
    using folder = tempFolder("hook");
    using fakes = tools({ pg_dump: "exit 1" });
    const hook = `sleep 4; : >'${folder.file("done")}'`;
    const result = await startFaultRun({ place, tools: fakes, env: { ...env, HOOK_POST_BACKUP: hook } })
      .exited;
    expect(existsSync(folder.file("done"))).toBe(true);
    expect(result.lines.filter((line) => line.level === "warn")).toEqual([]);
    expect(result.exitCode).toBe(1);
  });
});

describe("a signal after the backup is stored", () => {
  test("ends a post hook that is under way", async () => {
    using place = localPlace();
    using folder = tempFolder("hook");
    using fakes = tools({ pg_dump: "echo data" });
    const env = { HOOK_POST_BACKUP: `: >'${folder.file("begun")}'; sleep 600` };
    const running = startFaultRun({ place, tools: fakes, env });
    await waitFor("the hook", () => existsSync(folder.file("begun")));
    running.signal("SIGTERM");
    const result = await within8s(running.exited);
    expectStoredWithWarning(result, "HOOK_POST_BACKUP was ended: stopped by SIGTERM");
    await waitUntilGone(result.id);
  });

  test("ends a removal that is under way", async () => {
    using place = localPlace();
    writeFileSync(join(place.remote, "app-20200101T000000Z.sql"), "old");
    using fakes = tools({
      pg_dump: "echo data",
      rclone: rcloneExcept("delete", ': >"$FAKE_DIR/begun"; exec sleep 600'),
    });
    const running = startFaultRun({ place, tools: fakes, env: { RETENTION_MAX_FILES: "1" } });
    await waitFor("the removal", () => existsSync(join(fakes.dir, "begun")));
    running.signal("SIGTERM");
    const result = await within8s(running.exited);
    expectStoredWithWarning(result, "retention failed: stopped by SIGTERM");
    expect(readdirSync(place.remote)).toHaveLength(2);
  });
});

async function within8s(exited: Promise<DbstashResult>): Promise<DbstashResult> {
  const startedMs = performance.now();
  const result = await exited;
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  return result;
}

function expectStoredWithWarning(result: DbstashResult, warning: string): void {
  expect(result.lines.filter((line) => line.level === "warn").map((line) => line.msg)).toContain(warning);
  expect(result.lastLine).toMatchObject({ status: "success", exit_code: 3 });
  expect(result.exitCode).toBe(3);
}
