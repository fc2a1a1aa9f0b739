import { describe, expect, test } from "bun:test";
import { type Manifest, missingFiles, readManifest, writeManifest } from "../../../src/catalog/manifest.ts";

const manifest: Manifest = {
  engine: "pg",
  database: "shop",
  createdAt: "2026-02-07T02:00:00.000Z",
  tool: "pg_dump (PostgreSQL) 18.1",
  files: [
    { path: "toc.dat", bytes: 12, sha256: "0f".repeat(32) },
    { path: "blobs/1.dat", bytes: 0 },
  ],
};

describe("a manifest", () => {
  test("is read as it was written, with what a later version adds left out", () => {
    expect(readManifest(writeManifest(manifest))).toEqual(manifest);
    expect(readManifest(JSON.stringify({ ...manifest, sums: {} }))).toEqual(manifest);
  });

  test.each<[string, unknown]>([
    ["it is no JSON object", []],
    ["it is no JSON object", null],
    ["it names no engine", { ...manifest, engine: "oracle" }],
    ["it names no database", { ...manifest, database: undefined }],
    ["it tells no time", { ...manifest, createdAt: "yesterday" }],
    ["it names no tool", { ...manifest, tool: 18 }],
    ["it lists no files", { ...manifest, files: {} }],
    ["a file in it is no object", { ...manifest, files: ["toc.dat"] }],
    ["a file in it has no path", { ...manifest, files: [{ path: "", bytes: 1 }] }],
    ["a file in it has no size", { ...manifest, files: [{ path: "a", bytes: -1 }] }],
    ["a file in it has no size", { ...manifest, files: [{ path: "a", bytes: 1.5 }] }],
    [
      "a file in it has a SHA-256 that is none",
      { ...manifest, files: [{ path: "a", bytes: 1, sha256: "0F".repeat(32) }] },
    ],
  ])("is none where %s: %#", (reason, value) => {
    expect(() => readManifest(JSON.stringify(value))).toThrow(
      `the folder's manifest can't be read: ${reason}`,
    );
  });

  test.each(["", "{", "<html>"])("is none where it is cut or something else: %p", (text) => {
    expect(() => readManifest(text)).toThrow("it is no JSON");
  });
});

describe("what a folder lacks", () => {
  const entry = (path: string, bytes: number, isFolder = false) => ({
    path,
    bytes,
    isFolder,
    modTimeMs: null,
  });
  const whole = [entry("toc.dat", 12), entry("blobs", -1, true), entry("blobs/1.dat", 0)];
  test.each([
    ["nothing", whole, []],
    ["nothing beside further files", [...whole, entry("more", 3)], []],
    ["a file", [entry("toc.dat", 12)], ["blobs/1.dat is missing"]],
    [
      "a part of one",
      [entry("toc.dat", 11), entry("blobs/1.dat", 0)],
      ["toc.dat has 11 bytes where 12 were written"],
    ],
    [
      "a file where a folder has its name",
      [entry("toc.dat", 12, true), entry("blobs/1.dat", 0)],
      ["toc.dat is missing"],
    ],
    // Not every remote tells them.
    ["no size", [entry("toc.dat", -1), entry("blobs/1.dat", -1)], []],
    ["everything", [], ["toc.dat is missing", "blobs/1.dat is missing"]],
  ])("is %s", (_, listing, missing) => {
    expect(missingFiles(manifest, listing)).toEqual(missing);
  });
});
