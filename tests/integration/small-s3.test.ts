import { afterAll, afterEach, expect, test as plainTest } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { componentPath, needs } from "../support/components.ts";
import { run, type RunResult, systemPath, waitFor } from "../support/run.ts";
import { type S3Kind, type SmallS3, type SmallS3Options, startSmallS3 } from "../support/small-s3.ts";
import { tempFolder } from "../support/temp.ts";

const bytes = Buffer.alloc(20 << 20);
for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
const folder = tempFolder("small-s3");
const bigFile = folder.file("big");
writeFileSync(bigFile, bytes);
afterAll(() => folder.remove());

const plain = ["--s3-no-check-bucket", "--s3-no-head", "--ignore-checksum", "--size-only"];
const stat = ["--stat", "--files-only", "--no-modtime", "--no-mimetype"];

const started: SmallS3[] = [];
afterEach(async () => {
  for (const s3 of started.splice(0)) await s3.stop();
});

function start(options: SmallS3Options = {}): SmallS3 {
  const s3 = startSmallS3(options);
  started.push(s3);
  return s3;
}

function kinds(s3: SmallS3): S3Kind[] {
  return s3.requests.map(({ kind }) => kind);
}

plainTest(
  "what no rclone command of ours asks: a bucket's HEAD, a stream in signed chunks, a wrong range",
  async () => {
    const s3 = start({ denied: ["bucket-head"] });
    const bucket = await fetch(`${s3.endpoint}/b`, { method: "HEAD" });
    expect([bucket.status, await bucket.text(), kinds(s3)]).toEqual([403, "", ["bucket-head"]]);
    s3.change({ denied: [] });
    expect((await fetch(`${s3.endpoint}/b/`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${s3.endpoint}/other`, { method: "HEAD" })).status).toBe(404);
    const chunks =
      "5;chunk-signature=ab\r\nhello\r\n3;chunk-signature=cd\r\n a\n\r\n0;chunk-signature=ef\r\nx-amz-sum:1\r\n\r\n";
    const headers = { "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" };
    const put = await fetch(`${s3.endpoint}/b/d/x`, { method: "PUT", body: chunks, headers });
    expect(put.headers.get("etag")).toBe(
      `"${new Bun.CryptoHasher("md5").update("hello a\n").digest("hex")}"`,
    );
    expect(s3.objects().get("d/x")?.toString()).toBe("hello a\n");
    const range = await fetch(`${s3.endpoint}/b/d/x`, { headers: { range: "bytes=8-" } });
    expect(range.status).toBe(416);
  },
);

for (const version of ["rclone-current", "rclone-old"] as const) {
  const { test } = needs(version);
  const isOld = version === "rclone-old";

  interface Input {
    readonly stdin?: string;
    readonly stdinFile?: string;
    readonly env?: Readonly<Record<string, string>>;
  }
  const rclone = (s3: SmallS3, args: readonly string[], input: Input = {}): Promise<RunResult> => {
    const command = [componentPath(version), ...args, "--config", "", "--use-json-log", "--retries", "1"];
    const env = { PATH: systemPath, HOME: folder.path, ...s3.env, ...input.env };
    return run(command, { ...input, env });
  };
  const isOk = async (result: Promise<RunResult>): Promise<string> => {
    const { exitCode, stdout, stderr } = await result;
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
    return stdout;
  };

  test(`${version}: small and large uploads are whole, and make the requests that S3 is asked`, async () => {
    const s3 = start();
    await isOk(rclone(s3, ["rcat", "small:b/d/small +&<é"], { stdin: "hello" }));
    expect(kinds(s3)).toEqual(["bucket-create", "put", "head"]);
    s3.clear();
    await isOk(rclone(s3, ["rcat", "small:b/d/plain", ...plain], { stdin: "hello" }));
    expect(kinds(s3)).toEqual(["put"]);
    s3.clear();
    await isOk(rclone(s3, ["rcat", "small:b/d/big", ...plain], { stdinFile: bigFile }));
    const uploads: S3Kind[] = ["create", "part", "part", "part", "part", "complete", "head"];
    expect(kinds(s3)).toEqual(uploads);
    expect([...s3.objects().keys()]).toEqual(["d/big", "d/plain", "d/small +&<é"]);
    expect(s3.objects().get("d/small +&<é")?.toString()).toBe("hello");
    expect(s3.objects().get("d/big")?.equals(bytes)).toBe(true);
    expect(s3.uploads()).toEqual([]);
  });

  test(`${version}: AWS's own way: checksums of parts, signed streams, listings in pages`, async () => {
    const s3 = start({ provider: "AWS", pageSize: 2 });
    // Over plain HTTP rclone 1.76 can't sign a stream that it can't read twice.
    const unsigned = { RCLONE_S3_USE_UNSIGNED_PAYLOAD: "true" };
    for (const env of [
      unsigned,
      { ...unsigned, RCLONE_S3_USE_DATA_INTEGRITY_PROTECTIONS: "true" },
      { RCLONE_S3_USE_PRESIGNED_REQUEST: "true" },
    ]) {
      await isOk(rclone(s3, ["rcat", "small:b/d/é &+", ...plain], { stdin: "hello", env }));
      await isOk(rclone(s3, ["rcat", "small:b/d/big"], { stdinFile: bigFile, env }));
      expect(s3.objects().get("d/é &+")?.toString()).toBe("hello");
      expect(s3.objects().get("d/big")?.equals(bytes)).toBe(true);
      s3.change({ buckets: [] });
      s3.change({ buckets: ["b"] });
    }
    for (const key of ["d/a", "d/b/c", "d/b/d", "d/b-", "d/é &+<", "e"]) s3.put(key, key);
    s3.clear();
    const listed = await isOk(rclone(s3, ["lsf", "small:b/d/"]));
    expect(listed.trim().split("\n")).toEqual(["a", "b/", "b-", "é &+<"]);
    expect(kinds(s3)).toEqual(["list", "list"]);
    const all = await isOk(rclone(s3, ["lsf", "-R", "--files-only", "small:b/"]));
    expect(all.trim().split("\n").toSorted()).toEqual([...s3.objects().keys()].toSorted());
  });

  test(`${version}: reading, listing, looking, renaming, copying and deleting`, async () => {
    const s3 = start();
    s3.put("d/f", "0123456789", new Date("2026-01-02T03:04:05Z"));
    expect(await isOk(rclone(s3, ["cat", "small:b/d/f", "--offset", "2", "--count", "3"]))).toBe("234");
    expect(await isOk(rclone(s3, ["cat", "small:b/d/f", "--tail", "4"]))).toBe("6789");
    const listed: unknown = JSON.parse(await isOk(rclone(s3, ["lsjson", "small:b/d/"])));
    expect(listed).toMatchObject([{ Name: "f", Size: 10, ModTime: "2026-01-02T03:04:05.000000000Z" }]);
    const looked: unknown = JSON.parse(await isOk(rclone(s3, ["lsjson", "small:b/d/f", ...stat])));
    expect(looked).toMatchObject({ Name: "f", Size: 10 });
    expect((await isOk(rclone(s3, ["lsjson", "small:b/d/none", ...stat]))).trim()).toBe("null");
    await isOk(rclone(s3, ["moveto", "small:b/d/f", "small:b/d/g", "--no-check-dest"]));
    expect([...s3.objects().keys()]).toEqual(["d/g"]);
    await isOk(rclone(s3, ["deletefile", "small:b/d/g"]));
    const tree = folder.file(`tree-${version}`);
    mkdirSync(`${tree}/sub`, { recursive: true });
    for (const name of ["a", "sub/b", "sub/c"]) writeFileSync(`${tree}/${name}`, name);
    await isOk(rclone(s3, ["copy", tree, "small:b/t"]));
    expect([...s3.objects()].map(([key, value]) => `${key}=${value.toString()}`)).toEqual([
      "t/a=a",
      "t/sub/b=sub/b",
      "t/sub/c=sub/c",
    ]);
    s3.clear();
    await isOk(rclone(s3, ["delete", "small:b/t/", "--files-from-raw", "-"], { stdin: "a\nsub/b\n" }));
    expect(s3.count("delete")).toBe(2);
    expect([...s3.objects().keys()]).toEqual(["t/sub/c"]);
    await isOk(rclone(s3, ["purge", "small:b/t"]));
    expect(s3.objects().size).toBe(0);
    await isOk(rclone(s3, ["mkdir", "small:new"]));
    expect((await isOk(rclone(s3, ["lsf", "small:"]))).trim().split("\n")).toEqual(["b/", "new/"]);
  });

  const small = { stdin: "hello" };
  const big = { stdinFile: bigFile };
  for (const { denied, args, input = {}, refused, stands = false } of [
    { denied: "list", args: ["lsjson", "small:b/d/"], refused: "ListObjects" },
    { denied: "buckets", args: ["lsd", "small:"], refused: "ListBuckets" },
    { denied: "read", args: ["cat", "small:b/d/f"], refused: "GetObject" },
    { denied: "bucket-create", args: ["mkdir", "small:new"], refused: "CreateBucket" },
    { denied: "bucket-create", args: ["rcat", "small:b/d/x"], input: small, refused: "CreateBucket" },
    { denied: "write", args: ["rcat", "small:b/d/x", ...plain], input: small, refused: "PutObject" },
    {
      denied: "write",
      args: ["rcat", "small:b/d/x", ...plain],
      input: big,
      refused: "CreateMultipartUpload",
    },
    { denied: "part", args: ["rcat", "small:b/d/x", ...plain], input: big, refused: "UploadPart" },
    {
      denied: "complete",
      args: ["rcat", "small:b/d/x", ...plain],
      input: big,
      refused: "CompleteMultipartUpload",
    },
    { denied: "head", args: ["rcat", "small:b/d/x"], input: small, refused: "HeadObject", stands: true },
    {
      denied: "head",
      args: ["rcat", "small:b/d/x", ...plain],
      input: big,
      refused: "HeadObject",
      stands: true,
    },
    {
      denied: "copy",
      args: ["moveto", "small:b/d/f", "small:b/d/x", "--no-check-dest"],
      refused: "CopyObject",
    },
    { denied: "delete", args: ["deletefile", "small:b/d/f"], refused: "DeleteObject" },
    { denied: "delete", args: ["delete", "small:b/d/"], refused: "DeleteObject" },
  ] as const) {
    test(`${version}: ${args[0]} is refused its ${refused} where ${denied} is denied`, async () => {
      const s3 = start({ denied: [denied] });
      s3.put("d/f", "content");
      const { exitCode, stderr } = await rclone(s3, args, input);
      expect(exitCode).toBe(1);
      // The answer to a HEAD has no body that could say more.
      expect(stderr).toContain(
        refused === "HeadObject" ? "Forbidden: Forbidden" : "AccessDenied: Access Denied",
      );
      // Only the new SDK names the operation.
      if (!isOld) expect(stderr).toContain(`operation error S3: ${refused}`);
      const isOfRight = (kind: S3Kind): boolean =>
        kind === denied || (denied === "write" && ["put", "create"].includes(kind));
      const statuses = s3.requests.filter(({ status }) => status !== undefined);
      expect(statuses.some(({ kind }) => isOfRight(kind))).toBe(true);
      for (const { kind, status = 0 } of statuses) expect(status === 403).toBe(isOfRight(kind));
      expect([...s3.objects().keys()]).toEqual(stands ? ["d/f", "d/x"] : ["d/f"]);
      expect(s3.uploads()).toEqual([]);
    });
  }

  test(`${version}: without the right to look, a missing object is no 404, and what is denied can be given back`, async () => {
    const s3 = start({ denied: ["list", "bucket-head", "buckets", "bucket-create"] });
    await isOk(rclone(s3, ["rcat", "small:b/d/x", ...plain], small));
    await rclone(s3, ["lsjson", "small:b/d/none", ...stat]);
    expect(s3.requests.at(-1)).toMatchObject({ kind: "head", key: "d/none", status: 403 });
    s3.change({ denied: [] });
    expect(await isOk(rclone(s3, ["lsf", "small:b/d/"]))).toBe("x\n");
    await rclone(s3, ["lsjson", "small:b/d/none", ...stat]);
    expect(s3.requests.at(-1)).toMatchObject({ kind: "head", key: "d/none", status: 404 });
  });

  test(`${version}: where HEAD is denied, what rclone says of an object that stands`, async () => {
    const s3 = start({ denied: ["head"] });
    s3.put("d/f", "content");
    const cat = await rclone(s3, ["cat", "small:b/d/f"]);
    const look = await rclone(s3, ["lsjson", "small:b/d/f", ...stat]);
    // The old one takes it for a folder, and says so of nothing.
    expect(cat).toMatchObject({ exitCode: 0, stdout: isOld ? "" : "content" });
    expect(look).toMatchObject(isOld ? { exitCode: 0, stdout: "null\n" } : { exitCode: 1, stdout: "" });
  });

  test(`${version}: a missing bucket and a wrong key`, async () => {
    const s3 = start({ buckets: [] });
    const listed = await rclone(s3, ["lsjson", "small:b/d/"]);
    expect(listed).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("directory not found") });
    const stored = await rclone(s3, ["rcat", "small:b/d/x", ...plain], small);
    expect(stored).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("NoSuchBucket") });
    s3.change({ buckets: ["b"], requiredKey: "AKIAOTHER" });
    const refused = await rclone(s3, ["lsjson", "small:b/d/"]);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("InvalidAccessKeyId") });
    s3.change({ requiredKey: "AKIASMALL" });
    await isOk(rclone(s3, ["lsjson", "small:b/d/"]));
    await isOk(
      rclone(s3, ["rcat", "small:b/d/x", ...plain], {
        ...small,
        env: { RCLONE_S3_USE_PRESIGNED_REQUEST: "true" },
      }),
    );
  });

  test(`${version}: 503 is asked again, and ends badly where it stays`, async () => {
    const s3 = start({
      faults: { list: { unavailable: true, times: 1 }, part: { unavailable: true, skip: 2, times: 1 } },
    });
    await isOk(rclone(s3, ["lsf", "small:b/d/"]));
    expect(s3.requests.map(({ status }) => status)).toEqual([503, 200]);
    s3.clear();
    await isOk(rclone(s3, ["rcat", "small:b/d/big", ...plain], big));
    expect(s3.count("part")).toBe(5);
    expect(s3.requests.filter(({ status }) => status === 503)).toHaveLength(1);
    expect(s3.objects().get("d/big")?.equals(bytes)).toBe(true);
    s3.change({ faults: { write: { unavailable: true } } });
    const failed = await rclone(s3, ["rcat", "small:b/d/x", ...plain, "--low-level-retries", "1"], big);
    expect(failed).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("SlowDown") });
    expect([...s3.objects().keys()]).toEqual(["d/big"]);
  });

  test(`${version}: an answer is late or never comes, and what was asked is done`, async () => {
    const s3 = start({ faults: { list: { delayMs: 700 } } });
    const startedMs = Date.now();
    await isOk(rclone(s3, ["lsf", "small:b/d/"]));
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(700);
    s3.change({ faults: { list: { delayMs: "never" } } });
    s3.clear();
    const hung = ["--timeout", "300ms", "--low-level-retries", "1"];
    const listed = await rclone(s3, ["lsf", "small:b/d/", ...hung]);
    expect(listed.exitCode).not.toBe(0);
    expect(listed.stderr).toContain("timeout");
    expect(s3.requests.every(({ status }) => status === undefined)).toBe(true);
    s3.change({ faults: { put: { delayMs: "never" } } });
    const stored = rclone(s3, ["rcat", "small:b/d/done", ...plain, "--low-level-retries", "1"], small);
    await waitFor("what was asked to be done", () => s3.objects().size === 1);
    await s3.stop();
    expect((await stored).exitCode).not.toBe(0);
    expect([...s3.objects().keys()]).toEqual(["d/done"]);
  });

  test(`${version}: cut answers are asked for again, and what was done stays done`, async () => {
    const s3 = start({ faults: { list: { cut: true, times: 1 }, head: { cut: true, times: 1 } } });
    s3.put("d/f", bytes);
    expect(await isOk(rclone(s3, ["lsf", "small:b/d/"]))).toBe("f\n");
    expect(s3.count("list")).toBe(2);
    await isOk(rclone(s3, ["lsjson", "small:b/d/f", ...stat]));
    expect(s3.count("head")).toBe(3);
    s3.change({ faults: { read: { cut: true } } });
    const copied = folder.file(`copied-${version}`);
    const cut = await rclone(s3, ["copyto", "small:b/d/f", copied, "--low-level-retries", "1"]);
    expect(cut).toMatchObject({ exitCode: 5, stderr: expect.stringContaining("unexpected EOF") });
    s3.change({ faults: { complete: { cut: true, times: 1 } } });
    s3.clear();
    const stored = await rclone(s3, ["rcat", "small:b/d/x", ...plain], big);
    expect(stored).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("NoSuchUpload") });
    expect(kinds(s3).slice(-3)).toEqual(["complete", "complete", "abort"]);
    expect(s3.objects().get("d/x")?.equals(bytes)).toBe(true);
  });

  test(`${version}: an object shows itself only after so many looks`, async () => {
    const s3 = start({ hidden: { looks: 2 } });
    await isOk(rclone(s3, ["rcat", "small:b/d/x", ...plain], small));
    const looks = [];
    for (let look = 0; look < 3; look++) looks.push(await isOk(rclone(s3, ["lsf", "small:b/d/"])));
    expect(looks).toEqual(["", "", "x\n"]);
    s3.change({ hidden: { looks: 1, from: ["list"] } });
    await isOk(rclone(s3, ["rcat", "small:b/e/x"], small));
    expect(await isOk(rclone(s3, ["lsf", "small:b/e/"]))).toBe("");
    expect(await isOk(rclone(s3, ["cat", "small:b/e/x"]))).toBe("hello");
    s3.change({ hidden: { looks: 1, from: ["head"] } });
    const stored = await rclone(s3, ["rcat", "small:b/f/x"], small);
    expect(stored).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("object not found") });
    expect(s3.objects().get("f/x")?.toString()).toBe("hello");
  });

  test(`${version}: an upload that is stopped leaves nothing`, async () => {
    const s3 = start({ faults: { part: { delayMs: "never" } } });
    const child = Bun.spawn([componentPath(version), "rcat", "small:b/d/x", "--config", "", ...plain], {
      stdin: Bun.file(bigFile),
      stdout: "ignore",
      stderr: "ignore",
      env: { PATH: systemPath, HOME: folder.path, ...s3.env },
    });
    await s3.waitForRequests("part");
    expect(s3.uploads()).toEqual(["d/x"]);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
    expect(s3.count("abort")).toBe(1);
    expect(s3.uploads()).toEqual([]);
    expect(s3.objects().size).toBe(0);
  });
}
