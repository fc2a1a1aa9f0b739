import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunningDbstash } from "../support/dbstash.ts";
import { descendants, listProcs, marked, waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import {
  expectNothingStored,
  faultTests,
  placeKinds,
  privateFolders,
  rcloneExcept,
  startFaultRun,
  tools,
  unfinishedUploads,
} from "./places.ts";

const { places, test } = faultTests();

/** Of a key that nobody kept. */
const recipient = "age1g43hssyj0r9mg38830t8vprkn485697vzhyq729qqleh9en24qxqla7mtg";

/** Enough for S3's second part, so that an upload of parts has begun. */
const dumped = 'head -c 40000000 /dev/zero; : >"$FAKE_DIR/dumped"';

for (const [name, exitCode] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const) {
  describe(`${name} to dbstash`, () => {
    for (const kind of placeKinds) {
      for (const rclone of ["current", "old"] as const) {
        test(`mid-stream stores nothing in ${kind}, by the ${rclone} rclone`, async () => {
          using place = await places.make(kind);
          using fakes = tools({ pg_dump: `${dumped}; exec sleep 600` });
          const running = startFaultRun({ place, tools: fakes, rclone });
          await midStream(running, fakes.dir);
          await expectSwiftEnd(running, name);
          await expectNothingStored(await running.exited, place, {
            exitCode,
            error: new RegExp(`^stopped by ${name}$`),
          });
          if (kind === "S3") expect(await unfinishedUploads(await places.s3)).toEqual([]);
        });
      }
    }

    test("before the dump's first byte starts no upload", async () => {
      using place = await places.make("a local folder");
      using fakes = tools({
        pg_dump: ': >"$FAKE_DIR/dumped"; exec sleep 600',
        rclone: rcloneExcept("none", ":"),
      });
      const running = startFaultRun({ place, tools: fakes });
      await waitFor("the dump", () => existsSync(join(fakes.dir, "dumped")));
      await expectSwiftEnd(running, name);
      await expectNothingStored(await running.exited, place, { exitCode, error: /^stopped by/ });
      expect(fakes.calls("rclone").map(([verb]) => verb)).not.toContain("rcat");
    });

    test("ends tools that ignore TERM, within 8 s", async () => {
      using place = await places.make("a local folder");
      const deaf = "trap '' TERM INT; sleep 600; sleep 600; sleep 600";
      using fakes = tools({
        pg_dump: `trap '' TERM INT; ${dumped.replace("40000000", "300000")}; ${deaf}`,
        rclone: rcloneExcept("rcat", deaf),
      });
      const running = startFaultRun({ place, tools: fakes });
      await midStream(running, fakes.dir, "sleep");
      await expectSwiftEnd(running, name);
      await expectNothingStored(await running.exited, place, { exitCode, error: /^stopped by/ });
    });

    test("past the end of input waits for the outcome and tells it", async () => {
      using place = await places.make("a local folder");
      const slow = `"$REAL" "$@"; code=$?; : >"$FAKE_DIR/uploaded"; while [ ! -e "$FAKE_DIR/go" ]; do sleep 0.05; done; exit $code`;
      using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("rcat", slow) });
      const running = startFaultRun({ place, tools: fakes });
      await waitFor("the upload", () => existsSync(join(fakes.dir, "uploaded")));
      running.signal(name);
      writeFileSync(join(fakes.dir, "go"), "");
      const result = await running.exited;
      expect(result.lastLine).toMatchObject({ msg: "backup stored", bytes: 5 });
      expect(result.exitCode).toBe(0);
      expect(place.published()).toHaveLength(1);
    });
  });
}

for (const [title, ending] of [
  ["that stands still", "exec sleep 600"],
  ["that fails at that moment", `while kill -0 "$PARENT"; do sleep 0.01; done; exit 1`],
  ["that ends well at that moment", `while kill -0 "$PARENT"; do sleep 0.01; done; exit 0`],
  [
    "that ignores signals and goes on",
    `trap '' TERM INT HUP; while :; do head -c 100000 /dev/zero; sleep 0.05; done`,
  ],
  ["that has a process in the background", `(trap '' TERM HUP; while :; do sleep 1; done) & exec sleep 600`],
] as const) {
  describe(`SIGKILL to dbstash with a dump ${title}`, () => {
    for (const kind of placeKinds) {
      for (const [filters, settings] of [
        ["nothing", {}],
        ["zstd", { BACKUP_COMPRESS: "zstd" }],
        ["zstd and age", { BACKUP_COMPRESS: "zstd", BACKUP_ENCRYPT_TO: recipient }],
      ] as const) {
        test(`publishes nothing in ${kind}, with ${filters} in the pipe`, async () => {
          using place = await places.make(kind);
          using temp = tempFolder("private");
          mkdirSync(temp.file("tmp"));
          using fakes = tools({
            pg_dump: `PARENT=$PPID; ${dumped.replace("zero", "urandom")}; ${ending} 2>/dev/null`,
          });
          const env = { TMPDIR: temp.file("tmp"), ...settings };
          const running = startFaultRun({ place, tools: fakes, env });
          await midStream(running, fakes.dir);
          expect(privateFolders(temp.file("tmp"))).toHaveLength(1);
          const family = descendants(running.pid).map((proc) => proc.pid);
          running.signal("SIGKILL");
          expect((await running.exited).signal).toBe("SIGKILL");
          await waitUntilGone(running.id, 15_000);
          await waitFor("the guard's end", () => !alive(family), 15_000);
          expect(place.published()).toEqual([]);
          if (kind === "S3") expect(await unfinishedUploads(await places.s3)).toEqual([]);
          expect(privateFolders(temp.file("tmp"))).toEqual([]);
        });
      }
    }
  });
}

for (const [title, ending] of [
  ["stands still", "exec sleep 600"],
  // Then nobody but the guard holds the pipe.
  ["fails at that moment", `while kill -0 "$PARENT" 2>/dev/null; do sleep 0.01; done; exit 1`],
] as const) {
  test(`SIGKILL to dbstash gives no end of input to an upload that ignores TERM, when the dump ${title}`, async () => {
    using place = await places.make("a local folder");
    const deaf = `trap '' TERM; cat >"$FAKE_DIR/seen"; : >"$FAKE_DIR/end-of-input"; exit`;
    using fakes = tools({
      pg_dump: `PARENT=$PPID; ${dumped}; ${ending}`,
      rclone: rcloneExcept("rcat", deaf),
    });
    const running = startFaultRun({ place, tools: fakes });
    await midStream(running, fakes.dir, "cat");
    const family = descendants(running.pid).map((proc) => proc.pid);
    running.signal("SIGKILL");
    await waitUntilGone(running.id, 15_000);
    await waitFor("the guard's end", () => !alive(family), 15_000);
    expect(existsSync(join(fakes.dir, "end-of-input"))).toBe(false);
    expect(place.files()).toEqual([]);
  });
}

test("a SIGKILL to all that has dbstash in its command line publishes nothing", async () => {
  using place = await places.make("S3");
  using fakes = tools({ pg_dump: `${dumped}; sleep 600 >/dev/null; exit` });
  const running = startFaultRun({ place, tools: fakes });
  await midStream(running, fakes.dir);
  const family = [running.pid, ...descendants(running.pid).map((proc) => proc.pid)];
  // Where rclone is on a machine, and what it is told, need not hold that name.
  const named = listProcs().filter(
    ({ pid, argv }) => family.includes(pid) && argv.join(" ").includes("dbstash") && !argv.includes("rcat"),
  );
  expect(named.map(({ command }) => command).toSorted()).toEqual(["dbstash-pg", "pg_dump"]);
  for (const { pid } of named) process.kill(pid, "SIGKILL");
  await waitFor("the guard's end", () => !alive(family), 15_000);
  expect(place.published()).toEqual([]);
  expect(await unfinishedUploads(await places.s3)).toEqual([]);
});

test("a guard that is killed fails the run, and nothing is stored", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({ pg_dump: `${dumped}; exec sleep 600` });
  const running = startFaultRun({ place, tools: fakes });
  await midStream(running, fakes.dir);
  const ours = new Set(marked(running.id).map((proc) => proc.pid));
  const guard = descendants(running.pid).find((proc) => proc.command === "sh" && !ours.has(proc.pid));
  process.kill(guard?.pid ?? Number.NaN, "SIGKILL");
  await expectNothingStored(await running.exited, place, {
    error: /guards this run's processes was killed/,
    partialMayStay: true,
  });
});

test("the partial upload of a killed run is not taken for a backup by the next one", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({ pg_dump: `${dumped}; exec sleep 600` });
  const killed = startFaultRun({ place, tools: fakes });
  await midStream(killed, fakes.dir);
  killed.signal("SIGKILL");
  await waitUntilGone(killed.id, 15_000);
  using good = tools({ pg_dump: "echo data" });
  const result = await startFaultRun({ place, tools: good }).exited;
  expect(result.exitCode).toBe(0);
  expect(place.published()).toHaveLength(1);
});

/** Waits until the dump has written all it will and the upload takes it. */
async function midStream(running: RunningDbstash, dir: string, uploader = "rclone"): Promise<void> {
  await waitFor(
    "the middle of the stream",
    () =>
      existsSync(join(dir, "dumped")) &&
      marked(running.id).some((proc) => proc.command.startsWith(uploader)) &&
      uploading(running.id),
  );
}

function uploading(id: string): boolean {
  return marked(id).some((proc) => proc.argv.includes("rcat"));
}

async function expectSwiftEnd(running: RunningDbstash, name: NodeJS.Signals): Promise<void> {
  const startedMs = performance.now();
  running.signal(name);
  await running.exited;
  expect(performance.now() - startedMs).toBeLessThan(15_000);
}

function alive(pids: readonly number[]): boolean {
  return listProcs().some((proc) => pids.includes(proc.pid) && proc.state !== "Z");
}
