import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Keys, makeKeys } from "../support/age.ts";
import { componentPath, needs } from "../support/components.ts";
import { marked, waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { killGuard } from "./edges.ts";
import {
  expectNothingStored,
  faultTests,
  placeKinds,
  privateFolders,
  startFaultRun,
  tools,
  unfinishedUploads,
} from "./places.ts";

const { places, available } = faultTests();
const { test } = needs("age", "sshd", ...(available ? [] : (["s3-server"] as const)));

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});
afterAll(() => keys?.[Symbol.dispose]());

/** A stand-in for age that is the real one when it is tried, and in a run does as `body` says. */
function ageThat(body: string): string {
  const real = `${componentPath("age")}/age`;
  return `REAL='${real}'; if [ ! -e "$FAKE_DIR/tried" ]; then : >"$FAKE_DIR/tried"; exec "$REAL" "$@"; fi\n${body}`;
}

const encrypting = (compress: string) => ({
  BACKUP_COMPRESS: compress,
  BACKUP_ENCRYPT_TO: keys.own.recipient,
});

describe("an age that", () => {
  for (const [title, body, error] of [
    [
      "exits 1 is the cause, by its own words",
      "head -c 200000; echo 'age: error: no entropy' >&2; echo 'age: report unexpected or unhelpful errors' >&2; exit 1",
      /^age failed \(exit code 1\): age: error: no entropy$/,
    ],
    ["is killed", "head -c 200000; kill -KILL $$", /^age failed \(killed by SIGKILL\)$/],
    ["exits 1 at once", "exit 1", /^age failed \(exit code 1\)$/],
    ["exits 0 before the dump ends", "head -c 200000; exit 0", /^(pg_dump|zstd|age) failed/],
  ] as const)
    for (const [kind, compress] of [
      ["a local folder", "false"],
      ["S3", "zstd"],
    ] as const)
      test(`${title}: nothing is stored in ${kind}, with BACKUP_COMPRESS=${compress}`, async () => {
        using place = await places.make(kind);
        using fakes = tools({ pg_dump: "exec cat /dev/urandom", age: ageThat(body) });
        const result = await startFaultRun({ place, tools: fakes, env: encrypting(compress) }).exited;
        await expectNothingStored(result, place, { error });
      });
});

/** Random, so that the pipe behind zstd fills; then it waits for what the test does, and ends. */
const dumpThat = (ending: string): string =>
  `head -c 20000000 /dev/urandom; : >"$FAKE_DIR/dumped"; while [ ! -e "$FAKE_DIR/go" ]; do sleep 0.02; done; ${ending}`;

for (const [title, ending] of [
  ["ends well", "exit 0"],
  ["fails", "echo 'pg_dump: error: lost' >&2; exit 1"],
] as const)
  describe(`a SIGKILL, and a dump that ${title} right afterwards:`, () => {
    for (const kind of placeKinds)
      test(`to age in the middle of the stream stores nothing in ${kind}`, async () => {
        using place = await places.make(kind);
        using fakes = tools({ pg_dump: dumpThat(ending) });
        const running = startFaultRun({ place, tools: fakes, env: encrypting("zstd") });
        await waitFor("the middle of the stream", () => existsSync(join(fakes.dir, "dumped")));
        kill(running.id, "age");
        writeFileSync(join(fakes.dir, "go"), "");
        await expectNothingStored(await running.exited, place, {
          error: /^(age failed \(killed by SIGKILL\)|pg_dump failed)/,
        });
        if (kind === "S3") expect(await unfinishedUploads(await places.s3)).toEqual([]);
      });

    test("to age in front of two places stores nothing in either", async () => {
      using place = await places.make("a local folder");
      using other = await places.make("S3");
      using fakes = tools({ pg_dump: dumpThat(ending) });
      const env = { ...encrypting("zstd"), RCLONE_EXTRA_REMOTES: other.remote, ...other.env };
      const running = startFaultRun({ place, tools: fakes, env });
      await waitFor("the middle of the stream", () => existsSync(join(fakes.dir, "dumped")));
      kill(running.id, "age");
      writeFileSync(join(fakes.dir, "go"), "");
      await expectNothingStored(await running.exited, place, {
        error: /^(age failed \(killed by SIGKILL\)|pg_dump failed)/,
      });
      expect(other.files()).toEqual([]);
    });

    test("to zstd, whose end age takes for the dump's, stores nothing", async () => {
      using place = await places.make("S3");
      using fakes = tools({ pg_dump: dumpThat(ending) });
      const running = startFaultRun({ place, tools: fakes, env: encrypting("zstd") });
      await waitFor("the middle of the stream", () => existsSync(join(fakes.dir, "dumped")));
      kill(running.id, "zstd");
      writeFileSync(join(fakes.dir, "go"), "");
      await expectNothingStored(await running.exited, place, { error: /^(zstd|pg_dump) failed/ });
    });

    test("to the guard stores nothing", async () => {
      using place = await places.make("a local folder");
      using fakes = tools({ pg_dump: dumpThat(ending) });
      const running = startFaultRun({ place, tools: fakes, env: encrypting("zstd") });
      await waitFor("the middle of the stream", () => existsSync(join(fakes.dir, "dumped")));
      killGuard(running);
      writeFileSync(join(fakes.dir, "go"), "");
      await expectNothingStored(await running.exited, place, {
        error: /guards this run's processes was killed|^pg_dump failed/,
        partialMayStay: true,
      });
    });
  });

for (const kind of placeKinds)
  test(`a SIGKILL to an age that has written all of it stores nothing in ${kind}`, async () => {
    using place = await places.make(kind);
    const age = ageThat('"$REAL" "$@"; : >"$FAKE_DIR/flushed"; sleep 600');
    using fakes = tools({ pg_dump: "echo data", age });
    const running = startFaultRun({ place, tools: fakes, env: encrypting("false") });
    await waitFor("its last byte", () => existsSync(join(fakes.dir, "flushed")));
    kill(running.id, "age");
    await expectNothingStored(await running.exited, place, { error: /^age failed \(killed by SIGKILL\)$/ });
  });

test("a SIGKILL to age while it is tried fails the run before it dumps", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({ pg_dump: "echo data", age: ': >"$FAKE_DIR/tried"; exec sleep 600' });
  const running = startFaultRun({ place, tools: fakes, env: encrypting("false") });
  await waitFor("the trial", () => existsSync(join(fakes.dir, "tried")));
  kill(running.id, "sleep");
  await expectNothingStored(await running.exited, place, { error: /^age failed \(killed by SIGKILL\)$/ });
  expect(fakes.calls("pg_dump")).toEqual([]);
});

test("a SIGTERM while age is tried ends it at once", async () => {
  using place = await places.make("a local folder");
  using fakes = tools({ pg_dump: "echo data", age: ': >"$FAKE_DIR/tried"; exec sleep 600' });
  const running = startFaultRun({ place, tools: fakes, env: encrypting("false") });
  await waitFor("the trial", () => existsSync(join(fakes.dir, "tried")));
  running.signal("SIGTERM");
  await expectNothingStored(await running.exited, place, { exitCode: 143, error: /^stopped by SIGTERM$/ });
});

test("a SIGKILL to dbstash while age is tried leaves no process and no list", async () => {
  using place = await places.make("a local folder");
  using temp = tempFolder("private");
  using fakes = tools({ pg_dump: "echo data", age: ': >"$FAKE_DIR/tried"; exec sleep 600' });
  const env = { ...encrypting("false"), TMPDIR: temp.path };
  const running = startFaultRun({ place, tools: fakes, env });
  await waitFor("the trial", () => existsSync(join(fakes.dir, "tried")));
  expect(privateFolders(temp.path)).toHaveLength(1);
  running.signal("SIGKILL");
  await running.exited;
  await waitUntilGone(running.id);
  await waitFor("the end of the private folder", () => privateFolders(temp.path).length === 0);
  expect(place.files()).toEqual([]);
});

/** Kills a run's process of that name, and none of another's. */
function kill(id: string, command: string): void {
  const found = marked(id).filter((proc) => proc.command === command);
  expect(found.length).toBeGreaterThan(0);
  for (const { pid } of found) process.kill(pid, "SIGKILL");
}
