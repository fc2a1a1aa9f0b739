import { afterAll, describe, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { found, runCheck } from "../support/check.ts";
import { needs } from "../support/components.ts";
import { type DbstashOptions, runDbstash } from "../support/dbstash.ts";
import { type S3Right, startSmallS3 } from "../support/small-s3.ts";
import { tempFolder } from "../support/temp.ts";
import { answeringTools } from "./check-tools.ts";
import { aliasOf, leftovers, rcloneExcept, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old", "zstd");

/** One server serves all tests of this file, one after the other. */
const s3 = startSmallS3({ buckets: ["b"], name: "small" });
const fakes = tools(answeringTools);
afterAll(async () => {
  fakes.remove();
  await s3.stop();
});

/** A check of a job whose database is well. */
function check(env: Readonly<Record<string, string>>, options: DbstashOptions = {}) {
  return runCheck("pg", {
    ...options,
    path: [...(options.path ?? []), fakes.dir],
    env: { DB_HOST: "127.0.0.1", DB_NAME: "app", DB_PASSWORD: "s3cret", ...env },
  });
}

const onS3 = { ...s3.env, RCLONE_REMOTE: "small:b/shop" };

function withDenied(denied: readonly S3Right[], buckets: readonly string[] = ["b"]): void {
  s3.change({ denied: [], faults: {}, buckets: [] });
  s3.change({ buckets });
  s3.change({ denied: [...denied, "bucket-head", "bucket-create"] });
  s3.clear();
}

for (const rclone of ["current", "old"] as const) {
  describe(`on S3, by the ${rclone} rclone`, () => {
    test("all is well: exit 0, and nothing is left there", async () => {
      withDenied([]);
      const result = await check(onS3, { rclone });
      expect([result.failed, result.exitCode]).toEqual([[], 0]);
      expect(found(result, "place")).toEqual([
        "ok: small:b/shop answers, and holds no backup of this job yet",
      ]);
      for (const topic of ["write", "read", "delete"]) expect(found(result, topic)[0]).toStartWith("ok: ");
      expect(found(result, "rename")).toEqual([]);
      expect([s3.objects("b").size, s3.uploads(), s3.count("bucket-create")]).toEqual([0, [], 0]);
      expect(leftovers(result.run)).toEqual([]);
    });

    test("a bucket that is missing is told, and never made", async () => {
      withDenied([], []);
      const result = await check(onS3, { rclone });
      expect(result.exitCode).toBe(1);
      expect(result.failed).toEqual([
        expect.stringMatching(/^place: .* the bucket does not exist; create the bucket/),
      ]);
      expect(s3.count("bucket-create")).toBe(0);
    });

    const cases: readonly (readonly [
      what: string,
      denied: readonly S3Right[],
      env: Readonly<Record<string, string>>,
      exitCode: number,
      topic: string,
      line: RegExp,
    ])[] = [
      [
        "list",
        ["list"],
        {},
        3,
        "place",
        /^failed: it can't be listed: .* each run ends with 3 \(.*AccessDenied/,
      ],
      [
        "list, with retention,",
        ["list"],
        { RETENTION_MAX_FILES: "3" },
        3,
        "place",
        /^failed: .*retention removes nothing/,
      ],
      [
        "list, which nobody asks for,",
        ["list"],
        { BACKUP_VERIFY: "false" },
        0,
        "place",
        /^open: it can't be listed/,
      ],
      ["read", ["read"], {}, 3, "read", /^failed: nothing can be read back: .* each run ends with 3/],
      [
        "read, where it is compressed,",
        ["read"],
        { BACKUP_COMPRESS: "zstd" },
        0,
        "read",
        /^open: nothing can be read/,
      ],
      ["write", ["write"], {}, 1, "write", /^failed: no backup can be stored \(.*AccessDenied/],
      ["delete", ["delete"], {}, 0, "delete", /^open: nothing can be removed: there can be no retention/],
      [
        "delete, with retention,",
        ["delete"],
        { RETENTION_MAX_DAYS: "3" },
        3,
        "delete",
        /^failed: nothing can be removed: retention fails/,
      ],
    ];
    for (const [what, denied, env, exitCode, topic, line] of cases)
      test(`without ${what} it says what that costs: exit ${exitCode}`, async () => {
        withDenied(denied);
        const result = await check({ ...onS3, ...env }, { rclone });
        expect(found(result, topic)[0]).toMatch(line);
        // rclone reads and removes by a listing, too.
        const byListing = "RETENTION_MAX_FILES" in env ? ["read", "delete"] : ["read"];
        const failed = exitCode === 0 ? [] : [topic, ...(denied.includes("list") ? byListing : [])];
        expect(result.failed.map((each) => each.split(":")[0] ?? "")).toEqual(failed);
        expect(result.exitCode).toBe(exitCode);
        expect(leftovers(result.run)).toEqual([]);
      });

    test("where nothing may be removed one file stays, however often it is checked", async () => {
      withDenied(["delete"]);
      for (let times = 0; times < 3; times++) expect((await check(onS3, { rclone })).exitCode).toBe(0);
      expect([...s3.objects("b").keys()]).toEqual([
        expect.stringMatching(/^shop\/\.dbstash-check-[0-9a-f]{8}$/),
      ]);
    });

    test("where what stands there may not be replaced either, it was tried before", async () => {
      withDenied(["delete"]);
      await check(onS3, { rclone });
      s3.change({ denied: ["write", "delete"] });
      const result = await check(onS3, { rclone });
      expect(found(result, "write")[0]).toMatch(/^open: not tried: a file of an earlier check stands there/);
      expect(result.exitCode).toBe(0);
    });
  });
}

describe("what a check ends with is what a run then ends with, without", () => {
  const job = tools({
    ...answeringTools,
    pg_dump: `[ "$1" != --version ] || { ${answeringTools.pg_dump}; exit; }\n${wholeDump(60_000)}`,
  });
  afterAll(() => job.remove());
  const cases: readonly (readonly S3Right[])[] = [
    ["list"],
    ["read"],
    ["head"],
    ["write"],
    ["delete"],
    ["list", "read"],
    ["head", "delete"],
    ["read", "head", "delete"],
  ];
  for (const denied of cases)
    test(denied.join(", "), async () => {
      withDenied(denied);
      for (const day of [1, 2, 3]) s3.put(`shop/app-2026010${day}T000000Z.sql`, "old");
      const env = { ...onS3, DB_HOST: "127.0.0.1", DB_NAME: "app", RETENTION_MAX_FILES: "1" };
      const { exitCode } = await runCheck("pg", { path: [job.dir], env });
      expect((await runDbstash("pg", { path: [job.dir], env })).exitCode).toBe(exitCode);
    });
});

test("a server that refuses the key is told", async () => {
  withDenied([]);
  s3.change({ requiredKey: "another" });
  const result = await check(onS3);
  s3.change({ requiredKey: undefined });
  expect(result.exitCode).toBe(1);
  expect(result.failed.join("\n")).toMatch(/InvalidAccessKeyId/);
});

describe("on a local folder", () => {
  test("all is well: nothing is left there, and a folder that was not there is not there after it", async () => {
    using place = tempFolder("place");
    const missing = place.file("deep/er");
    const result = await check({ RCLONE_REMOTE: missing });
    expect([result.failed, result.exitCode]).toEqual([[], 0]);
    for (const topic of ["write", "read", "rename", "delete"])
      expect(found(result, topic)[0]).toStartWith("ok: ");
    expect(existsSync(place.file("deep"))).toBe(false);
  });

  test("with less room than the newest backup has is a failure to come", async () => {
    using place = tempFolder("place");
    const earlier = place.file("app-20260101T000000Z.sql");
    writeFileSync(earlier, "");
    truncateSync(earlier, 8 * 1024 ** 4);
    const result = await check({ RCLONE_REMOTE: place.path });
    expect(result.exitCode).toBe(1);
    expect(result.failed).toEqual([
      expect.stringMatching(
        /^room: backups are stored in .* free, but the last backup had 8\.0 TiB; make room/,
      ),
    ]);
  });

  test("its backups are told of, and what retention would do now", async () => {
    using place = tempFolder("place");
    const names = [1, 2, 3].map((day) => `app-2026010${day}T000000Z.sql`);
    for (const name of names) writeFileSync(place.file(name), "old");
    const result = await check({ RCLONE_REMOTE: place.path, RETENTION_MAX_FILES: "2" });
    expect(found(result, "place")[0]).toContain(
      "holds 3 backups of this job, the newest app-20260103T000000Z.sql (3 B)",
    );
    expect(found(result, "retention")[0]).toMatch(
      /would keep 1 and its own, and remove app-2026010\dT000000Z.sql .* and 1 more/,
    );
    expect(readdirSync(place.path).toSorted()).toEqual(names);
  });

  test("what can't be written to is told with what to do", async () => {
    using place = tempFolder("place");
    writeFileSync(place.file("file"), "");
    const result = await check({ RCLONE_REMOTE: place.file("file/below") });
    expect(result.exitCode).toBe(1);
    expect(result.failed.join("\n")).toMatch(/not a directory/);
  });

  test("without the right to rename no backup gets its name, and nothing is left there", async () => {
    using place = tempFolder("place");
    using broken = tools({ rclone: rcloneExcept("moveto", "echo 'ERROR : x: rename denied' >&2; exit 1") });
    const result = await check({ RCLONE_REMOTE: place.path }, { path: [broken.dir] });
    expect([result.failed.length, result.exitCode]).toEqual([1, 1]);
    expect(result.failed[0]).toMatch(/^rename: nothing can be renamed there: no backup gets its name/);
    expect(readdirSync(place.path)).toEqual([]);
  });
});

test("a remote that is nowhere defined is told by its name", async () => {
  const result = await check({ RCLONE_REMOTE: "nowhere:x" });
  expect(result.exitCode).toBe(1);
  expect(result.failed).toEqual([
    expect.stringMatching(
      /^place: nowhere:x can't be used: .*didn't find section.*no rclone.conf was found/s,
    ),
  ]);
});

test("a place that gives no answer is waited for, but not for ever", async () => {
  withDenied([]);
  s3.change({ faults: { list: { delayMs: "never" } } });
  const result = await check(onS3);
  expect(result.exitCode).toBe(1);
  expect(result.failed).toEqual([
    "place: small:b/shop can't be used: there was no answer within 30 s; no hint",
  ]);
}, 90_000);

describe("a place that takes no streams", () => {
  const noStreams = `"$REAL" "$@" | sed 's/"PutStream": true/"PutStream": false/'; exit`;

  test("is told of, and how much is free", async () => {
    using place = tempFolder("place");
    using spooling = tools({ rclone: rcloneExcept("backend", noStreams) });
    const result = await check(aliasOf(place.path), { path: [spooling.dir] });
    expect(found(result, "upload")[0]).toMatch(/^open: this place takes no streams: .* with .* free; /);
    expect(result.exitCode).toBe(0);
  });

  test("without room for a dump as large as the last one is a failure to come", async () => {
    using place = tempFolder("place");
    using spooling = tools({ rclone: rcloneExcept("backend", noStreams) });
    const earlier = place.file("app-20260101T000000Z.sql");
    writeFileSync(earlier, "");
    truncateSync(earlier, 8 * 1024 ** 4);
    const result = await check(aliasOf(place.path), { path: [spooling.dir] });
    expect(result.exitCode).toBe(1);
    expect(result.failed).toEqual([
      expect.stringMatching(
        /^upload: this place takes no streams: .* free, but the last backup had 8\.0 TiB; TMPDIR must/,
      ),
    ]);
  });
});

test("an rclone.conf that is used in place is as it was", async () => {
  using folder = tempFolder("conf");
  mkdirSync(folder.file("store"));
  const conf = `[store]\ntype = alias\nremote = ${folder.file("store")}\n`;
  writeFileSync(folder.file("rclone.conf"), conf);
  const result = await check({ RCLONE_REMOTE: "store:", RCLONE_CONFIG_FILE: folder.file("rclone.conf") });
  expect([result.failed, result.exitCode]).toEqual([[], 0]);
  expect(await Bun.file(folder.file("rclone.conf")).text()).toBe(conf);
  expect(readdirSync(folder.file("store"))).toEqual([]);
});
