import { afterAll, beforeAll, describe, expect } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { type FileServer, startSftp } from "../support/sftp.ts";
import type { S3Right } from "../support/small-s3.ts";
import { type ExpectedEnd, expectEnd, newBackup, smallPlace } from "./edges.ts";
import { type Place, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old", "sshd");

const old = ["app-20260101T000000Z.sql", "app-20260102T000000Z.sql"];
const partial = /^\.app-.*\.partial$/;
const kept = { exitCode: 3, files: [newBackup, ...old] };
const refused = /refuses these credentials the right/;
const renaming = ["rename", "posix-rename"];

/** What a server that speaks SFTP refuses, and what comes of it. */
const cases: readonly (readonly [title: string, denied: readonly string[], expected: ExpectedEnd])[] = [
  ["nothing", [], { exitCode: 0, files: [newBackup] }],
  [
    "to write",
    ["open", "write"],
    { exitCode: 1, error: /rclone failed .*permission denied/i, hint: refused, files: old },
  ],
  [
    "to list",
    ["opendir", "readdir"],
    { ...kept, error: /could not be checked: .*permission denied/i, hint: refused },
  ],
  ["to read", ["read"], { ...kept, error: /could not be checked: .*permission denied/i, hint: refused }],
  [
    "to rename",
    renaming,
    { exitCode: 1, error: /rclone moveto failed.*permission denied/i, hint: refused, files: old },
  ],
  [
    "to delete",
    ["remove"],
    // An old rclone then tries to remove a folder of that name, and tells what came of that.
    { ...kept, error: /retention failed: .*(permission denied|does not exist)/i },
  ],
  [
    "to rename or delete",
    [...renaming, "remove"],
    { exitCode: 1, error: /rclone moveto failed.*permission denied/i, files: [partial, ...old] },
  ],
  [
    "to list or read",
    ["opendir", "readdir", "read"],
    { ...kept, error: /could not be checked: .*permission denied/i, hint: refused },
  ],
  [
    "to list, read or delete",
    ["opendir", "readdir", "read", "remove"],
    { ...kept, error: /could not be checked: .*permission denied/i, hint: refused },
  ],
];

for (const [title, denied, expected] of cases)
  describe(`an SFTP server that refuses ${title}`, () => {
    let server: FileServer;
    beforeAll(async () => {
      server = await startSftp({ denied });
    });
    afterAll(() => server.stop());

    // Two refusals at once differ by nothing that an old rclone would do in another way.
    for (const rclone of denied.length > 2 ? (["current"] as const) : (["current", "old"] as const))
      test(`by the ${rclone} rclone`, async () => {
        using place = placeOn(server, rclone);
        using fakes = tools({ pg_dump: wholeDump(60_000) });
        const env = { RETENTION_MAX_FILES: "1", DUMP_EXTRA_ARGS: "" };
        const result = await startFaultRun({ place, tools: fakes, rclone, env }).exited;
        await expectEnd(result, place, expected);
        if (result.exitCode === 0) expect(place.files()).not.toEqual(expect.arrayContaining(old));
      });
  });

describe("a folder's backup, on an S3 that refuses", () => {
  const folderDump =
    'for word; do case $word in --file=*) mkdir "${word#*=}" && echo data | tee "${word#*=}/toc.dat" >"${word#*=}/1.dat" ;; esac; done';
  const files = ["dbstash.json", "toc.dat", "1.dat"].map((name) => new RegExp(`^app-[^/]+/${name}$`));
  const cases: readonly (readonly [denied: readonly S3Right[], expected: ExpectedEnd])[] = [
    [["bucket-head", "bucket-create", "delete"], { exitCode: 0, files }],
    [["read", "head"], { exitCode: 0, files }],
    [["list"], { exitCode: 3, error: /could not be checked: .*AccessDenied/, hint: refused, files }],
    [
      ["list", "read", "head", "delete"],
      { exitCode: 3, error: /could not be checked: .*AccessDenied/, hint: refused, files },
    ],
    [["write"], { exitCode: 1, error: /^rclone failed .*AccessDenied/, hint: refused, files: [] }],
    [["write", "list"], { exitCode: 1, error: /^rclone failed .*AccessDenied/, hint: refused, files: [] }],
  ];
  for (const [denied, expected] of cases)
    for (const rclone of ["current", "old"] as const)
      test(`${denied.join(", ")}, by the ${rclone} rclone`, async () => {
        await using place = smallPlace({ denied });
        using fakes = tools({ pg_dump: folderDump });
        const env = { BACKUP_MODE: "directory" };
        await expectEnd(await startFaultRun({ place, tools: fakes, rclone, env }).exited, place, expected);
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
