import { describe, expect, test } from "bun:test";
import { writeManifest } from "../../../src/catalog/manifest.ts";
import { DbstashError } from "../../../src/errors.ts";
import { listBackups } from "../../../src/job/backups.ts";
import { doubtOfSize } from "../../../src/run/doubt-of-size.ts";
import { fakeRclone, type FakeRemoteParts } from "../fake-rclone.ts";
import { type Env, resolve, uri } from "../job/jobs.ts";

const never = new AbortController().signal;
const half = { BACKUP_MIN_PERCENT: "50" };
const folders = { ...half, BACKUP_MODE: "directory" };

/** What is said of the last of backups of such sizes, one a day. */
async function doubt(
  env: Env,
  sizes: readonly number[],
  parts: FakeRemoteParts & { readonly bytes?: number | null } = {},
): Promise<{ readonly said: string | null; readonly calls: readonly string[] }> {
  const job = resolve({ ...uri, ...env });
  const isFolder = job.request.mode === "directory";
  const names = sizes.map((_, day) => `shop-2026020${day + 1}T020000Z${isFolder ? "" : ".sql"}`);
  const files = sizes.flatMap((bytes, at) =>
    isFolder
      ? [
          [`/backups/${names[at]}/toc.dat`, "x"],
          [`/backups/${names[at]}/dbstash.json`, manifest(bytes)],
        ]
      : [[`/backups/${names[at]}`, "x".repeat(bytes)]],
  );
  const content = Object.fromEntries(files);
  const root = "/backups";
  const remote = fakeRclone(content, { root, ...parts });
  const listed = await listBackups(fakeRclone(content, { root }).rclone, job, never);
  const bytes = parts.bytes === undefined ? (sizes.at(-1) ?? 0) : parts.bytes;
  const sight = { kind: "seen", bytes: null, listed } as const;
  const name = names.at(-1) ?? "";
  const problem = await doubtOfSize({ rclone: remote.rclone, job, name, bytes, sight, signal: never });
  return { said: problem?.message ?? null, calls: remote.calls };
}

/** A manifest of a folder of so many bytes besides it, deep in folders as mongodump makes them. */
function manifest(bytes: number): string {
  return writeManifest({
    engine: "mongo",
    database: "shop",
    createdAt: "2026-02-01T02:00:00.000Z",
    tool: "a\n}\ntool",
    files: [
      { path: "toc.dat", bytes: 1 },
      { path: "shop/}\n/rest.bson", bytes: bytes - 1 },
    ],
  });
}

describe("a backup of fewer bytes than asked for", () => {
  test.each<[string, Env, number[], RegExp | null]>([
    [
      "is doubted",
      half,
      [100, 100, 49],
      /^this backup is suspiciously small: 49 B, 49 % of the median of the 2 /,
    ],
    [
      "is doubted by the one before it alone",
      half,
      [100, 49],
      /49 % of the one before it \(100 B\), where BACKUP_/,
    ],
    ["is not doubted unasked", {}, [100, 100, 1], null],
    ["is not doubted where it is large enough", half, [100, 100, 50], null],
    ["is not doubted as the first", half, [1], null],
    [
      "is doubted by five before it, no more",
      half,
      [1, 1, 1, 1, 100, 100, 100, 9],
      /median of the 5 before it \(100 B\)/,
    ],
    ["is doubted as a folder, by all that is in it", folders, [5000, 5000, 900], /suspiciously small/],
    ["is not doubted as a folder that is large enough", folders, [5000, 5000, 4000], null],
  ])("%s", async (_, env, sizes, said) => {
    const found = await doubt(env, sizes);
    if (said === null) expect(found.said).toBeNull();
    else expect(found.said).toMatch(said);
  });

  test("is found by the listing that is there; folders are asked by one call", async () => {
    expect((await doubt(half, [100, 100, 1])).calls).toEqual([]);
    expect((await doubt(folders, [5000, 5000, 1])).calls).toEqual([
      "readAll /backups shop-20260202T020000Z/dbstash.json shop-20260201T020000Z/dbstash.json",
    ]);
  });
});

describe("a size that can't be compared is told of", () => {
  const said = "whether this backup is too small could not be found out: ";

  test("where the manifests can't be read", async () => {
    const fails = { readAll: new DbstashError("rclone cat failed: 403") };
    expect((await doubt(folders, [100, 100], { fails })).said).toBe(`${said}rclone cat failed: 403`);
  });

  test("where nobody knows the backup's own", async () => {
    expect((await doubt(half, [100, 100], { bytes: null })).said).toBe(`${said}the remote tells no sizes`);
  });
});
