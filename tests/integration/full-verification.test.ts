import { afterAll, describe, expect } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import type { DbstashResult } from "../support/dbstash.ts";
import { waitUntilGone } from "../support/procs.ts";
import { startSmallS3 } from "../support/small-s3.ts";
import {
  bareTools,
  leftovers,
  localPlace,
  type Place,
  Places,
  placeKinds,
  rcloneExcept,
  startFaultRun,
  tools,
} from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old", "s3-server", "zstd");
const places = new Places();
const s3 = startSmallS3({ buckets: ["b"], name: "small" });
afterAll(async () => {
  await places.stop();
  await s3.stop();
});

const full = { BACKUP_VERIFY: "full", BACKUP_COMPRESS: "zstd", DUMP_EXTRA_ARGS: "" };
/** A stand-in's dump that compresses to a few kilobytes. */
const dump = wholeDump(3_000_000).replace("tr '\\0' 'x'", "od -An -v -tx4");
/** What flips one bit of what lies in the file that rclone wrote; `$2` is where. */
const flipped = `"$REAL" "$@" || exit
file=$2; size=$(wc -c <"$file"); at=$((size / 2))
byte=$(od -An -tu1 -j "$at" -N 1 "$file")
printf "\\\\$(printf %o $((byte ^ 16)))" | dd of="$file" bs=1 seek="$at" conv=notrunc 2>/dev/null
exit`;

/** Without a process, a private file or a staged upload left. */
async function expectTidy(result: DbstashResult, place: Place): Promise<void> {
  await waitUntilGone(result.id);
  expect(leftovers(result)).toEqual([]);
  expect(place.files()).toEqual(place.published());
}

async function expectStored(result: DbstashResult, place: Place, reason: RegExp): Promise<void> {
  expect(result.lastLine).toMatchObject({ status: "success", exit_code: 3 });
  expect(String(result.lastLine?.["error"])).toMatch(reason);
  expect(String(result.lastLine?.["error"])).toContain("retention did not run");
  expect(result.exitCode).toBe(3);
  expect(place.published()).toHaveLength(1);
  await expectTidy(result, place);
}

describe("BACKUP_VERIFY=full", () => {
  for (const rclone of ["current", "old"] as const)
    for (const kind of placeKinds)
      test(`reads all of a backup in ${kind} back, by the ${rclone} rclone`, async () => {
        using place = await places.make(kind);
        using fakes = tools({ pg_dump: dump });
        const result = await startFaultRun({ place, tools: fakes, rclone, env: full }).exited;
        const verified = result.lines.find(({ msg }) => msg === "backup verified");
        expect([result.exitCode, verified?.["compared"]]).toEqual([
          0,
          "all of it: decompressed, end of a plain pg_dump file",
        ]);
        await expectTidy(result, place);
      });

  test("a damaged backup fails the run, still stands, starts no retention, and no other try is made", async () => {
    using place = localPlace();
    const older = "app-20260101T000000Z.sql.zst";
    writeFileSync(join(place.remote, older), "an older one");
    using fakes = tools({ pg_dump: dump, rclone: rcloneExcept("rcat", flipped) });
    const env = {
      ...full,
      RETENTION_MAX_FILES: "1",
      BACKUP_RETRIES: "2",
      BACKUP_RETRY_DELAY: "1ms",
      HOOK_POST_BACKUP: 'echo "heard $DBSTASH_STATUS of $DBSTASH_FILE"',
    };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup failed", status: "failure", exit_code: 1 });
    const [name = ""] = place.files().filter((each) => each !== older);
    expect(name).toMatch(/^app-.*\.sql\.zst$/);
    expect(String(result.lastLine?.["error"])).toStartWith(
      `the stored backup is damaged, and still stands as ${place.remote}/${name}: zstd calls it damaged: `,
    );
    expect(String(result.lastLine?.["hint"])).toContain("nothing was removed");
    expect(result.exitCode).toBe(1);
    expect(place.files()).toContain(older);
    expect(fakes.calls("pg_dump").filter((words) => !words.includes("--version"))).toHaveLength(1);
    expect(result.stdout).toContain(`heard failure of ${name}`);
    await expectTidy(result, place);
  });

  for (const [title, body, reason] of [
    ["a download that ends early with success", 'head -c 900 "$2"; exit 0', /gave 0 bytes of it instead of/],
    ["a download that fails", 'head -c 900 "$2"; echo oops >&2; exit 1', /not be read to its end: oops/],
    ["an rclone that is killed", 'head -c 900 "$2"; kill -9 $$', /not be read to its end: killed by SIGKILL/],
  ] as const)
    test(`${title} says nothing against a backup`, async () => {
      using place = localPlace();
      using fakes = tools({ pg_dump: dump, rclone: rcloneExcept("cat", body) });
      const env = { ...full, RETENTION_MAX_FILES: "1" };
      const result = await startFaultRun({ place, tools: fakes, env }).exited;
      await expectStored(result, place, reason);
    });

  for (const rclone of ["current", "old"] as const)
    test(`a connection to S3 that breaks again and again says nothing against a backup, by the ${rclone} rclone`, async () => {
      s3.change({ buckets: [] });
      s3.change({ buckets: ["b"], faults: { read: { cut: true } } });
      const files = (): string[] => [...s3.objects("b").keys()];
      const place: Place = {
        remote: "small:b/x",
        env: s3.env,
        files,
        published: files,
        [Symbol.dispose]: () => undefined,
      };
      using fakes = tools({ pg_dump: dump });
      const env = { ...full, RETENTION_MAX_FILES: "1", RCLONE_EXTRA_ARGS: "--low-level-retries=2" };
      const result = await startFaultRun({ place, tools: fakes, rclone, env }).exited;
      await expectStored(result, place, /could not be (checked|read to its end)/);
    });

  for (const [what, body, reason] of [
    ["missing", "", /pg_restore was not found on PATH/],
    [
      "too old",
      'echo "pg_restore: error: unsupported version (1.16) in file header" >&2; exit 1',
      /pg_restore failed \(exit code 1\): .*unsupported version/,
    ],
    ["killed", "kill -9 $$", /pg_restore failed \(exit code 137\)/],
    [
      "short of memory",
      'echo "out of memory" >&2; exit 1',
      /pg_restore failed \(exit code 1\): out of memory/,
    ],
  ] as const)
    test(`a tool that is ${what} says nothing against a backup`, async () => {
      using place = localPlace();
      using fakes = tools({
        pg_dump: "printf PGDMP; head -c 3000000 /dev/zero",
        ...(body === "" ? {} : { pg_restore: body }),
      });
      using bare = bareTools();
      const env = { ...full, BACKUP_COMPRESS: "true", RETENTION_MAX_FILES: "1" };
      const result = await startFaultRun({ place, tools: fakes, env, onlyPath: [fakes.dir, bare.dir] })
        .exited;
      await expectStored(result, place, reason);
    });

  describe("what ends it before its end loses no backup:", () => {
    const hanging = { pg_dump: dump, rclone: rcloneExcept("cat", "exec sleep 600") };
    for (const [title, change, signal, reason] of [
      ["BACKUP_TIMEOUT", { BACKUP_TIMEOUT: "10s" }, null, /the run took longer than 10 s/],
      ["BACKUP_STALL_TIMEOUT", { BACKUP_STALL_TIMEOUT: "3s" }, null, /not one byte moved for 3 s/],
      ["SIGTERM", {}, "SIGTERM", /stopped by SIGTERM/],
    ] as const)
      test(title, async () => {
        using place = localPlace();
        using fakes = tools(hanging);
        const env = { ...full, ...change, RETENTION_MAX_FILES: "1" };
        const running = startFaultRun({ place, tools: fakes, env });
        await running.waitForLine(({ msg }) => msg === "reading all of the backup back");
        if (signal !== null) running.signal(signal);
        await expectStored(await running.exited, place, reason);
      });
  });
});

describe("verify --full of a folder", () => {
  const dumpFolder = `for word; do case $word in --file=*) out=\${word#--file=} ;; --version) echo 'pg_dump 15'; exit ;; esac; done
mkdir "$out"; echo toc >"$out/toc.dat"; head -c 400000 /dev/urandom >"$out/1.dat"; : >"$out/2.dat"`;
  const env = { BACKUP_MODE: "directory", DUMP_EXTRA_ARGS: "" };

  for (const rclone of ["current", "old"] as const)
    test(`compares the SHA-256 that each file had while it was local, by the ${rclone} rclone`, async () => {
      using place = localPlace();
      using fakes = tools({ pg_dump: dumpFolder });
      const stored = await startFaultRun({
        place,
        tools: fakes,
        rclone,
        env: { ...env, BACKUP_VERIFY: "full" },
      }).exited;
      const verified = stored.lines.find(({ msg }) => msg === "backup verified");
      expect([stored.exitCode, verified?.["compared"]]).toEqual([
        0,
        "all of it: 3 files, each with its SHA-256",
      ]);
      const [first = ""] = place.files();
      const folder = join(place.remote, first.slice(0, first.indexOf("/")));
      const verify = async () => {
        const { exitCode, stdout } = await startFaultRun({
          place,
          tools: fakes,
          rclone,
          env,
          args: ["verify", "--full"],
        }).exited;
        return [exitCode, stdout.slice(stdout.indexOf(": ") + 2)];
      };
      expect(await verify()).toEqual([
        0,
        expect.stringMatching(/^good \(\d+ bytes; all of it: 3 files, each with its SHA-256\)\n$/),
      ]);
      const file = join(folder, "1.dat");
      const content = readFileSync(file);
      for (const at of rclone === "old" ? [0] : [content.length - 1]) {
        const changed = Buffer.from(content);
        changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
        writeFileSync(file, changed);
        expect(await verify()).toEqual([1, "bad: not as they were written, by their SHA-256: 1.dat\n"]);
      }
      writeFileSync(file, content);
      const manifest = join(folder, "dbstash.json");
      const text = readFileSync(manifest, "utf8");
      writeFileSync(manifest, text.replaceAll(/,\s*"sha256": "\w+"/g, ""));
      expect(await verify()).toEqual([
        3,
        expect.stringMatching(/^could not be checked: its dbstash.json holds no SHA-256 of \S+\n$/),
      ]);
    });

  test("a file that came as another one is read a second time before it is called damaged", async () => {
    using place = localPlace();
    using plain = tools({ pg_dump: dumpFolder });
    expect((await startFaultRun({ place, tools: plain, env }).exited).exitCode).toBe(0);
    // The first look at the folder gives other hashes.
    const wrong = `case $3 in */) "$REAL" "$@" | tr 0-9a-f 1-9a-f0 ;; *) exec "$REAL" "$@" ;; esac; exit`;
    using fakes = tools({ pg_dump: dumpFolder, rclone: rcloneExcept("hashsum", wrong) });
    const result = await startFaultRun({ place, tools: fakes, env, args: ["verify", "--full"] }).exited;
    expect([result.exitCode, result.stdout]).toEqual([0, expect.stringContaining("each with its SHA-256")]);
  });
});

describe("verify --full", () => {
  test("ends with 3 where the place can't be read, and with 1 where there is nothing", async () => {
    using place = localPlace();
    mkdirSync(join(place.remote, "empty"));
    using fakes = tools({ pg_dump: dump, rclone: rcloneExcept("lsjson", "echo refused >&2; exit 1") });
    using good = tools({ pg_dump: dump });
    const look = (fake: typeof fakes) =>
      startFaultRun({ place, tools: fake, env: full, args: ["verify", "--full"] }).exited;
    expect((await look(fakes)).exitCode).toBe(3);
    expect((await look(good)).exitCode).toBe(1);
  });

  test("is a word of verify's alone", async () => {
    using place = localPlace();
    using fakes = tools({ pg_dump: dump });
    const result = await startFaultRun({ place, tools: fakes, args: ["list", "--full"] }).exited;
    expect([result.exitCode, result.stderr]).toEqual([2, expect.stringContaining("unknown flag: --full")]);
  });
});
