import { afterAll, describe, expect } from "bun:test";
import { needs } from "../support/components.ts";
import type { DbstashResult } from "../support/dbstash.ts";
import { type SmallS3, type S3Right, startSmallS3 } from "../support/small-s3.ts";
import { type Place, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old", "zstd");

/** One server serves all tests of this file, one after the other. */
const s3 = startSmallS3({ buckets: ["b"], name: "small" });
afterAll(() => s3.stop());

const dumpBytes = 60_000;
/** More than rclone takes in one piece: it then asks for the object when it is complete. */
const largeBytes = 20_000_000;

const rights = ["list", "read", "head", "write", "delete"] as const;
type Right = (typeof rights)[number];

/** Every set of rights that may be denied. */
const combinations: readonly (readonly Right[])[] = Array.from({ length: 2 ** rights.length }, (_, bits) =>
  rights.filter((_right, index) => (bits & (1 << index)) !== 0),
);

/** Always denied besides: no backup needs them. */
const needless: readonly S3Right[] = ["bucket-head", "bucket-create"];

/** The exit codes that are promised: with fewer rights less is checked, and that is told. */
function promised(denied: readonly Right[], isPlain: boolean): readonly number[] {
  const is = (right: Right) => denied.includes(right);
  if (is("write")) return [1];
  // Nobody can see whether it stands there.
  if (is("list")) return [3];
  if (isPlain && is("read")) return [3];
  // A newer rclone reads without a HEAD, an old one does not.
  if (is("head")) return isPlain ? [0, 3] : [0];
  return [0];
}

for (const rclone of ["current", "old"] as const) {
  describe(`with rights denied on S3, by the ${rclone} rclone`, () => {
    for (const denied of combinations) {
      const what = denied.length === 0 ? "none" : denied.join(", ");
      for (const compression of ["false", "zstd"] as const) {
        test(`${what}; BACKUP_COMPRESS=${compression}`, async () => {
          const codes = promised(denied, compression === "false");
          const { result, objects } = await run(denied, { rclone, compression, bytes: dumpBytes });
          expect(codes).toContain(result.exitCode ?? -1);
          expectTruth(result, objects);
        });
      }
    }
  });

  describe(`a large upload whose look is refused, by the ${rclone} rclone,`, () => {
    const cases: readonly (readonly [readonly Right[], number])[] = [
      [["read", "head"], 3],
      [["list", "read", "head"], 3],
      [["head"], 3],
      [["delete"], 0],
    ];
    for (const [denied, exitCode] of cases)
      test(`without ${denied.join(", ")}`, async () => {
        const { result, objects } = await run(denied, { rclone, compression: "false", bytes: largeBytes });
        expect(result.exitCode).toBe(exitCode);
        expectTruth(result, objects);
        expect(objects).toHaveLength(1);
      });
  });

  test(`retention without the right to delete tells why, by the ${rclone} rclone`, async () => {
    clear();
    const old = [1, 2, 3].map((day) => `shop/app-2026010${day}T000000Z.sql`);
    s3.change({ denied: ["delete"], faults: {} });
    for (const key of old) s3.put(key, "old");
    using fakes = tools({ pg_dump: wholeDump(dumpBytes) });
    const result = await startFaultRun({
      place: placeOf(s3),
      tools: fakes,
      rclone,
      env: { RETENTION_MAX_FILES: "1" },
    }).exited;
    expect(result.lastLine).toMatchObject({ exit_code: 3 });
    expect(String(result.lastLine?.["error"])).toMatch(/retention failed: .*AccessDenied/);
    clear();
  });

  test(`an upload without the right to write tells why, by the ${rclone} rclone`, async () => {
    const { result } = await run(["write"], { rclone, compression: "false", bytes: dumpBytes });
    expect(String(result.lastLine?.["error"])).toMatch(/AccessDenied/);
    expect(String(result.lastLine?.["hint"])).toContain("refuses these credentials");
  });

  test(`a bucket that does not exist is never created, by the ${rclone} rclone`, async () => {
    clear();
    s3.change({ buckets: [] });
    using fakes = tools({ pg_dump: wholeDump(dumpBytes) });
    const result = await startFaultRun({ place: placeOf(s3), tools: fakes, rclone }).exited;
    s3.change({ buckets: ["b"] });
    expect(result.exitCode).toBe(1);
    expect(String(result.lastLine?.["hint"])).toContain("create the bucket");
    expect(s3.count("bucket-create")).toBe(0);
  });
}

/** "1" and "nothing new stands there" do not part, and neither do "stored" and what stands there. */
function expectTruth(result: DbstashResult, objects: readonly Buffer[]): void {
  const said = result.lastLine;
  if (result.exitCode === 1) {
    expect(said).toMatchObject({ level: "error", msg: "backup failed", exit_code: 1 });
    expect(objects).toHaveLength(0);
    return;
  }
  expect(said).toMatchObject({ status: "success", exit_code: result.exitCode ?? -1 });
  expect(objects).toHaveLength(1);
  // An old rclone may count twice, and where nobody can look the size is not told.
  if (said?.["bytes"] !== null) expect(said?.["bytes"]).toBe(objects[0]?.length ?? -1);
  else expect(result.exitCode).toBe(3);
  if (result.exitCode === 3) expect(String(said?.["error"])).not.toBe("");
}

async function run(
  denied: readonly Right[],
  { rclone, compression, bytes }: { rclone: "current" | "old"; compression: string; bytes: number },
): Promise<{ result: DbstashResult; objects: Buffer[] }> {
  clear();
  s3.change({ denied: [...denied, ...needless], faults: {} });
  using fakes = tools({ pg_dump: wholeDump(bytes) });
  const result = await startFaultRun({
    place: placeOf(s3),
    tools: fakes,
    rclone,
    env: { BACKUP_COMPRESS: compression, DUMP_EXTRA_ARGS: "" },
  }).exited;
  return { result, objects: [...s3.objects("b").values()] };
}

function clear(): void {
  s3.change({ denied: [], faults: {}, buckets: [] });
  s3.change({ buckets: ["b"] });
  s3.clear();
}

function placeOf(server: SmallS3): Place {
  const files = (): string[] => [...server.objects("b").keys()];
  return {
    remote: "small:b/shop",
    env: server.env,
    files,
    published: files,
    [Symbol.dispose]: () => undefined,
  };
}
