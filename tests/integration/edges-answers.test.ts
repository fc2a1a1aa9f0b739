import { describe, expect } from "bun:test";
import { needs } from "../support/components.ts";
import type { DbstashResult } from "../support/dbstash.ts";
import type { S3Fault, S3Right, SmallS3Settings } from "../support/small-s3.ts";
import { type ExpectedEnd, expectEnd, newBackup, type SmallPlace, smallPlace } from "./edges.ts";
import { localPlace, rcloneExcept, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old");

type Release = "current" | "old";
const releases = ["current", "old"] as const;

const old = ["app-20260101T000000Z.sql", "app-20260102T000000Z.sql"];
const small = 60_000;
/** More than rclone takes in one piece. */
const large = 20_000_000;

interface Case {
  readonly title: string;
  readonly bytes?: number;
  readonly faults: Readonly<Partial<Record<S3Right, S3Fault>>>;
  readonly expected: ExpectedEnd;
}

const busy: S3Fault = { unavailable: true };
/** Of an answer without a body the cut comes before it; what was asked is done. */
const cut: S3Fault = { cut: true };
const failed = { exitCode: 1, files: old };
const kept = { exitCode: 3, files: [newBackup, ...old] };
const busyHint = /has too much to do, or is out of service/;

/** Answers that stay as bad as they are, each in one phase of a run. */
const lasting: readonly Case[] = [
  {
    title: "503 to every listing",
    faults: { list: busy },
    expected: { ...failed, error: /^can't list the remote folder: .*SlowDown/, hint: busyHint },
  },
  {
    title: "503 to the listings after the upload",
    faults: { list: { ...busy, skip: 1 } },
    expected: { ...kept, error: /could not be checked: .*SlowDown/, hint: busyHint },
  },
  {
    title: "503 to an upload",
    faults: { put: busy },
    expected: { ...failed, error: /^rclone failed \(exit code \d\): .*SlowDown/, hint: busyHint },
  },
  {
    title: "503 to the beginning of a large upload",
    bytes: large,
    faults: { create: busy },
    expected: { ...failed, error: /^rclone failed .*SlowDown/, hint: busyHint },
  },
  {
    title: "503 to the second part of a large upload",
    bytes: large,
    faults: { part: { ...busy, skip: 1 } },
    expected: { ...failed, error: /^rclone failed .*SlowDown/, hint: busyHint },
  },
  {
    title: "503 to the end of a large upload",
    bytes: large,
    faults: { complete: busy },
    expected: { ...failed, error: /^rclone failed .*SlowDown/, hint: busyHint },
  },
  {
    title: "503 to every reading back",
    faults: { read: busy, head: busy },
    expected: { ...kept, error: /could not be checked: .*(SlowDown|gave 0 bytes of its end)/ },
  },
  {
    title: "503 to every deletion",
    faults: { delete: busy },
    expected: { ...kept, error: /^retention failed: .*SlowDown/, hint: busyHint },
  },
  {
    title: "a cut in every listing",
    faults: { list: cut },
    expected: { ...failed, error: /^can't list the remote folder: .*unexpected EOF/ },
  },
  {
    title: "a cut in the listings after the upload",
    faults: { list: { ...cut, skip: 1 } },
    expected: { ...kept, error: /could not be checked: .*unexpected EOF/ },
  },
  {
    title: "a cut in the answer to an upload, which is done",
    faults: { put: cut },
    expected: { ...kept, error: /could not be checked: rclone had taken all of it when it failed: .*EOF/ },
  },
  {
    title: "a cut in the answer to the second part of a large upload",
    bytes: large,
    faults: { part: { ...cut, skip: 1 } },
    expected: { ...failed, error: /^rclone failed .*EOF/ },
  },
  {
    title: "a cut in the answer to the end of a large upload, which is done",
    bytes: large,
    faults: { complete: cut },
    expected: { ...kept, error: /could not be checked: rclone had taken all of it when it failed: .*EOF/ },
  },
  {
    title: "a cut in every reading back",
    faults: { read: cut },
    expected: { ...kept, error: /could not be checked: .*unexpected EOF/ },
  },
  {
    title: "a cut in the answer to every deletion, which is done",
    faults: { delete: cut },
    expected: { exitCode: 3, error: /^retention failed: .*EOF/, files: [newBackup] },
  },
];

/** Not the end of a large upload: asked again when it is done, S3 knows no such upload any more. */
const kindsOfRequest = ["list", "put", "create", "part", "read", "head", "delete"] as const;

/** The same in each kind of request, once: rclone asks again. */
const passing = [
  ["503", busy],
  ["a cut", cut],
] as const;

for (const rclone of releases)
  describe(`answers that stay bad, by the ${rclone} rclone:`, () => {
    for (const { title, bytes = small, faults, expected } of lasting)
      test(title, async () => {
        await using place = smallPlace();
        // How long rclone tries again by itself is its own matter.
        const env = { RCLONE_EXTRA_ARGS: "--low-level-retries=1" };
        const result = await run(place, rclone, { faults }, { bytes, env });
        await expectEnd(result, place, expected);
        expect(String(result.lastLine?.["error"])).not.toMatch(/0000 {2}|request id|RequestID/);
        if (result.exitCode === 1) expect(place.s3.uploads()).toEqual([]);
      });
  });

for (const bytes of [small, large])
  for (const [title, fault] of passing)
    test(`${title} in each kind of request, once, costs nothing with ${bytes} bytes`, async () => {
      await using place = smallPlace();
      const faults = Object.fromEntries(kindsOfRequest.map((kind) => [kind, { ...fault, times: 1 }]));
      const result = await run(place, "current", { faults }, { bytes });
      expect([0, 3]).toContain(result.exitCode ?? -1);
      // Retention's own request may have been the one that was cut, when it was done.
      await expectEnd(result, place, { ...told(result), files: [newBackup] });
    });

/** Runs that wait for most of their time, and so go beside each other. */
test("every look and removal that has no answer for 10 s is told of", async () => {
  const slow = { delayMs: 12_000, times: 1 };
  const cases: readonly (readonly [Readonly<Partial<Record<S3Right, S3Fault>>>, string])[] = [
    [{ list: slow }, "rclone lsjson"],
    [{ read: slow }, "rclone cat"],
    [{ delete: slow }, "rclone delete"],
  ];
  await Promise.all(
    cases.map(async ([faults, command]) => {
      await using place = smallPlace();
      const result = await run(place, "current", { faults });
      await expectEnd(result, place, { exitCode: 0, files: [newBackup] });
      const slowLines = result.lines.filter(({ msg }) =>
        msg.startsWith("the remote has not answered for 10 s"),
      );
      expect(slowLines).toHaveLength(1);
      expect(slowLines[0]).toMatchObject({ level: "info", command });
    }),
  );
});

// It waits for all of a command's two minutes.
test("a look without an end is ended after 120 s, with what rclone said last", async () => {
  using place = localPlace();
  const line = '{"level":"error","msg":"dial tcp 192.0.2.1:443: connection refused"}';
  const rclone = rcloneExcept("lsjson", `echo '${line}' >&2; exec sleep 600`);
  using fakes = tools({ pg_dump: wholeDump(small), rclone });
  const result = await startFaultRun({ place, tools: fakes, timeoutMs: 180_000 }).exited;
  const error = /rclone lsjson took longer than 120 s.*connection refused/;
  await expectEnd(result, place, { exitCode: 1, error, files: [] });
}, 200_000);

describe("an upload that was a success, and that shows itself", () => {
  test("after one to five looks or never", async () => {
    const looks = releases.flatMap((rclone) => [1, 2, 3, 4, 1000].map((count) => [rclone, count] as const));
    await Promise.all(
      looks.map(async ([rclone, count]) => {
        await using place = smallPlace();
        const result = await run(place, rclone, { hidden: { looks: count, from: ["list"] } });
        if (count < 1000) return expectEnd(result, place, { ...whole, files: [newBackup] });
        const error = /^app-\S+\.sql is not on the remote after its upload$/;
        return expectEnd(result, place, { ...kept, exitCode: 1, error, hint: /do with names/ });
      }),
    );
  });

  test("to nobody at first: it is read again when it is seen", async () => {
    await using place = smallPlace();
    const result = await run(place, "current", { hidden: { looks: 2 } });
    await expectEnd(result, place, { ...whole, files: [newBackup] });
    expect(result.lines.find(({ msg }) => msg === "backup verified")?.["compared"]).toBe(
      "size and end of a plain pg_dump file",
    );
  });
});

const whole = { exitCode: 0 };

function told(result: DbstashResult): ExpectedEnd {
  return result.exitCode === 0 ? whole : { exitCode: 3, error: /^retention failed: / };
}

async function run(
  place: SmallPlace,
  rclone: Release,
  settings: SmallS3Settings,
  { bytes = small, env = {} }: { bytes?: number; env?: Readonly<Record<string, string>> } = {},
): Promise<DbstashResult> {
  for (const key of old) place.s3.put(`shop/${key}`, "old");
  place.s3.change(settings);
  using fakes = tools({ pg_dump: wholeDump(bytes) });
  const own = { RETENTION_MAX_FILES: "1", DUMP_EXTRA_ARGS: "", ...env };
  return await startFaultRun({ place, tools: fakes, rclone, env: own }).exited;
}
