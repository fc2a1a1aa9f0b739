import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runDbstash } from "../support/dbstash.ts";
import { run, waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import {
  aliasOf,
  expectNothingStored,
  faultTests,
  leftovers,
  localPlace,
  placeKinds,
  rcloneExcept,
  startFaultRun,
  tools,
} from "./places.ts";

const { places, test } = faultTests();

const endless = "exec cat /dev/zero";

test("a missing rclone is named before the dump starts", async () => {
  using place = await places.make("a local folder");
  const names = ["setpriv", "sh", "sleep", "head", "cat", "rm"].map((name) => [name, Bun.which(name)]);
  const basics = Object.fromEntries(names.map(([name, link]) => [name, { link: link ?? "" }]));
  using fakes = tools({ pg_dump: "echo data", ...basics });
  const result = await startFaultRun({ place, tools: fakes, onlyPath: [fakes.dir] }).exited;
  await expectNothingStored(result, place, { error: /^rclone was not found on PATH/ });
  expect(fakes.calls("pg_dump")).toEqual([]);
});

test("a remote that can't be asked leaves no rclone behind, also one that ignores TERM", async () => {
  using place = await places.make("a local folder");
  const body = `case $1 in
    backend) until [ -e "$FAKE_DIR/listing" ]; do sleep 0.01; done; echo "no features today" >&2; exit 1 ;;
    lsjson) trap '' TERM; : >"$FAKE_DIR/listing"; sleep 600; sleep 600; sleep 600; exit ;;
  esac`;
  using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept('"$1"', body) });
  const result = await startFaultRun({ place, tools: fakes, env: aliasOf(place.remote) }).exited;
  await expectNothingStored(result, place, { error: /no features today/ });
});

for (const [title, body, error, env] of [
  [
    "exits 1 mid-stream",
    'head -c 200000 >/dev/null; echo "quota is used up" >&2; exit 1',
    /^rclone failed \(exit code 1\): quota is used up/,
    {},
  ],
  ["exits 1 without reading", "exit 1", /^rclone failed \(exit code 1\)/, {}],
  [
    "exits 0 before the dump ends",
    "head -c 200000 >/dev/null; exit 0",
    /^rclone failed \(exit code 0\): it ended before the dump did/,
    {},
  ],
  ["is killed", "head -c 200000 >/dev/null; kill -KILL $$", /^rclone failed \(killed by SIGKILL\)/, {}],
  [
    "stores half and exits 0",
    'head -c 200000 | "$REAL" "$@"; exit 0',
    /^rclone failed \(exit code 0\): it ended before the dump did/,
    {},
  ],
  [
    "stalls past BACKUP_TIMEOUT, deaf to TERM",
    "trap '' TERM; sleep 600; sleep 600; sleep 600",
    /^the run took longer than 3 s/,
    { BACKUP_TIMEOUT: "3s" },
  ],
  [
    "stalls past BACKUP_STALL_TIMEOUT",
    "sleep 600",
    /^not one byte moved for 2 s/,
    { BACKUP_STALL_TIMEOUT: "2s" },
  ],
] as const) {
  for (const kind of placeKinds) {
    test(`an upload that ${title} stores nothing in ${kind}`, async () => {
      using place = await places.make(kind);
      using fakes = tools({ pg_dump: endless, rclone: rcloneExcept("rcat", body) });
      const result = await startFaultRun({ place, tools: fakes, env }).exited;
      await expectNothingStored(result, place, { error });
      expect(result.durationMs).toBeLessThan(13_000);
    });
  }
}

for (const compress of ["false", "zstd", "gzip"]) {
  test(`an upload that breaks the pipe first and tells why later is the cause, with BACKUP_COMPRESS=${compress}`, async () => {
    using place = await places.make("a local folder");
    const body =
      'head -c 100000 >/dev/null; exec <&-; sleep 0.2; echo "AccessDenied: no such key" >&2; exit 1';
    using fakes = tools({ pg_dump: "exec cat /dev/urandom", rclone: rcloneExcept("rcat", body) });
    const result = await startFaultRun({ place, tools: fakes, env: { BACKUP_COMPRESS: compress } }).exited;
    await expectNothingStored(result, place, { error: /^rclone failed \(exit code 1\): AccessDenied/ });
  });
}

/** A part of this upload, or another run's backup: nobody can tell. */
const storesAndDies = 'head -c 200000 | "$REAL" "$@"; kill -KILL $$';

test("an upload that stores half under a staged name and is killed stores nothing", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({ pg_dump: endless, rclone: rcloneExcept("rcat", storesAndDies) });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  await expectNothingStored(result, place, { error: /^rclone failed \(killed by SIGKILL\)/ });
});

test("what stands under the final name after an upload that failed stays, and is spoken of", async () => {
  using place = await places.make("S3");
  using fakes = tools({ pg_dump: endless, rclone: rcloneExcept("rcat", storesAndDies) });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  expect(result.lastLine).toMatchObject({ msg: "backup failed", exit_code: 1 });
  expect(place.published()).toHaveLength(1);
  expect(result.stdout).toContain("a file stands there that may be another run's, so it is left as it is");
});

test("a failing dump leaves the backup alone that another run has stored under its name", async () => {
  using place = await places.make("S3");
  const other = 'echo other | "$REAL" rcat "$2" --config ""; : >"$FAKE_DIR/other"; exec "$REAL" "$@"';
  const dump =
    'echo data; until [ -e "$FAKE_DIR/other" ]; do sleep 0.01; done; echo "connection lost" >&2; exit 1';
  using fakes = tools({ pg_dump: dump, rclone: rcloneExcept("rcat", other) });
  const env = { BACKUP_NAME_TEMPLATE: "{db}-{date}" };
  const result = await startFaultRun({ place, tools: fakes, env }).exited;
  expect(String(result.lastLine?.["error"])).toMatch(/connection lost/);
  expect(place.published()).toHaveLength(1);
});

test("an rclone that reads nothing and reports success is a failed backup, checked or not", async () => {
  using place = await places.make("a local folder");
  writeFileSync(join(place.remote, "app-20251101T020000Z.sql"), "older");
  using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("rcat", 'exec "$REAL" "$@" -n') });
  const env = { BACKUP_VERIFY: "false", RETENTION_MAX_FILES: "1" };
  const result = await startFaultRun({ place, tools: fakes, env }).exited;
  expect(String(result.lastLine?.["error"])).toMatch(/^rclone reported success, but read not one byte/);
  expect(place.files()).toEqual(["app-20251101T020000Z.sql"]);
});

test("a database's words of denied access are no fault of the remote", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({
    pg_dump:
      'until [ -e "$FAKE_DIR/listing" ]; do sleep 0.01; done; echo "Access denied for backup" >&2; exit 1',
    rclone: rcloneExcept("lsjson", ': >"$FAKE_DIR/listing"; exec sleep 600'),
  });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  await expectNothingStored(result, place, { error: /Access denied for backup/ });
  expect(result.stdout).not.toContain("the remote folder can't be listed");
});

test("a taken name with the finest time in it is told as another job's", async () => {
  using place = await places.make("a local folder");
  const names = `s=$(date +%s); for n in $(seq $((s - 30)) $((s + 1))); do
    printf '%s{"Path":"app-%s.sql","Size":1,"IsDir":false}' "$comma" $n; comma=,
  done`;
  const listing = rcloneExcept("lsjson", `comma=; printf '['; ${names}; echo ']'; exit 0`);
  using fakes = tools({ pg_dump: "echo data", rclone: listing });
  const env = { BACKUP_NAME_TEMPLATE: "{db}-{ts}" };
  const result = await startFaultRun({ place, tools: fakes, env }).exited;
  await expectNothingStored(result, place, { error: /already exists on the remote/ });
  expect(String(result.lastLine?.["hint"])).toMatch(/^another job writes the same names/);
});

test("an upload that fails after the end of input stores nothing", async () => {
  using place = await places.make("a local folder");
  const body = '"$REAL" "$@"; echo "the remote changed its mind" >&2; exit 1';
  using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("rcat", body) });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  await expectNothingStored(result, place, { error: /the remote changed its mind/ });
});

test("an upload that does not say how much it took leaves nothing", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({
    pg_dump: "echo data",
    rclone: rcloneExcept("rcat", 'exec "$REAL" "$@" 2>/dev/null'),
  });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  await expectNothingStored(result, place, { error: /did not say how many bytes/ });
});

test("an upload that stands still after the end of input ends with BACKUP_TIMEOUT", async () => {
  using place = await places.make("a local folder");
  const body = '"$REAL" "$@"; exec sleep 600';
  using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("rcat", body) });
  const env = { BACKUP_TIMEOUT: "3s" };
  const result = await startFaultRun({ place, tools: fakes, env }).exited;
  await expectNothingStored(result, place, { error: /^the run took longer than 3 s/ });
});

test("a rename that fails leaves nothing under either name", async () => {
  using place = await places.make("a local folder");
  const body = 'echo "no renames today" >&2; exit 1';
  using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("moveto", body) });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  await expectNothingStored(result, place, { error: /no renames today/ });
});

for (const mode of ["stream", "tar"]) {
  test(`a rename that is only said to be done costs no earlier backup in ${mode} mode`, async () => {
    using place = await places.make("a local folder");
    const extension = mode === "tar" ? "tar" : "sql";
    const earlier = ["01", "02"].map((day) => `app-202511${day}T020000Z.${extension}`);
    for (const name of earlier) writeFileSync(join(place.remote, name), "older");
    const dump = `for word; do case $word in --file=*) mkdir "\${word#--file=}"; echo data >"\${word#--file=}/toc.dat";; esac; done; echo data`;
    using fakes = tools({ pg_dump: dump, rclone: rcloneExcept("moveto", "exit 0") });
    const env = { BACKUP_MODE: mode, RETENTION_MAX_FILES: "1", BACKUP_TEMP_DIR: join(fakes.dir, "work") };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.lastLine).toMatchObject({ status: "failure", exit_code: 1 });
    expect(String(result.lastLine?.["error"])).toMatch(/is not on the remote after its upload$/);
    expect(place.published()).toEqual(earlier);
    expect(result.stdout).not.toContain("removing a backup");
  });
}

test("retention needs no right to look at a file by itself", async () => {
  using place = await places.make("a local folder");
  writeFileSync(join(place.remote, "app-20251101T020000Z.sql"), "older");
  const body = 'case "$*" in *--stat*) echo "403 Forbidden" >&2; exit 1 ;; esac';
  using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("lsjson", body) });
  const env = { BACKUP_VERIFY: "false", RETENTION_MAX_FILES: "1" };
  const result = await startFaultRun({ place, tools: fakes, env }).exited;
  expect(result.lastLine).toMatchObject({ status: "success", exit_code: 0 });
  expect(place.published()).not.toContain("app-20251101T020000Z.sql");
});

test("an archive that can't be read back to see what is in it is kept, and not called checked", async () => {
  using place = await places.make("a local folder");
  const body = 'echo "503 Service Unavailable" >&2; exit 1';
  using fakes = tools({ mongodump: "echo data", rclone: rcloneExcept("cat", body) });
  const result = await runDbstash("mongo", {
    path: [fakes.dir],
    env: { DB_URI: "mongodb://127.0.0.1/app", RCLONE_REMOTE: place.remote, BACKUP_COMPRESS: "zstd" },
  });
  expect(result.lastLine).toMatchObject({ status: "success", exit_code: 3 });
  expect(String(result.lastLine?.["error"])).toMatch(/^the stored backup could not be checked: .*503/);
  expect(place.published()).toHaveLength(1);
});

test("a backup is kept, and not called checked, when the answer about its size can't be read", async () => {
  using place = await places.make("a local folder");
  const body = 'if [ -e "$FAKE_DIR/listed" ]; then echo "no JSON"; exit 0; fi; : >"$FAKE_DIR/listed"';
  using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("lsjson", body) });
  const env = { BACKUP_COMPRESS: "zstd" };
  const result = await startFaultRun({ place, tools: fakes, env }).exited;
  expect(result.lastLine).toMatchObject({ status: "success", exit_code: 3 });
  expect(String(result.lastLine?.["error"])).toMatch(/^the stored backup could not be checked: /);
  expect(place.published()).toHaveLength(1);
});

test("a name that is taken on the remote is left as it is", async () => {
  using place = await places.make("a local folder");
  writeFileSync(join(place.remote, "app-fixed-00000000.sql"), "older");
  using fakes = tools({ pg_dump: "echo data" });
  const env = { BACKUP_NAME_TEMPLATE: "{db}-fixed-00000000" };
  const overwritten = await startFaultRun({ place, tools: fakes, env }).exited;
  expect(overwritten.exitCode).toBe(0);
  expect(place.files()).toEqual(["app-fixed-00000000.sql"]);
  using failing = tools({ pg_dump: "head -c 300000 /dev/zero; exit 1" });
  const failed = await startFaultRun({ place, tools: failing, env }).exited;
  expect(failed.exitCode).toBe(1);
  expect(await Bun.file(join(place.remote, "app-fixed-00000000.sql")).text()).toBe("data\n");
});

for (const rclone of ["current", "old"] as const) {
  test(`a full disk at the destination is named, and nothing is stored, by the ${rclone} rclone`, async () => {
    using disk = tempFolder("disk");
    const mounted = await run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk.path]);
    const full = mounted.exitCode === 0;
    try {
      using place = localPlace(disk.path);
      // Where nothing may be mounted, a limit on the size of files takes the disk's part.
      const limited = full ? ":" : "ulimit -f 2048";
      using fakes = tools({ pg_dump: endless, rclone: rcloneExcept("rcat", limited, rclone) });
      const result = await startFaultRun({ place, tools: fakes, rclone }).exited;
      await expectNothingStored(result, place, { error: full ? /no space left/i : /file too large/i });
    } finally {
      if (full) await run(["umount", disk.path]);
    }
  });

  test(`an S3 connection that is cut mid-stream stores nothing, by the ${rclone} rclone`, async () => {
    const s3 = await places.s3;
    using place = await places.make("S3");
    using fakes = tools({ pg_dump: "while :; do head -c 1000000 /dev/zero; sleep 0.02; done" });
    const env = { RCLONE_EXTRA_ARGS: "--low-level-retries 1 --retries 1 --contimeout 2s" };
    s3.proxy.clear();
    const running = startFaultRun({ place, tools: fakes, rclone, env });
    try {
      await waitFor("the second part", () => s3.proxy.count("PUT", /partNumber=2/) > 0);
      s3.proxy.cut();
      const result = await running.exited;
      expect(result.lastLine).toMatchObject({ msg: "backup failed", exit_code: 1 });
      expect(String(result.lastLine?.["error"])).toMatch(/^rclone failed \(exit code \d+\): /);
      expect(String(result.lastLine?.["error"])).not.toMatch(/broken pipe/i);
      expect(leftovers(result)).toEqual([]);
    } finally {
      s3.proxy.resume();
    }
    expect(place.published()).toEqual([]);
  });
}
