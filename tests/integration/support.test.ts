import { afterEach, beforeEach, expect, test as plainTest } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { runDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMongo } from "../support/mongo.ts";
import { startMysql } from "../support/mysql.ts";
import { startPostgres } from "../support/postgres.ts";
import {
  descendants,
  listProcs,
  marked,
  sampleCommandLines,
  sendSignal,
  waitUntilGone,
} from "../support/procs.ts";
import { startProxy } from "../support/proxy.ts";
import { startRedis } from "../support/redis.ts";
import { run, systemPath, waitFor } from "../support/run.ts";
import { startS3 } from "../support/s3.ts";
import { startRcloneServe, startSftp } from "../support/sftp.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";

// Another file's test may have left one: that is not for these to tell.
const foldersOf = (pid: number): string[] =>
  readdirSync("/tmp").filter((name) => name.startsWith(`dbstash-test-${pid}-`));
let before: readonly string[] = [];
beforeEach(() => {
  before = foldersOf(process.pid);
});
afterEach(() => {
  const left = descendants(process.pid).map((proc) => proc.argv.join(" "));
  expect(left).toEqual([]);
  expect(foldersOf(process.pid).filter((name) => !before.includes(name))).toEqual([]);
});

/** What a promise that must fail says; empty when it doesn't fail. */
function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "",
    (error: unknown) => (error as Error).message,
  );
}

for (const [name, release] of [
  ["postgresql", "distro"],
  ["postgresql-newest", "newest"],
] as const) {
  const { test } = needs(name);
  test(`${name} answers a password on TCP and on its socket, and nothing without one`, async () => {
    await using server = await startPostgres({ release, password: `a'b"c $@:/%é` });
    await server.createDatabase('we"ird name');
    expect(await server.sql("SELECT current_database(), 1", 'we"ird name')).toBe('we"ird name|1');
    const onSocket = await server.run("psql", ["-XAt", "-h", server.socketDir, "-c", "SELECT 1"]);
    expect(onSocket.stdout).toBe("1\n");
    const byUri = await run([join(server.binDir, "psql"), server.uri('we"ird name'), "-XAtc", "SELECT 2"]);
    expect(byUri).toMatchObject({ exitCode: 0, stdout: "2\n" });
    const wrong = await run([
      join(server.binDir, "psql"),
      server.uri("postgres", { password: "wrong" }),
      "-c",
      "SELECT 1",
    ]);
    expect(wrong.stderr).toContain("password authentication failed");
  });
}

needs("postgresql").test(
  "a paused server keeps silent until it is resumed, a killed one is gone",
  async () => {
    await using server = await startPostgres();
    server.pause();
    const tree = [server.pid, ...descendants(server.pid).map((proc) => proc.pid)];
    // A worker that was at its end when the pause came has ended.
    const isAwake = (): boolean =>
      listProcs().some(({ pid, state }) => tree.includes(pid) && state !== "T" && state !== "Z");
    await waitFor("every process to be stopped", () => !isAwake());
    expect(listProcs().find(({ pid }) => pid === server.pid)?.state).toBe("T");
    const question = server.sql("SELECT 1");
    server.resume();
    expect(await question).toBe("1");
    await server.kill9();
    expect(await failure(server.sql("SELECT 1"))).toMatch(/refused|closed/);
  },
);

for (const [name, start] of [
  ["mariadb", () => startMariadb()],
  ["mariadb-newest", () => startMariadb({ release: "newest" })],
  ["mysql", () => startMysql()],
] as const) {
  const { test } = needs(name);
  test(`${name} answers a password and writes into its files folder`, async () => {
    await using server = await start();
    await server.createDatabase("we`ird name");
    expect(await server.sql("SELECT DATABASE(), '🙂'", "we`ird name")).toBe("we`ird name\t🙂");
    await server.sql(`SELECT 'x' INTO OUTFILE '${server.filesDir}/out'`);
    expect(readFileSync(join(server.filesDir, "out"), "utf8")).toBe("x\n");
    const wrong = await server.run(name === "mysql" ? "mysql" : "mariadb", [
      "--password=wrong",
      "-e",
      "SELECT 1",
    ]);
    expect(wrong.stderr).toContain("Access denied");
  });
}

for (const flavour of ["redis", "redis-newest", "valkey"] as const) {
  const { test } = needs(flavour, "zstd");
  test(`${flavour} answers without a password, with one, for an ACL user, and over TLS`, async () => {
    for (const options of [{}, { password: "p w" }, { user: "backup", password: "p:w@%" }, { tls: true }]) {
      await using server = await startRedis({ flavour, ...options });
      expect(await server.command("SET", "key", "a value")).toBe("OK");
      expect(await server.commands("GET key\nINCR count\n")).toBe("a value\n1\n");
      const anonymous = await run([server.cli, "-p", String(server.port), "GET", "key"]);
      expect(anonymous.stdout === "a value\n").toBe(Object.keys(options).length === 0);
    }
  });
}

needs("ferretdb", "mongo-tools").test("mongo stores documents, and mongodump reads them", async () => {
  await using server = await startMongo();
  await server.insert("app", "things", [{ _id: 1, text: "🙂" }]);
  expect(await server.find("app", "things")).toEqual([{ _id: 1, text: "🙂" }]);
  const dump = await run([join(server.binDir, "mongodump"), "--uri", server.uri("app"), "--archive"]);
  expect(dump.stderr).toContain("done dumping app.things (1 document)");
});

const payload = "0123456789abcdef".repeat(64 * 1024);

/** Uploads a payload by `rclone rcat`, with the environment of the remote. */
function upload(rclone: "rclone-current" | "rclone-old", env: Record<string, string>, target: string) {
  const home = { PATH: systemPath, HOME: "/nonexistent" };
  return run([componentPath(rclone), "rcat", target, "--config", "", "-q", "--low-level-retries", "1"], {
    env: { ...home, ...env },
    stdin: payload,
  });
}

for (const rclone of ["rclone-current", "rclone-old"] as const) {
  const { test } = needs(rclone, "s3-server");
  test(`${rclone} stores on S3; the object is there only once the upload is complete`, async () => {
    await using s3 = await startS3();
    const uploaded = await upload(rclone, s3.remoteEnv("store"), `store:${s3.bucket}/a/b.txt`);
    expect(uploaded).toMatchObject({ exitCode: 0, stderr: "" });
    expect(s3.list()).toEqual(["a/b.txt"]);
    expect(s3.proxy.count("POST", /b\.txt\?uploads/)).toBe(1);

    s3.proxy.answer({ method: "POST", path: /uploadId=/, status: 500 });
    expect((await upload(rclone, s3.remoteEnv("store"), `store:${s3.bucket}/a/c.txt`)).exitCode).not.toBe(0);
    expect(s3.list()).toEqual(["a/b.txt"]);
    expect(await s3.multipartUploads()).toEqual([]);
  });
}

for (const [kind, server, start] of [
  ["sshd with a key", "sshd", () => startSftp()],
  ["sshd with a password", "sshd", () => startSftp({ login: "password" })],
  ["rclone serve sftp", "rclone-current", () => startRcloneServe("sftp")],
  ["rclone serve webdav", "rclone-current", () => startRcloneServe("webdav")],
] as const) {
  const { test } = needs(server, "rclone-current", "rclone-old");
  test(`${kind} takes files from every rclone and lists each once`, async () => {
    await using store = await start();
    for (const rclone of ["rclone-current", "rclone-old"] as const) {
      const target = store.remotePath("store", `${rclone}/file`);
      expect(await upload(rclone, store.remoteEnv("store"), target)).toMatchObject({ exitCode: 0 });
      const env = { PATH: systemPath, HOME: "/nonexistent", ...store.remoteEnv("store") };
      const list = [componentPath(rclone), "lsf", "-R", store.remotePath("store", rclone), "--config", ""];
      expect((await run(list, { env })).stdout).toBe("file\n");
    }
    expect(readFileSync(join(store.dir, "rclone-old/file"), "utf8")).toBe(payload);
  });
}

plainTest("a proxy that is cut resets and refuses; one that stalls moves no byte until resumed", async () => {
  await using target = startWebhook();
  await using proxy = await startProxy({ port: Number(new URL(target.url).port), http: true });
  const url = `http://127.0.0.1:${proxy.port}/path?x=1`;
  const post = (): Promise<number> =>
    fetch(url, { method: "POST", body: payload, keepalive: false }).then((response) => response.status);
  expect(await post()).toBe(200);
  expect(proxy.requests).toEqual([{ method: "POST", path: "/path?x=1" }]);
  expect(target.requests[0]?.body).toBe(payload);

  proxy.answer({ path: /path/, status: 503, times: 1 });
  expect([await post(), await post()]).toEqual([503, 200]);

  proxy.stall();
  const answer = post();
  await waitFor("the stalled connection", () => proxy.connections > 0);
  expect(target.requests.length).toBe(2);
  proxy.resume();
  expect(await answer).toBe(200);

  proxy.cut();
  expect(await failure(post())).not.toBe("");
  proxy.resume();
  expect(await post()).toBe(200);
});

plainTest("a webhook answers by its script and hangs when told to", async () => {
  await using webhook = startWebhook();
  webhook.script([{ status: 429, headers: { "retry-after": "1" } }, { status: 204 }, { hang: true }]);
  const post = (): Promise<Response> => fetch(webhook.url, { method: "POST", body: '{"a":1}' });
  const [first, second] = [await post(), await post()];
  expect([first.status, first.headers.get("retry-after"), second.status]).toEqual([429, "1", 204]);
  const hanging = fetch(webhook.url, { method: "POST", signal: AbortSignal.timeout(200) });
  expect(await failure(hanging)).toContain("timed out");
  const requests = await webhook.waitForRequests(3);
  expect(requests[0]?.json).toEqual({ a: 1 });
});

plainTest("stand-ins for tools write their calls down", async () => {
  using tools = fakeTools({ tool: 'cat; echo "$FAKE_DIR" >&2; exit 3', real: { link: "/bin/echo" } });
  const env = { PATH: `${tools.dir}:${systemPath}` };
  const called = await run(["tool", "a b", "", "new\nline"], { env, stdin: "through" });
  expect(called).toMatchObject({ exitCode: 3, stdout: "through", stderr: `${tools.dir}\n` });
  await run(["tool"], { env });
  expect(tools.calls("tool")).toEqual([["a b", "", "new\nline"], []]);
  expect((await run(["real", "x"], { env })).stdout).toBe("x\n");
});

needs("rclone-current", "zstd").test(
  "a run is marked with all it starts, and its log is read line by line",
  async () => {
    using dist = fakeTools({
      "dbstash-pg": `echo '{"level":"info","msg":"begin"}'; echo no json; touch "$TMPDIR/left"
      sleep 60 & trap 'kill $!; echo "{\\"msg\\":\\"end $1 $EXTRA\\"}"; exit 143' TERM; wait $!`,
    });
    process.env["DBSTASH_DIST"] = dist.dir;
    try {
      const running = startDbstash("pg", { args: ["an argument"], env: { EXTRA: "given" } });
      expect(await running.waitForLine((line) => line.msg === "begin")).toMatchObject({ level: "info" });
      await waitFor("the child", () => marked(running.id).some((proc) => proc.command === "sleep"));
      const sampled = sampleCommandLines(running.id, running.exited);
      running.signal("SIGTERM");
      const { commandLines, result } = await sampled;
      expect(commandLines).toContain("sleep 60");
      expect(result).toMatchObject({ exitCode: 143, signal: null, leftovers: ["tmp/left"] });
      expect(result.lastLine).toMatchObject({ msg: "end an argument given" });
      await waitUntilGone(running.id);

      expect(await failure(runDbstash("pg", { timeoutMs: 100 }))).toContain("ran longer than 100 ms");
      const noLine = startDbstash("pg", { timeoutMs: 100 }).waitForLine(() => false);
      expect(await failure(noLine)).toContain("ended without");
    } finally {
      delete process.env["DBSTASH_DIST"];
    }
  },
);

needs("postgresql").test(
  "servers of a killed test process end with it, and the next one removes its folders",
  async () => {
    using folder = tempFolder();
    const script = folder.file("start.ts");
    const support = join(import.meta.dirname, "../support/postgres.ts");
    writeFileSync(
      script,
      `import { startPostgres } from ${JSON.stringify(support)};
     const server = await startPostgres();
     console.log(server.pid, server.socketDir);
     setInterval(() => {}, 1000);`,
    );
    const child = Bun.spawn([process.execPath, script], {
      stdout: Bun.file(folder.file("said")),
      stderr: "inherit",
    });
    const said = await waitFor("the server", () => {
      const text = existsSync(folder.file("said")) ? readFileSync(folder.file("said"), "utf8") : "";
      return text.includes("\n") && text;
    });
    const [pid, dir] = [Number(said.split(" ")[0]), said.trim().split(" ")[1] ?? ""];
    const tree = [pid, ...descendants(pid).map((proc) => proc.pid)];
    sendSignal(child.pid, "SIGKILL");
    await child.exited;
    await waitFor(
      "the end of the orphans",
      () => !listProcs().some((proc) => tree.includes(proc.pid) && proc.state !== "Z"),
    );
    // A process the server forked last may still write: the folder goes once that one ended too.
    await waitFor("the removal of the folder", () => {
      tempFolder().remove();
      return !existsSync(dir);
    });
  },
);

plainTest("a missing component is a skip with its reason, and with CI=true a failure", async () => {
  using folder = tempFolder();
  mkdirSync(folder.file("cache"));
  writeFileSync(
    folder.file("cache/components.json"),
    JSON.stringify({ mysql: { missing: "no such package" } }),
  );
  const support = join(import.meta.dirname, "../support/components.ts");
  writeFileSync(
    folder.file("gated.test.ts"),
    `import { needs } from ${JSON.stringify(support)};
     const { describe, test } = needs("mysql");
     test("alone", () => {});
     describe("group", () => { test("inside", () => {}); });`,
  );
  const inMode = (ci: Record<string, string>) =>
    run([process.execPath, "test", folder.file("gated.test.ts")], {
      env: { PATH: systemPath, DBSTASH_CACHE: folder.file("cache"), ...ci },
      cwd: folder.path,
    });
  const alone = await inMode({});
  expect(alone).toMatchObject({ exitCode: 0 });
  expect(alone.stderr).toContain("2 skip");
  expect(alone.stderr).toContain("alone [missing mysql: no such package]");
  const inCi = await inMode({ CI: "true" });
  expect(inCi.exitCode).not.toBe(0);
  expect(inCi.stderr).toContain("2 fail");
});
