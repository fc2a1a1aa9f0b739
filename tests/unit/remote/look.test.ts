import { describe, expect, test } from "bun:test";
import { DbstashError } from "../../../src/errors.ts";
import { lookFor, sizeOf, untilSeen } from "../../../src/remote/look.ts";
import { fakeRclone, type FakeRemoteParts } from "../fake-rclone.ts";

const never = new AbortController().signal;
const forbidden = new DbstashError("rclone lsjson failed: 403");
const refused = new DbstashError("can't list the remote folder: 403");
const remote = (parts: FakeRemoteParts = {}) => fakeRclone({ "s3:b/a.sql": "dump" }, parts).rclone;

test("the first look that sees something is enough", async () => {
  let looks = 0;
  expect(await untilSeen(async () => (looks += 1), never)).toBe(1);
  expect(looks).toBe(1);
});

describe("a file is", () => {
  test.each<[string, FakeRemoteParts, object]>([
    ["seen with its size", {}, { kind: "seen", bytes: 4 }],
    ["seen where it may not be read", { fails: { size: forbidden } }, { kind: "seen", bytes: 4 }],
    [
      "unknown where its folder may not be listed",
      { fails: { find: refused } },
      { kind: "unknown", problem: { message: refused.message } },
    ],
  ])("%s", async (_, parts, sight) => {
    expect(await lookFor(remote(parts), "s3:b/a.sql", never)).toMatchObject(sight);
  });

  test("not looked for by a run that is stopped", async () => {
    const stop = AbortSignal.abort(new DbstashError("stopped"));
    const error = await lookFor(remote({ fails: { find: refused } }), "s3:b/a.sql", stop).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBe(refused);
  });
});

describe("a file's size is", () => {
  test.each<[string, FakeRemoteParts, number | string]>([
    ["the file's own word", {}, 4],
    ["its folder's word where it says nothing", { fails: { size: forbidden } }, 4],
    [
      "nobody's, for the reason the file gave",
      { fails: { size: forbidden, find: refused } },
      forbidden.message,
    ],
  ])("%s", async (_, parts, expected) => {
    const size = await sizeOf(remote(parts), "s3:b/a.sql", never).catch((error: Error) => error.message);
    expect(size).toBe(expected);
  });
});
