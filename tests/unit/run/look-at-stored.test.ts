import { describe, expect, test } from "bun:test";
import { DbstashError } from "../../../src/errors.ts";
import { lookAtStored } from "../../../src/run/look-at-stored.ts";
import { fakeRclone, type FakeRemoteParts } from "../fake-rclone.ts";
import { type Env, resolve, uri } from "../job/jobs.ts";

const name = "shop-20260207T020000Z.sql";
const refused = new DbstashError("can't list the remote folder: 403");
const never = new AbortController().signal;

describe("a backup just stored is", () => {
  test.each<[string, Env, string, Record<string, string>, number | null]>([
    ["seen with its size", {}, name, { [name]: "dump" }, 4],
    [
      "seen without a size where none is to be checked",
      { BACKUP_VERIFY: "false", RETENTION_MAX_DAYS: "3" },
      name,
      { [name]: "dump" },
      null,
    ],
    [
      "seen as a folder by its manifest, without a size",
      { BACKUP_MODE: "directory" },
      "shop-20260207T020000Z",
      { "shop-20260207T020000Z/dbstash.json": "{}", "shop-20260207T020000Z/toc.dat": "x" },
      null,
    ],
  ])("%s", async (_, env, stored, files, bytes) => {
    const sight = await look(env, stored, files);
    expect(sight).toMatchObject({ kind: "seen", bytes });
    expect(sight.kind === "seen" && sight.listed.backups.map((backup) => backup.name)).toEqual([stored]);
  });

  test("not looked at where nothing is checked and nothing removed", async () => {
    expect(await look({ BACKUP_VERIFY: "false" }, name, {}, { fails: { list: refused } })).toEqual({
      kind: "skipped",
    });
  });

  test("unknown where nobody may look", async () => {
    expect(await look({}, name, {}, { fails: { list: refused } })).toMatchObject({
      kind: "unknown",
      problem: { message: refused.message },
    });
  });

  test("not known where the run is over: what was published stands", async () => {
    const stop = AbortSignal.abort(new DbstashError("stopped"));
    const sight = await look({}, name, {}, { fails: { list: refused } }, stop);
    expect(sight.kind).toBe("unknown");
  });
});

function look(
  env: Env,
  stored: string,
  files: Record<string, string>,
  parts: FakeRemoteParts = {},
  signal = never,
) {
  const content = Object.entries(files).map(([path, text]) => [`/backups/${path}`, text]);
  const { rclone } = fakeRclone(Object.fromEntries(content), { root: "/backups", ...parts });
  return lookAtStored({ job: resolve({ ...uri, ...env }), rclone, name: stored, signal });
}
