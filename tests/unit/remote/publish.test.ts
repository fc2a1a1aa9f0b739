import { describe, expect, test } from "bun:test";
import { compileTemplate } from "../../../src/catalog/naming.ts";
import { DbstashError } from "../../../src/errors.ts";
import { discard, publish, type UploadEnd } from "../../../src/remote/publish.ts";
import { prepareTarget, type Target } from "../../../src/remote/target.ts";
import { type FakeRemote, fakeRclone, features as remoteFeatures } from "../fake-rclone.ts";

const id = "019c3589-3e00-7abc-8def-0123456789ab";
const name = "shop-20260207T020000Z.sql";
const staged = `s3:b/.${name}.${id}.partial`;
const aside = `s3:b/.${name}.019c3589-3e01-7abc-8def-0123456789ab.partial`;
const never = new AbortController().signal;
const denied = new DbstashError("can't list the remote folder: AccessDenied: 403");
const lost = new DbstashError("rclone moveto failed: connection reset");

describe("where a backup goes", () => {
  test.each<[string, Partial<Target["features"]>, string, Partial<Target>]>([
    ["under a staged name where the remote can rename", {}, name, { uploadPath: staged, staged: true }],
    [
      "under its final name where it can't",
      { move: false },
      name,
      { uploadPath: `s3:b/${name}`, staged: false },
    ],
    [
      "in its own folder",
      {},
      `daily/${name}`,
      { finalPath: `s3:b/daily/${name}`, uploadPath: `s3:b/daily/.${name}.${id}.partial` },
    ],
  ])("%s", async (_, features, finalName, expected) => {
    const target = await prepare(fakeRclone({}, { features }), finalName);
    expect(target).toMatchObject({
      finalName,
      finalWasFree: true,
      overwrites: false,
      isCoarse: false,
      listProblem: null,
      ...expected,
    });
  });

  test("is compared with the newest backup of the same job alone", async () => {
    const remote = fakeRclone({
      "s3:b/shop-20260205T020000Z.sql": "12345",
      "s3:b/shop-20260206T020000Z.sql": "123",
      "s3:b/shop-20260206T030000Z.sql.zst": "1",
      "s3:b/stock-20260206T040000Z.sql": "12",
    });
    expect((await prepare(remote, name)).previousBytes).toBe(3);
    expect((await prepare(fakeRclone(), name)).previousBytes).toBeNull();
  });

  test("is not known to be free where the folder may not be listed", async () => {
    const target = await prepare(fakeRclone({}, { fails: { list: denied } }), name);
    expect(target).toMatchObject({ finalWasFree: false, previousBytes: null, staged: true });
    expect(target.listProblem).toMatchObject({ message: denied.message });
  });

  test.each<[string, string, Record<string, string>, string]>([
    [
      "a name with a time token, which another job writes",
      "{db}-{timestamp}",
      { [`s3:b/${name}`]: "x" },
      "another job writes the same names",
    ],
    ["a name with the day alone", "{db}-{date}", { "s3:b/shop-2026-02-07.sql": "x" }, "{timestamp}"],
    ["a folder of that name", "{db}", { "s3:b/shop.sql/a": "x" }, "a folder has this name"],
  ])("is refused where something stands there: %s", async (_, template, files, hint) => {
    const finalName = (Object.keys(files)[0] ?? "").split("/")[1] ?? "";
    const error = await prepare(fakeRclone(files), finalName, template).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DbstashError);
    expect(error).toMatchObject({
      message: `${finalName} already exists on the remote and is left as it is`,
    });
    expect((error as DbstashError).hint).toContain(hint);
  });

  test("may be over a file of a template that means to overwrite", async () => {
    const target = await prepare(fakeRclone({ "s3:b/shop.sql": "x" }), "shop.sql", "{db}");
    expect(target.finalWasFree).toBe(false);
  });

  const refused = new DbstashError("can't list the remote folder: connection refused");
  const stop = new DbstashError("access denied");
  test.each([
    ["a remote that fails", never, refused, refused],
    ["a run that is stopped, whatever the words", AbortSignal.abort(stop), denied, stop],
  ])("is not found for %s", async (_, signal, list, expected) => {
    const remote = fakeRclone({}, { fails: { list } });
    const error = await prepare(remote, name, "{db}-{timestamp}", signal).catch((thrown: unknown) => thrown);
    expect(error).toBe(expected);
  });
});

const ignore = (): void => undefined;

describe("a staged upload is published", () => {
  test("by a rename, and one under its final name by nothing", async () => {
    const remote = fakeRclone({ [staged]: "dump" });
    await publish(remote.rclone, target(), 4, ignore, never);
    expect([...remote.files]).toEqual([[`s3:b/${name}`, "dump"]]);
    const none = fakeRclone();
    await publish(none.rclone, target({ staged: false }), 4, ignore, never);
    expect(none.calls).toEqual([]);
  });

  test.each([
    ["whose answer was lost, by what stands there", "dump", true, true],
    ["not by a file of another size", "dum", true, false],
    ["not by nothing", null, true, false],
    ["not by a file that may be another run's", "dump", false, false],
  ])("%s", async (_, content, finalWasFree, isPublished) => {
    const files = content === null ? {} : { [`s3:b/${name}`]: content };
    const remote = fakeRclone({ [staged]: "dump", ...files }, { fails: { move: lost } });
    const outcome = await publish(remote.rclone, target({ finalWasFree }), 4, ignore, never).catch(
      (error: unknown) => error,
    );
    expect(outcome).toBe(isPublished ? undefined : lost);
  });
});

test("a rename over an earlier file whose answer was lost was done where the staged one is gone", async () => {
  const remote = fakeRclone({ [`s3:b/${name}`]: "dump" }, { fails: { move: lost } });
  await publish(remote.rclone, target({ finalWasFree: false }), 4, ignore, never);
  expect(remote.calls).toContain(`find ${staged}`);
});

test("a rename whose answer was lost may have been done where nobody can look", async () => {
  const remote = fakeRclone({ [`s3:b/${name}`]: "dump" }, { fails: { move: lost, find: denied } });
  const error = await publish(remote.rclone, target(), 4, ignore, never).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    message: lost.message,
    hint: `it may stand there whole as ${name}: nobody could look`,
  });
});

describe("a name that others may write, too", () => {
  const coarse = { isCoarse: true };
  test("is not written over where its time is coarse", async () => {
    const remote = fakeRclone({ [staged]: "dump", [`s3:b/${name}`]: "theirs" });
    const error = await publish(remote.rclone, target(coarse), 4, ignore, never).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ message: `${name} already exists on the remote and is left as it is` });
    expect(remote.files.get(`s3:b/${name}`)).toBe("theirs");
  });

  test("is written where nothing stands, or nobody can look", async () => {
    for (const fails of [{}, { find: denied }]) {
      const remote = fakeRclone({ [staged]: "dump" }, { fails });
      await publish(remote.rclone, target(coarse), 4, ignore, never);
      expect(remote.files.get(`s3:b/${name}`)).toBe("dump");
    }
  });
});

describe("on a remote that holds two files of one name an old backup", () => {
  const replacing = {
    features: { ...remoteFeatures, duplicates: true },
    finalWasFree: false,
    overwrites: true,
  };
  const before = { [staged]: "dump", [`s3:b/${name}`]: "old" };

  test("waits aside while it is replaced, and goes", async () => {
    const remote = fakeRclone(before);
    await publish(remote.rclone, target(replacing), 4, ignore, never);
    expect([...remote.files]).toEqual([[`s3:b/${name}`, "dump"]]);
    expect(remote.calls.slice(1)).toEqual([
      `move s3:b/${name} ${aside}`,
      `move ${staged} s3:b/${name}`,
      `remove ${aside}`,
    ]);
  });

  test("that can't be removed is told of, and the new one stands", async () => {
    const remote = fakeRclone(before, { fails: { remove: denied } });
    const warnings: string[] = [];
    await publish(
      remote.rclone,
      target(replacing),
      4,
      (problem) => warnings.push(typeof problem === "string" ? problem : problem.message),
      never,
    );
    expect(remote.files.get(`s3:b/${name}`)).toBe("dump");
    expect(warnings).toHaveLength(1);
  });

  test("is not moved where there is none any more", async () => {
    const remote = fakeRclone({ [staged]: "dump" });
    await publish(remote.rclone, target(replacing), 4, ignore, never);
    expect(remote.calls.slice(1)).toEqual([`move ${staged} s3:b/${name}`]);
  });
});

describe("an upload that is given up", () => {
  const inPlace = { staged: false, finalWasFree: false };
  const kept = "a file stands there that may be another run's, so it is left as it is";
  test.each<[string, Partial<Target>, UploadEnd, string[], string | null]>([
    ["is removed where it is staged", {}, "failed", [`remove ${staged}`], null],
    ["leaves a taken name alone when it failed", inPlace, "failed", [], null],
    ["leaves a taken name alone when it was stored", inPlace, "stored", [], null],
    [
      "is removed from a free name when it was stored",
      { staged: false },
      "stored",
      [`remove s3:b/${name}`],
      null,
    ],
    ["is removed when it was read and found bad", inPlace, "proven bad", [`remove s3:b/${name}`], null],
    [
      "is told where something stands after it failed",
      { staged: false },
      "failed",
      [`find s3:b/${name}`],
      kept,
    ],
  ])("%s", async (_, change, end, calls, problem) => {
    const wanted = target(change);
    const remote = fakeRclone({ [staged]: "x", [`s3:b/${name}`]: "x" });
    const left = await discard(remote.rclone, wanted, wanted.uploadPath, end, never);
    expect(remote.calls).toEqual(calls);
    expect(left?.message ?? null).toBe(problem);
  });

  test("has left nothing where nothing stands", async () => {
    expect(
      await discard(fakeRclone().rclone, target({ staged: false }), `s3:b/${name}`, "failed", never),
    ).toBeNull();
  });

  test("may be left behind where it can't be removed", async () => {
    const { rclone } = fakeRclone({}, { fails: { remove: new DbstashError("can't remove a file: 403") } });
    expect(await discard(rclone, target(), staged, "failed", never)).toMatchObject({
      message: "can't remove a file: 403",
    });
  });
});

function prepare(
  remote: FakeRemote,
  finalName: string,
  template = "{db}-{timestamp}",
  signal = never,
): Promise<Target> {
  const naming = { database: "shop", engine: "pg", extension: ".sql", timeZone: "UTC" } as const;
  return prepareTarget(
    remote.rclone,
    finalName,
    id,
    { ...naming, template: compileTemplate(template) },
    signal,
  );
}

/** A target that is free and staged, but for what `change` says. */
function target(change: Partial<Target> = {}): Target {
  const finalPath = `s3:b/${name}`;
  return {
    finalName: name,
    finalPath,
    uploadPath: change.staged === false ? finalPath : staged,
    staged: true,
    finalWasFree: true,
    standingBytes: null,
    features: remoteFeatures,
    previousBytes: null,
    overwrites: false,
    isCoarse: false,
    asidePath: aside,
    listProblem: null,
    ...change,
  };
}
