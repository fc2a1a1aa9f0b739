import { afterAll, beforeAll, describe, expect } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { type FileServer, startSftp } from "../support/sftp.ts";
import { type ExpectedEnd, expectEnd, newBackup } from "./edges.ts";
import { type Place, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old", "sshd");

const old = ["app-20260101T000000Z.sql", "app-20260102T000000Z.sql"];
const partial = /^\.app-.*\.partial$/;
const renaming = ["rename", "posix-rename"];

/** What a server that speaks SFTP refuses, and what comes of it. */
const cases: readonly (readonly [
  title: string,
  denied: readonly string[],
  expected: ExpectedEnd,
])[] = [
  ["nothing", [], { exitCode: 0, files: [newBackup] }],
  [
    "to write",
    ["open", "write"],
    { exitCode: 1, error: /rclone failed .*permission denied/i, hint: /refuses these credentials/, files: old },
  ],
  [
    "to list",
    ["opendir", "readdir"],
    { exitCode: 3, error: /could not be checked: .*permission denied/i, files: [newBackup, ...old] },
  ],
  [
    "to read",
    ["read"],
    { exitCode: 3, error: /could not be checked: .*permission denied/i, files: [newBackup, ...old] },
  ],
  [
    "to rename",
    renaming,
    { exitCode: 1, error: /rclone moveto failed.*permission denied/i, hint: /refuses/, files: old },
  ],
  [
    "to delete",
    ["remove"],
    // An old rclone then tries to remove a folder of that name, and tells what came of that.
    { exitCode: 3, error: /retention failed: .*(permission denied|does not exist)/i, files: [newBackup, ...old] },
  ],
  [
    "to rename or delete",
    [...renaming, "remove"],
    { exitCode: 1, error: /rclone moveto failed.*permission denied/i, files: [partial, ...old] },
  ],
  [
    "to list or read",
    ["opendir", "readdir", "read"],
    { exitCode: 3, error: /could not be checked: .*permission denied/i, files: [newBackup, ...old] },
  ],
  [
    "to list, read or delete",
    ["opendir", "readdir", "read", "remove"],
    { exitCode: 3, error: /could not be checked: .*permission denied/i, files: [newBackup, ...old] },
  ],
];

for (const [title, denied, expected] of cases)
  describe(`an SFTP server that refuses ${title}`, () => {
    let server: FileServer;
    beforeAll(async () => {
      server = await startSftp({ denied });
    });
    afterAll(() => server.stop());

    for (const rclone of ["current", "old"] as const)
      test(`by the ${rclone} rclone`, async () => {
        using place = placeOn(server, rclone);
        using fakes = tools({ pg_dump: wholeDump(60_000) });
        const env = { RETENTION_MAX_FILES: "1", DUMP_EXTRA_ARGS: "" };
        const result = await startFaultRun({ place, tools: fakes, rclone, env }).exited;
        await expectEnd(result, place, expected);
        if (result.exitCode === 0) expect(place.files()).not.toEqual(expect.arrayContaining(old));
      });
  });

/** A folder of its own on the server, with two earlier backups in it. */
function placeOn(server: FileServer, name: string): Place {
  const folder = join(server.dir, name);
  mkdirSync(folder);
  for (const file of old) writeFileSync(join(folder, file), "old");
  const files = (): string[] => readdirSync(folder);
  return {
    remote: server.remotePath("store", name),
    env: server.remoteEnv("store"),
    files,
    published: files,
    [Symbol.dispose]: () => undefined,
  };
}
