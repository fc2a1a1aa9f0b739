import { describe, expect } from "bun:test";
import { marked } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import {
  expectNothingStored,
  faultTests,
  placeKinds,
  rcloneExcept,
  startFaultRun,
  tools,
  unfinishedUploads,
} from "./places.ts";

const { places, test } = faultTests();

const said = 'echo "pg_dump: error: query failed" >&2';
const failed = /^pg_dump failed \(exit code 1\): pg_dump: error: query failed/;

for (const [title, body, error, env] of [
  ["exits 1 before its first byte", `${said}; exit 1`, failed, {}],
  ["exits 1 after 10 KB", `head -c 10000 /dev/zero; ${said}; exit 1`, failed, {}],
  ["exits 1 after 300 KB", `head -c 300000 /dev/zero; ${said}; exit 1`, failed, {}],
  ["exits 1 after 80 MB", `head -c 80000000 /dev/zero; ${said}; exit 1`, failed, {}],
  [
    "exits 1 after 300 KB, compressed",
    `head -c 300000 /dev/urandom; ${said}; exit 1`,
    failed,
    { BACKUP_COMPRESS: "zstd" },
  ],
  [
    "exits 1 after 20 MB, compressed by gzip",
    `head -c 20000000 /dev/urandom; ${said}; exit 1`,
    failed,
    { BACKUP_COMPRESS: "gzip:1" },
  ],
  ["is killed", "head -c 300000 /dev/zero; kill -KILL $$", /^pg_dump failed \(killed by SIGKILL\)/, {}],
  ["is killed before its first byte", "kill -KILL $$", /^pg_dump failed \(killed by SIGKILL\)/, {}],
  ["writes nothing and exits 0", "exit 0", /^the dump is empty: pg_dump exited 0/, {}],
  [
    "writes nothing and exits 0, compressed",
    "exit 0",
    /^the dump is empty: pg_dump exited 0/,
    { BACKUP_COMPRESS: "zstd" },
  ],
  [
    "writes nothing, says why and exits 0",
    'echo "pg_dump: nothing to do" >&2',
    /^the dump is empty: .*nothing to do/,
    { BACKUP_COMPRESS: "gzip" },
  ],
  [
    "stands still for longer than BACKUP_STALL_TIMEOUT",
    "head -c 300000 /dev/zero; exec sleep 600",
    /^not one byte moved for 2 s/,
    { BACKUP_STALL_TIMEOUT: "2s" },
  ],
  [
    "stands still before its first byte, and ignores TERM",
    "trap '' TERM; sleep 600; sleep 600",
    /^not one byte moved for 1 s/,
    { BACKUP_STALL_TIMEOUT: "1s" },
  ],
  [
    "runs for longer than BACKUP_TIMEOUT",
    "while :; do head -c 1000 /dev/zero; sleep 0.1; done",
    /^the run took longer than 3 s/,
    { BACKUP_TIMEOUT: "3s" },
  ],
] as const) {
  describe(`a dump that ${title}`, () => {
    for (const kind of placeKinds) {
      for (const rclone of ["current", "old"] as const) {
        test(`stores nothing in ${kind}, by the ${rclone} rclone`, async () => {
          using place = await places.make(kind);
          using fakes = tools({ pg_dump: body });
          const result = await startFaultRun({ place, tools: fakes, env, rclone }).exited;
          await expectNothingStored(result, place, { error });
          if (kind === "S3") expect(await unfinishedUploads(await places.s3)).toEqual([]);
        }, 90_000);
      }
    }
  });
}

for (const compress of ["false", "zstd", "gzip"]) {
  test(`an empty dump starts no upload with BACKUP_COMPRESS=${compress}`, async () => {
    using place = await places.make("a local folder");
    using fakes = tools({
      pg_dump: "exit 0",
      rclone: rcloneExcept("none", ":"),
      zstd: "exec cat",
      gzip: "exec cat",
    });
    const env = { BACKUP_COMPRESS: compress };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    await expectNothingStored(result, place, { error: /^the dump is empty/ });
    expect(fakes.calls("rclone").map(([verb]) => verb)).not.toContain("rcat");
    expect([...fakes.calls("zstd"), ...fakes.calls("gzip")]).toEqual([]);
  });
}

test("a dump tool that is missing is named, and no upload is started", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({ rclone: rcloneExcept("none", ":"), ...basics });
  const result = await startFaultRun({ place, tools: fakes, onlyPath: [fakes.dir] }).exited;
  await expectNothingStored(result, place, { error: /^pg_dump was not found on PATH/ });
  expect(fakes.calls("rclone").map(([verb]) => verb)).not.toContain("rcat");
});

test("a dump tool that is no program is named", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({ pg_dump: "exec /nowhere/pg_dump" });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  await expectNothingStored(result, place, { error: /^pg_dump failed \(exit code 127\): .*not found/ });
});

for (const compressor of ["zstd", "gzip"]) {
  test(`a missing ${compressor} is named before the dump starts`, async () => {
    using place = await places.make("a local folder");
    using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("none", ":"), ...basics });
    const env = { BACKUP_COMPRESS: compressor };
    const result = await startFaultRun({ place, tools: fakes, env, onlyPath: [fakes.dir] }).exited;
    await expectNothingStored(result, place, { error: new RegExp(`^${compressor} was not found on PATH`) });
    expect(fakes.calls("pg_dump")).toEqual([]);
  });
}

const endless = "exec cat /dev/urandom";
for (const [title, body, error] of [
  [
    "exits 1",
    'head -c 200000; echo "zstd: no memory" >&2; exit 1',
    /^zstd failed \(exit code 1\): .*no memory/,
  ],
  ["is killed", "head -c 200000; kill -KILL $$", /^zstd failed \(killed by SIGKILL\)/],
  ["exits 1 at once", "exit 1", /^zstd failed \(exit code 1\)/],
  ["exits 0 before the dump ends", "head -c 200000; exit 0", /^(pg_dump|zstd) failed/],
] as const) {
  for (const kind of placeKinds) {
    test(`a compressor that ${title} stores nothing in ${kind}`, async () => {
      using place = await places.make(kind);
      using fakes = tools({ pg_dump: endless, zstd: body });
      const env = { BACKUP_COMPRESS: "zstd" };
      const result = await startFaultRun({ place, tools: fakes, env }).exited;
      await expectNothingStored(result, place, { error });
    });
  }
}

for (const [title, ending, error] of [
  ["fails", `${said}; exit 1`, failed],
  ["stands still", "exec sleep 600", /^not one byte moved/],
] as const) {
  test(`what a dump that ${title} has left in the background ends with it`, async () => {
    using place = await places.make("a local folder");
    const body = `head -c 300000 /dev/zero; (trap '' TERM HUP; while :; do sleep 1; done) & ${ending}`;
    using fakes = tools({ pg_dump: body });
    const env = { BACKUP_STALL_TIMEOUT: "2s" };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    await expectNothingStored(result, place, { error });
  });
}

test("what a dump leaves in the background holds back neither the backup nor its own end", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({ pg_dump: "echo data; (while :; do sleep 1; done) & exit 0" });
  const result = await startFaultRun({ place, tools: fakes }).exited;
  expect(result).toMatchObject({ exitCode: 0, lastLine: { msg: "backup stored", bytes: 5 } });
  await waitFor("the end of all of it", () => marked(result.id).length === 0);
  expect(place.files()).toHaveLength(1);
});

const basics = Object.fromEntries(
  ["setpriv", "sh", "sleep", "head", "cat", "kill", "rm", "printf"].flatMap((name) => {
    const link = Bun.which(name);
    return link === null ? [] : [[name, { link }]];
  }),
);
