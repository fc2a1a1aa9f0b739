import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DbstashResult, RunningDbstash } from "../support/dbstash.ts";
import type { FakeTools } from "../support/fake-tools.ts";
import { openFreezer } from "../support/frozen.ts";
import { descendants, listProcs, marked, sendSignal, waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import {
  expectNothingStored,
  faultTests,
  leftovers,
  localPlace,
  type Place,
  rcloneExcept,
  startFaultRun,
  tools,
} from "./places.ts";

const { places, test } = faultTests();

/** Enough for S3's second part; then the dump waits to be told how it ends. */
const dumped = 'head -c 40000000 /dev/zero; : >"$FAKE_DIR/dumped"';
const untilTold = 'while [ ! -e "$FAKE_DIR/go" ]; do sleep 0.02; done';
const slowDump = `${dumped}; ${untilTold}; echo end`;

/** A stand-in that dumps into a folder. */
const folderDump = `case "$*" in *--version*) echo "pg_dump 15"; exit ;; esac
for word; do case $word in --file=*) d=\${word#--file=} ;; esac; done
mkdir -p "$d" && head -c 100000 /dev/zero >"$d/1.dat" && echo toc >"$d/toc.dat"`;

describe("one dump to several places", () => {
  for (const compress of ["false", "zstd"])
    test(`stands whole in each, with BACKUP_COMPRESS=${compress}: a local folder, S3, another folder`, async () => {
      using one = await places.make("a local folder");
      using two = await places.make("S3");
      using three = await places.make("a local folder");
      using fakes = tools({ pg_dump: "head -c 9000000 /dev/urandom", rclone: rcloneExcept("none", ":") });
      const result = await start([one, two, three], fakes, { BACKUP_COMPRESS: compress }).exited;
      expect([result.exitCode, result.lastLine?.msg]).toEqual([0, "backup stored"]);
      const [name = ""] = one.files();
      for (const place of [one, two, three]) expect(place.files()).toEqual([name]);
      const bytes = readFileSync(join(one.remote, name));
      expect(readFileSync(join(three.remote, name)).equals(bytes)).toBe(true);
      const { dir, bucket } = await places.s3;
      const key = join(dir, two.remote.slice(`store:${bucket}/`.length), name);
      expect(readFileSync(key).equals(bytes)).toBe(true);
      expect(leftovers(result)).toEqual([]);
    });

  test("stands whole in six places, a tar as well", async () => {
    using folder = tempFolder("six");
    const six = Array.from({ length: 6 }, (_, index) => folder.file(`place-${index}`));
    const [first = "", ...others] = six;
    using fakes = tools({ pg_dump: folderDump });
    using place = localPlace(first);
    const env = { RCLONE_EXTRA_REMOTES: others.join(" "), BACKUP_MODE: "tar", BACKUP_COMPRESS: "zstd" };
    const result = await startFaultRun({ place, tools: fakes, env: { ...env, DUMP_EXTRA_ARGS: "" } }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    const [name = ""] = readdirSync(first);
    const bytes = readFileSync(join(first, name));
    for (const other of others) expect(readFileSync(join(other, name)).equals(bytes)).toBe(true);
  });

  for (const variable of ["RCLONE_CONFIG_FILE", "RCLONE_CONFIG"])
    test(`stands whole in each, where each rclone has a copy of the configuration in ${variable}`, async () => {
      using folder = tempFolder("configuration");
      using one = await places.make("a local folder");
      using two = await places.make("a local folder");
      using fakes = tools({ pg_dump: "head -c 100000 /dev/zero" });
      const sections = Object.entries({ one, two }).map(
        ([name, { remote }]) => `[${name}]\ntype = alias\nremote = ${remote}\n`,
      );
      const path = folder.file("rclone.conf");
      writeFileSync(path, sections.join(""));
      const value = variable === "RCLONE_CONFIG" ? btoa(sections.join("")) : path;
      const env = { [variable]: value, RCLONE_REMOTE: "one:", RCLONE_EXTRA_REMOTES: "two:" };
      const result = await startFaultRun({ place: one, tools: fakes, env }).exited;
      expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
      expect(one.published()).toHaveLength(1);
      expect(two.files()).toEqual(one.files());
      expect(leftovers(result)).toEqual([]);
    });

  test("in directory mode is copied to one after the other", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("a local folder");
    using fakes = tools({ pg_dump: folderDump });
    const result = await start([one, two], fakes, { BACKUP_MODE: "directory", DUMP_EXTRA_ARGS: "" }).exited;
    expect(result.lastLine).toMatchObject({ msg: "backup stored", exit_code: 0 });
    expect(one.files()).toHaveLength(3);
    expect(two.files()).toEqual(one.files());
  });

  test("is dumped once, and needs a tee that goes on without a dead reader", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("a local folder");
    using fakes = tools({ pg_dump: "echo data" });
    const result = await start([one, two], fakes).exited;
    expect(result.exitCode).toBe(0);
    expect(fakes.calls("pg_dump").filter((words) => !words.includes("--version"))).toHaveLength(1);
    // As BusyBox's does.
    using other = tools({ pg_dump: "echo data", tee: 'echo "tee: unrecognized option: $1" >&2; exit 1' });
    const refused = await start([one, two], other).exited;
    expect(refused.exitCode).toBe(1);
    expect(String(refused.lastLine?.["hint"])).toContain("coreutils");
    expect(other.calls("pg_dump")).toEqual([]);
  });
});

describe("a place that fails is out and named, and the other has every byte:", () => {
  for (const [title, kind, fault, reason] of [
    ["it can't be listed", "lsjson", 'echo "no such host" >&2; exit 1', /no such host/],
    ["its upload dies at once", "rcat", "exit 7", /rclone failed \(exit code 7\)/],
    [
      "its upload dies half way",
      "rcat",
      "head -c 20000000 >/dev/null; exit 7",
      /rclone failed \(exit code 7\)/,
    ],
    ["it is full", "rcat", 'cat >/dev/null; echo "no space left on device" >&2; exit 1', /no space left/],
    ["its upload ends too soon and calls that a success", "rcat", "exit 0", /ended before the dump did/],
    ["it refuses the rename", "moveto", 'echo "permission denied" >&2; exit 1', /permission denied/],
    [
      "it lost bytes on the way",
      "rcat",
      '{ head -c 30000000; cat >/dev/null; } | "$REAL" "$@"; exit',
      /30000000 bytes there, and 40000004 in another place/,
    ],
  ] as const) {
    for (const bad of [0, 1])
      test(`${title} (the ${bad === 0 ? "first" : "second"})`, async () => {
        using one = await places.make("a local folder");
        using two = await places.make("a local folder");
        const [failing, whole] = bad === 0 ? [one, two] : [two, one];
        using fakes = tools({
          pg_dump: slowDump.replace(untilTold, ":"),
          rclone: rcloneExcept(kind, `case "$*" in *"${failing.remote}"*) ${fault} ;; esac`),
        });
        const result = await start([one, two], fakes).exited;
        expectOneMissing(result, failing, whole, reason);
        expect(failing.files()).toEqual([]);
        await waitUntilGone(result.id);
      });
  }

  for (const signal of ["SIGKILL", "SIGTERM"] as const)
    test(`its upload gets ${signal}`, async () => {
      using one = await places.make("a local folder");
      using two = await places.make("S3");
      using fakes = tools({ pg_dump: slowDump });
      const running = start([one, two], fakes);
      sendSignal(await uploader(running, fakes, two), signal);
      await outLine(running);
      tell(fakes);
      expectOneMissing(await running.exited, two, one, /killed by|exit code/);
      expect(two.files()).toEqual([]);
    });

  test("it stands still while the dump goes on", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("a local folder");
    using fakes = tools({ pg_dump: `${dumped.replace("40000000", "9000000")}; echo end` });
    const frozen = rcloneExcept("rcat", `case "$*" in *"${two.remote}"*) exec sleep 600 ;; esac`);
    using withFrozen = tools({
      pg_dump: readFileSync(join(fakes.dir, "pg_dump"), "utf8").split("\n").slice(3).join("\n"),
      rclone: frozen,
    });
    const result = await start([one, two], withFrozen, { BACKUP_STALL_TIMEOUT: "2s" }).exited;
    expectOneMissing(result, two, one, /stood still: not one byte was taken for 2 s/);
    expect(two.files()).toEqual([]);
  });

  // Only root has a freezer.
  if (process.getuid?.() === 0)
    test("it hangs in the kernel, whom not even SIGKILL ends, and the dump goes on", async () => {
      await using freezer = await openFreezer();
      using one = await places.make("a local folder");
      using two = await places.make("a local folder");
      using fakes = tools({
        pg_dump: `${dumped.replace("40000000", "300000")}; ${untilTold}; head -c 20000000 /dev/zero`,
      });
      const running = start([one, two], fakes, { BACKUP_STALL_TIMEOUT: "2s" });
      freezer.freeze(await uploader(running, fakes, two));
      tell(fakes);
      const result = await running.exited;
      expect(result.lastLine).toMatchObject({ msg: "backup stored, with warnings", exit_code: 3 });
      expect(String(result.lastLine?.["error"])).toContain(
        `${two.remote} does not have this backup: it stood`,
      );
      expect(statSync(join(one.remote, one.published()[0] ?? "")).size).toBe(20_300_000);
      freezer.thaw();
      await waitUntilGone(result.id, 20_000);
      expect(two.published()).toEqual([]);
    });

  test("its name is taken there", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("a local folder");
    const name = `app-${new Date().toISOString().slice(0, 10)}.sql`;
    writeFileSync(join(two.remote, name), "another one");
    using fakes = tools({ pg_dump: "echo data" });
    const result = await start([one, two], fakes, { BACKUP_NAME_TEMPLATE: "{db}-{date}" }).exited;
    expect(String(result.lastLine?.["error"])).toMatch(/does not have this backup: .* already exists/);
    expect(result.exitCode).toBe(3);
    expect(one.files()).toEqual([name]);
    expect(readFileSync(join(two.remote, name), "utf8")).toBe("another one");
  });

  test("it stands still after the end of input", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("a local folder");
    using fakes = tools({
      pg_dump: "echo data",
      rclone: rcloneExcept("rcat", `case "$*" in *"${two.remote}"*) exec sleep 600 ;; esac`),
    });
    const result = await start([one, two], fakes, { BACKUP_STALL_TIMEOUT: "2s" }).exited;
    expectOneMissing(result, two, one, /stood still/);
  });
});

describe("nothing is stored anywhere when", () => {
  for (const [title, dump, error] of [
    ["the dump fails", `${dumped}; exit 3`, /pg_dump failed \(exit code 3\)/],
    ["the dump is empty", "exit 0", /the dump is empty/],
  ] as const)
    test(title, async () => {
      using one = await places.make("a local folder");
      using two = await places.make("S3");
      using fakes = tools({ pg_dump: dump });
      const result = await start([one, two], fakes).exited;
      await expectNothingStored(result, one, { error });
      expect(two.files()).toEqual([]);
    });

  test("tee is killed", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("S3");
    using fakes = tools({ pg_dump: slowDump });
    const running = start([one, two], fakes);
    await uploader(running, fakes, one);
    sendSignal(marked(running.id).find(({ command }) => command === "tee")?.pid ?? Number.NaN, "SIGKILL");
    tell(fakes);
    await expectNothingStored(await running.exited, one, { error: /tee failed \(killed by SIGKILL\)/ });
    expect(two.files()).toEqual([]);
  });

  test("every upload dies: each is named with its reason", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("a local folder");
    using fakes = tools({
      pg_dump: slowDump.replace(untilTold, ":"),
      rclone: rcloneExcept("rcat", "exit 7"),
    });
    const result = await start([one, two], fakes).exited;
    await expectNothingStored(result, one, {
      error: /no place has the backup: .*exit code 7.*; .*exit code 7/,
    });
    expect(two.files()).toEqual([]);
  });

  test("no place answers: the dump is not even begun", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("a local folder");
    using fakes = tools({ pg_dump: "echo data", rclone: rcloneExcept("lsjson", "echo lost >&2; exit 1") });
    const result = await start([one, two], fakes).exited;
    await expectNothingStored(result, one, { error: /no place has the backup/ });
    expect(fakes.calls("pg_dump")).toEqual([]);
  });

  test("its content is no whole dump", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("S3");
    using fakes = tools({ pg_dump: "printf -- '--\\n-- PostgreSQL database dump\\n--\\n'; echo cut" });
    const result = await start([one, two], fakes, { DUMP_EXTRA_ARGS: "" }).exited;
    await expectNothingStored(result, one, { error: /is not the end of a/ });
    expect(two.files()).toEqual([]);
  });

  test("SIGTERM comes mid-stream", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("S3");
    using fakes = tools({ pg_dump: slowDump });
    const running = start([one, two], fakes);
    await uploader(running, fakes, one);
    const startedMs = performance.now();
    running.signal("SIGTERM");
    const result = await running.exited;
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    await expectNothingStored(result, one, { exitCode: 143, error: /^stopped by SIGTERM$/ });
    expect(two.files()).toEqual([]);
  });

  for (const [title, ending] of [
    ["stands still", "exec sleep 600"],
    ["fails at that moment", `while kill -0 "$PARENT" 2>/dev/null; do sleep 0.01; done; exit 1`],
    ["ends well at that moment", `while kill -0 "$PARENT" 2>/dev/null; do sleep 0.01; done; exit 0`],
  ] as const)
    for (const compress of ["false", "zstd"])
      test(`dbstash is killed, BACKUP_COMPRESS=${compress}, and the dump ${title}`, async () => {
        using one = await places.make("a local folder");
        using two = await places.make("S3");
        using temp = tempFolder("private");
        mkdirSync(temp.file("tmp"));
        const random = dumped.replace("zero", "urandom");
        using fakes = tools({ pg_dump: `PARENT=$PPID; ${random}; ${ending}` });
        const running = start([one, two], fakes, { TMPDIR: temp.file("tmp"), BACKUP_COMPRESS: compress });
        await uploader(running, fakes, two);
        const family = descendants(running.pid).map((proc) => proc.pid);
        running.signal("SIGKILL");
        await running.exited;
        await waitUntilGone(running.id, 15_000);
        await waitFor("the guard's end", () => !isAlive(family), 15_000);
        expect([one.published(), two.files()]).toEqual([[], []]);
      });

  test("the guard is killed", async () => {
    using one = await places.make("a local folder");
    using two = await places.make("S3");
    using fakes = tools({ pg_dump: slowDump });
    const running = start([one, two], fakes);
    await uploader(running, fakes, two);
    const ours = new Set(marked(running.id).map((proc) => proc.pid));
    const guard = descendants(running.pid).find((proc) => proc.command === "sh" && !ours.has(proc.pid));
    sendSignal(guard?.pid ?? Number.NaN, "SIGKILL");
    await expectNothingStored(await running.exited, one, {
      error: /guards this run's processes was killed/,
      partialMayStay: true,
    });
    expect(two.files()).toEqual([]);
  });
});

test("a place where another run of the job is at work is out, and one with all of them held is skipped", async () => {
  using one = await places.make("a local folder");
  using two = await places.make("a local folder");
  using locks = tempFolder("locks");
  using fakes = tools({ pg_dump: slowDump });
  const XDG_RUNTIME_DIR = locks.path;
  const other = startFaultRun({ place: one, tools: fakes, env: { XDG_RUNTIME_DIR } });
  await uploader(other, fakes, one);
  using quick = tools({ pg_dump: "echo data" });
  const result = await start([one, two], quick, { XDG_RUNTIME_DIR }).exited;
  expect(result.lastLine).toMatchObject({ msg: "backup stored, with warnings", exit_code: 3 });
  expect(String(result.lastLine?.["error"])).toContain("another run of this job is at work there");
  expect(two.published()).toHaveLength(1);
  tell(fakes);
  expect((await other.exited).exitCode).toBe(0);
});

/** Starts a run to these places. */
function start(all: readonly Place[], fakes: FakeTools, env: Record<string, string> = {}): RunningDbstash {
  const [first, ...others] = all;
  if (first === undefined) throw new Error("a run needs a place");
  const ofPlaces = Object.assign({}, ...all.map((place) => place.env));
  return startFaultRun({
    place: first,
    tools: fakes,
    env: { ...ofPlaces, RCLONE_EXTRA_REMOTES: others.map(({ remote }) => `'${remote}'`).join(" "), ...env },
  });
}

/** The backup stands in one of two places, whole, and the run says who lacks it and why. */
function expectOneMissing(result: DbstashResult, failing: Place, whole: Place, reason: RegExp): void {
  expect(result.lastLine).toMatchObject({ level: "warn", msg: "backup stored, with warnings", exit_code: 3 });
  const error = String(result.lastLine?.["error"]);
  expect(error).toContain(`${failing.remote} does not have this backup`);
  expect(error).toMatch(reason);
  expect(result.exitCode).toBe(3);
  expect(whole.published()).toHaveLength(1);
  expect(whole.files()).toHaveLength(1);
  expect(leftovers(result)).toEqual([]);
}

/** The rclone that uploads to a place, once the dump has written all but its end. */
async function uploader(running: RunningDbstash, fakes: FakeTools, { remote }: Place): Promise<number> {
  const find = () =>
    marked(running.id).find(
      ({ argv }) => argv.includes("rcat") && argv.some((word) => word.startsWith(remote)),
    );
  await waitFor("the upload", () => existsSync(join(fakes.dir, "dumped")) && find() !== undefined);
  return find()?.pid ?? Number.NaN;
}

async function outLine(running: RunningDbstash): Promise<void> {
  await running.waitForLine(({ msg }) => msg.startsWith("a place is out"));
}

function tell(fakes: FakeTools): void {
  writeFileSync(join(fakes.dir, "go"), "");
}

function isAlive(pids: readonly number[]): boolean {
  return listProcs().some((proc) => pids.includes(proc.pid) && proc.state !== "Z");
}
