import { describe, expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { tempFolder } from "../support/temp.ts";
import { type ExpectedEnd, expectEnd, killGuard, newBackup, pauseHere, smallPlace, untilThere } from "./edges.ts";
import { localPlace, rcloneExcept, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current");

const old = ["app-20260101T000000Z.sql", "app-20260102T000000Z.sql"];
const dump = wholeDump(60_000);
/** A pg_dump of directory mode. */
const folderDump =
  'for word; do case $word in --file=*) mkdir "${word#*=}" && echo data >"${word#*=}/toc.dat" ;; esac; done';
const lost = /the process that guards this run's processes was killed/;
const failed = { exitCode: 1, error: lost, files: old };
const kept = { exitCode: 3, error: lost, files: [newBackup, ...old] };

interface Case {
  readonly title: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly expected: ExpectedEnd;
}

/** A stand-in for rclone that stands still before it does this, or when it has done it. */
const before = (verb: string) => rcloneExcept(verb, `${pauseHere()}; exec "$REAL" "$@"`);
const after = (verb: string) => rcloneExcept(verb, `"$REAL" "$@"; code=$?; ${pauseHere()}; exit $code`);

const steps: readonly Case[] = [
  {
    title: "in the pre hook",
    env: { HOOK_PRE_BACKUP: pauseHere("$PAUSE") },
    expected: failed,
  },
  { title: "while the place is listed", scripts: { rclone: before("lsjson") }, expected: failed },
  { title: "before the dump's first byte", scripts: { pg_dump: pauseHere() }, expected: failed },
  { title: "in the middle of the dump", scripts: { pg_dump: `${dump}\n${pauseHere()}` }, expected: failed },
  { title: "at the end of the upload", scripts: { rclone: after("rcat") }, expected: failed },
  { title: "while it is verified", scripts: { rclone: before("cat") }, expected: failed },
  { title: "before the rename", scripts: { rclone: before("moveto") }, expected: failed },
  { title: "when the rename is done", scripts: { rclone: after("moveto") }, expected: kept },
  { title: "before retention", scripts: { rclone: before("delete") }, expected: kept },
  {
    title: "in the post hook",
    env: { HOOK_POST_BACKUP: pauseHere("$PAUSE") },
    expected: { ...kept, files: [newBackup] },
  },
  {
    title: "in the middle of a dump into a folder",
    scripts: { pg_dump: `${folderDump}; ${pauseHere()}` },
    env: { BACKUP_MODE: "directory" },
    expected: failed,
  },
  {
    title: "when a folder's files are uploaded",
    scripts: { pg_dump: folderDump, rclone: after("copy") },
    env: { BACKUP_MODE: "directory" },
    expected: failed,
  },
  {
    title: "when a folder has its manifest",
    scripts: { pg_dump: folderDump, rclone: after("rcat") },
    env: { BACKUP_MODE: "directory" },
    expected: failed,
  },
];

describe("a guard that is killed", () => {
  for (const { title, scripts = {}, env = {}, expected } of steps)
    test(title, async () => {
      using place = localPlace();
      for (const name of old) writeFileSync(join(place.remote, name), "old");
      using fakes = tools({ pg_dump: dump, ...scripts });
      const own = { RETENTION_MAX_FILES: "1", DUMP_EXTRA_ARGS: "", PAUSE: fakes.dir, ...env };
      const running = startFaultRun({ place, tools: fakes, env: own });
      await untilThere(fakes.dir);
      killGuard(running);
      await expectEnd(await running.exited, place, expected);
    });
});
