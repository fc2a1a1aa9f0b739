import { describe, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { needs } from "../support/components.ts";
import { startRcloneServe, startSftp } from "../support/sftp.ts";
import { expectEnd } from "./edges.ts";
import { localPlace, type Place, startFaultRun, tools } from "./places.ts";
import { canMount, withDisk } from "./small-disk.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old", "sshd");

const large = wholeDump(4_000_000);
/** A pg_dump of directory mode with two files, of so many bytes each. */
const folderDump = (bytes: number) =>
  `for word; do case $word in --file=*) dir=\${word#*=}; mkdir "$dir" && head -c ${bytes} /dev/zero >"$dir/1.dat" && head -c ${bytes} /dev/zero >"$dir/toc.dat" || exit ;; esac; done`;

// Elsewhere no disk of a test's own can be had.
if (await canMount())
  describe("a full disk", () => {
    const full = { exitCode: 1, error: /no space left on device/i, files: [] };

    for (const rclone of ["current", "old"] as const) {
      test(`at the place of a folder's backup, by the ${rclone} rclone`, () =>
        withDisk("size=2m", async (disk) => {
          using place = localPlace(disk.path);
          using fakes = tools({ pg_dump: folderDump(1_500_000) });
          const env = { BACKUP_MODE: "directory" };
          const result = await startFaultRun({ place, tools: fakes, rclone, env }).exited;
          // rclone asks for the room of a whole file before it writes one.
          const error = /no space left on device|too big for remaining disk space/;
          await expectEnd(result, place, { ...full, error, hint: /^the destination is full$/ });
          expect(readdirSync(disk.path)).toEqual([]);
        }));

      test(`that takes all of a folder but its manifest, by the ${rclone} rclone`, () =>
        withDisk("nr_inodes=4", async (disk) => {
          using place = localPlace(disk.path);
          using fakes = tools({ pg_dump: folderDump(100) });
          const env = { BACKUP_MODE: "directory" };
          const result = await startFaultRun({ place, tools: fakes, rclone, env }).exited;
          await expectEnd(result, place, { ...full, hint: /^the destination is full$/ });
          expect(readdirSync(disk.path)).toEqual([]);
        }));

      test(`at an SFTP server, which has no word for it, by the ${rclone} rclone`, () =>
        withDisk("size=2m", async (disk) => {
          await using server = await startSftp();
          const own = localPlace(disk.path);
          using place: Place = { ...own, remote: `store:${disk.path}`, env: server.remoteEnv("store") };
          using fakes = tools({ pg_dump: large });
          const result = await startFaultRun({ place, tools: fakes, rclone, env: { DUMP_EXTRA_ARGS: "" } })
            .exited;
          await expectEnd(result, place, { exitCode: 1, error: /^rclone failed /, files: [] });
        }));
    }

    for (const mode of ["directory", "tar"] as const)
      test(`at the work folder of ${mode} mode`, () =>
        withDisk("size=2m", async (disk) => {
          using place = localPlace();
          using fakes = tools({ pg_dump: folderDump(1_500_000) });
          const env = { BACKUP_MODE: mode, BACKUP_TEMP_DIR: disk.file("work") };
          const result = await startFaultRun({ place, tools: fakes, env }).exited;
          await expectEnd(result, place, {
            ...full,
            hint: /BACKUP_TEMP_DIR.* needs room for the whole dump/,
          });
          expect(readdirSync(disk.file("work"))).toEqual([]);
        }));

    for (const rclone of ["current", "old"] as const)
      test(`at the temp folder, for a remote that takes no streams, by the ${rclone} rclone`, () =>
        withDisk("size=2m", async (disk) => {
          await using server = await startRcloneServe("webdav");
          const files = (): string[] => readdirSync(server.dir);
          const own = { files, published: files, [Symbol.dispose]: () => undefined };
          using place: Place = { ...own, remote: server.remotePath("store"), env: server.remoteEnv("store") };
          using fakes = tools({ pg_dump: large });
          const env = { DUMP_EXTRA_ARGS: "", TMPDIR: disk.path };
          const result = await startFaultRun({ place, tools: fakes, rclone, env }).exited;
          await expectEnd(result, place, { ...full, hint: /TMPDIR.* needs room for the whole dump/ });
          expect(readdirSync(disk.path)).toEqual([]);
        }));

    test("at the temp folder from the start", () =>
      withDisk("nr_inodes=1", async (disk) => {
        using place = localPlace();
        using fakes = tools({ pg_dump: large });
        const env = { DUMP_EXTRA_ARGS: "", TMPDIR: disk.path };
        const result = await startFaultRun({ place, tools: fakes, env }).exited;
        await expectEnd(result, place, {
          exitCode: 1,
          error: /can't make a folder in .*no space left/i,
          files: [],
        });
        expect(fakes.calls("pg_dump")).toEqual([]);
      }));
  });
