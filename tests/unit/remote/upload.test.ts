import { describe, expect, test } from "bun:test";
import { streamingCutoffBytes, uploadFlags } from "../../../src/remote/upload.ts";
import { features as everything } from "../fake-rclone.ts";

describe("upload flags", () => {
  const features = { ...everything, move: false, kind: "s3" } as const;
  const choice = { features, previousBytes: null, chunkSizeIsSet: false };
  const chunkOf = (previousBytes: number | null) =>
    uploadFlags({ ...choice, previousBytes }).at(uploadFlags(choice).indexOf("--s3-chunk-size") + 1);

  test.each<[number | null, string]>([
    [null, "16Mi"],
    [100 * 2 ** 30, "16Mi"],
    [200 * 2 ** 30, "31Mi"],
    [2 ** 40, "158Mi"],
  ])("after a backup of %p bytes chunks have %s", (previousBytes, chunk) => {
    expect(chunkOf(previousBytes)).toBe(chunk);
  });

  test("a chunk size the user set stays", () => {
    expect(uploadFlags({ ...choice, chunkSizeIsSet: true })).not.toContain("--s3-chunk-size");
  });

  test("a hash that proves something is kept, one that proves nothing is not made", () => {
    expect(uploadFlags(choice)).toContain("--ignore-checksum");
    expect(uploadFlags(choice)).toContain("--size-only");
    expect(uploadFlags({ ...choice, features: { ...features, hashIsEmpty: false } })).not.toContain(
      "--ignore-checksum",
    );
  });

  test("ask for no bucket and for no right to read", () => {
    const own = ["--s3-no-check-bucket", "--s3-no-head"];
    expect(uploadFlags(choice)).toEqual(expect.arrayContaining(own));
    expect(uploadFlags({ ...choice, features: everything }).filter((flag) => own.includes(flag))).toEqual([]);
  });

  test("hold nothing in memory for a local folder", () => {
    const local = uploadFlags({ ...choice, features: { ...everything, kind: "local" } });
    expect(local.join(" ")).toContain("--buffer-size 0");
    expect(uploadFlags(choice)).not.toContain("--buffer-size");
  });

  test("a stream may pause", () => {
    expect(uploadFlags(choice)).toContain("--timeout=0");
  });
});

test.each([
  ["s3", 16 * 1024 * 1024],
  ["local", 100 * 1024],
  ["other", 100 * 1024],
] as const)("on a remote of the kind %s a stream below %d bytes is held in memory", (kind, bytes) => {
  expect(streamingCutoffBytes({ ...everything, kind })).toBe(bytes);
});
