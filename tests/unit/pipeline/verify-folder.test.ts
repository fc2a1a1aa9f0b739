import { describe, expect, test } from "bun:test";
import type { Manifest } from "../../../src/catalog/manifest.ts";
import { DbstashError } from "../../../src/errors.ts";
import { bad } from "../../../src/pipeline/verdict.ts";
import { verifyFolder } from "../../../src/pipeline/verify-folder.ts";
import { fakeRclone } from "../fake-rclone.ts";

const never = new AbortController().signal;
const denied = new DbstashError("rclone cat failed: 403");

describe("a stored folder is", () => {
  const file = (path: string, bytes = 3) => ({ path, bytes });
  const manifest = (...files: Manifest["files"][number][]): Manifest => ({
    engine: "pg",
    database: "shop",
    createdAt: "2026-02-07T02:00:00Z",
    tool: "pg_dump 18",
    files,
  });
  const names = (count: number) => Array.from({ length: count }, (_, index) => file(`${index}.dat`));

  test.each<[string, Manifest, object]>([
    [
      "good when every file is there, and more",
      manifest(file("a"), file("b/c")),
      { outcome: "good", bytes: 99, how: "2 files, each with the size in dbstash.json" },
    ],
    ["bad when one is missing", manifest(file("a"), file("d")), bad("size", "d is missing")],
    [
      "bad when one has another size",
      manifest(file("b/c", 4)),
      bad("size", "b/c has 3 bytes where 4 were written"),
    ],
    [
      "bad when many are missing, of which a few are named",
      manifest(...names(7)),
      bad(
        "size",
        "0.dat is missing; 1.dat is missing; 2.dat is missing; 3.dat is missing; 4.dat is missing; and 2 more",
      ),
    ],
  ])("%s", async (_, wanted, verdict) => {
    const { rclone } = fakeRclone({ "s3:b/x/a": "123", "s3:b/x/b/c": "123", "s3:b/x/e": "123" });
    expect(await verifyFolder(rclone, "s3:b/x", wanted, 99, never)).toMatchObject(verdict);
  });

  test("unchecked where it can't be listed", async () => {
    const { rclone } = fakeRclone({}, { fails: { list: denied } });
    expect(await verifyFolder(rclone, "s3:b/x", manifest(), 99, never)).toMatchObject({
      outcome: "unchecked",
      bytes: 99,
    });
  });
});
