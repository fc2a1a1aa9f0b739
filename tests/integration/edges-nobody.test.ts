import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type NobodysResult, startAsNobody } from "../support/as-nobody.ts";
import { nobody, type TempFolder, tempFolder } from "../support/temp.ts";
import { earlier } from "./edges-steps.ts";
import { wholeDump } from "./whole-dump.ts";

const dump = wholeDump(60_000);
const once = { DUMP_EXTRA_ARGS: "", RETENTION_MAX_FILES: "1", LOG_FORMAT: "json" };

/** The end of a run: its exit code, its last line, and the private folders that it has left. */
function expectEnd(
  folder: TempFolder,
  { exitCode, lastLine = "{}", stderr }: NobodysResult,
  expected: { readonly exitCode: number; readonly error?: RegExp; readonly hint?: RegExp },
): void {
  const line = JSON.parse(lastLine) as Record<string, unknown>;
  expect([line["exit_code"], exitCode, stderr]).toEqual([expected.exitCode, expected.exitCode, ""]);
  if (expected.error === undefined) expect(line["error"]).toBeUndefined();
  else expect(String(line["error"])).toMatch(expected.error);
  if (expected.hint !== undefined) expect(String(line["hint"])).toMatch(expected.hint);
  expect(readdirSync(folder.file("tmp")).filter((name) => !name.endsWith(".lock"))).toEqual([]);
}

// Root may do everything: only another user can be refused something, and only root can become one.
if (process.getuid?.() === 0) {
  describe("a local folder that refuses the user of a run", () => {
    const isNew = (name: string) => name.startsWith("app-") && !earlier.includes(name);
    const cases = [
      {
        title: "to write",
        mode: 0o555,
        expected: { exitCode: 1, error: /permission denied/, hint: /user dbstash runs as needs the right/ },
        stored: 0,
      },
      {
        title: "to list",
        mode: 0o333,
        expected: { exitCode: 3, error: /could not be checked: .*permission denied/ },
        stored: 1,
      },
      {
        title: "to remove others' files",
        mode: 0o1777,
        expected: { exitCode: 3, error: /^retention failed: .*operation not permitted/ },
        stored: 1,
      },
      {
        title: "even to enter it",
        mode: 0o600,
        expected: { exitCode: 1, error: /permission denied/, hint: /user dbstash runs as needs the right/ },
        stored: 0,
      },
    ] as const;
    for (const { title, mode, expected, stored } of cases)
      test(title, async () => {
        using folder = tempFolder("refusing");
        const out = folder.file("refusing");
        mkdirSync(out);
        for (const name of earlier) writeFileSync(join(out, name), "old");
        chmodSync(out, mode);
        const running = startAsNobody(folder, { pg_dump: dump }, { ...once, RCLONE_REMOTE: out });
        expectEnd(folder, await running.exited, expected);
        const names = readdirSync(out);
        expect(names.filter(isNew)).toHaveLength(stored);
        expect(names.filter((name) => !isNew(name)).toSorted()).toEqual(earlier);
      });
  });

  describe("a work folder that can't be removed", () => {
    /** A pg_dump of directory mode that leaves a folder in which nothing may be removed. */
    const stubborn =
      'for word; do case $word in --file=*) dir=${word#*=}; mkdir -p "$dir/sub" && echo data | tee "$dir/toc.dat" >"$dir/sub/data" && chmod 555 "$dir/sub" ;; esac; done';
    for (const mode of ["directory", "tar"] as const)
      test(`costs no stored backup in ${mode} mode, and goes with a later run`, async () => {
        using folder = tempFolder("stubborn");
        const work = folder.file("work");
        mkdirSync(work);
        chownSync(work, nobody.uid, nobody.gid);
        const env = { ...once, BACKUP_MODE: mode, BACKUP_TEMP_DIR: work };
        const result = await startAsNobody(folder, { pg_dump: stubborn }, env).exited;
        const error =
          /work\/dbstash-\w{6} could not be removed, and is left to a later run: .*permission denied/;
        expectEnd(folder, result, { exitCode: 3, error });
        expect(readdirSync(folder.file("out"))).toHaveLength(1);
        const [left = "", ...more] = readdirSync(work);
        expect(more).toEqual([]);
        for (const path of readdirSync(join(work, left), { recursive: true, encoding: "utf8" }))
          if (path.endsWith("sub")) chmodSync(join(work, left, path), 0o755);
        using next = tempFolder("next");
        const later = {
          ...env,
          BACKUP_NAME_TEMPLATE: "later-{db}-{timestamp}",
          RCLONE_REMOTE: folder.file("out"),
        };
        const tame = stubborn.replace(' && chmod 555 "$dir/sub"', "");
        expectEnd(next, await startAsNobody(next, { pg_dump: tame }, later).exited, { exitCode: 0 });
        expect(readdirSync(work)).toEqual([]);
      });
  });

  test("a work folder that can't be measured for a while ends no dump by the stall clock, nor throws", async () => {
    using folder = tempFolder("unmeasured");
    const work = folder.file("work");
    mkdirSync(work);
    chownSync(work, nobody.uid, nobody.gid);
    const closed =
      'for word; do case $word in --file=*) dir=${word#*=}; mkdir -p "$dir/sub" && echo data | tee "$dir/toc.dat" >"$dir/sub/data" && chmod 000 "$dir/sub" && sleep 5 && chmod 700 "$dir/sub" ;; esac; done';
    const env = { ...once, BACKUP_MODE: "directory", BACKUP_TEMP_DIR: work, BACKUP_STALL_TIMEOUT: "3s" };
    const result = await startAsNobody(folder, { pg_dump: closed }, env).exited;
    expectEnd(folder, result, { exitCode: 0 });
    expect(existsSync(work) && readdirSync(work)).toEqual([]);
  });
}
