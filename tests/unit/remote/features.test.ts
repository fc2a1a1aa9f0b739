import { describe, expect, test } from "bun:test";
import { knownFeatures, parseFeatures, type RemoteFeatures } from "../../../src/remote/features.ts";

describe("what rclone says of a remote's features", () => {
  const both = { Move: true, PutStream: true };
  test.each<[string, string[] | null | undefined, object, Partial<RemoteFeatures>]>([
    [
      "Local file system at /x",
      ["md5"],
      both,
      { move: true, putStream: true, hashIsEmpty: true, kind: "local" },
    ],
    ["S3 bucket b path x", ["md5"], both, { hashIsEmpty: true, kind: "s3" }],
    ["S3 root", ["md5"], both, { hashIsEmpty: true, kind: "s3" }],
    ["Encrypted drive 'x'", [], both, { hashIsEmpty: true, kind: "other", wraps: false }],
    ["Encrypted drive 'x:'", [], { ...both, WrapFs: true }, { kind: "other", wraps: true }],
    ["WebDAV root ''", null, {}, { hashIsEmpty: true, move: false, putStream: false }],
    ["FTP root", undefined, { Move: true }, { hashIsEmpty: true, move: true, putStream: false }],
    [
      "Google drive root",
      ["md5"],
      { DuplicateFiles: true },
      { hashIsEmpty: false, kind: "other", duplicates: true },
    ],
  ])("%s with the hashes %j can do %j", (String, Hashes, Features, expected) => {
    expect(parseFeatures(JSON.stringify({ String, Hashes, Features }))).toMatchObject(expected);
  });
});

test.each([
  ["local", "local"],
  ["s3", "s3"],
  ["crypt", null],
  ["b2", null],
  [null, null],
])("a remote of the backend %p is known as %p without being asked", (backend, kind) => {
  expect(knownFeatures(backend)?.kind ?? null).toBe(kind as "s3" | null);
});
