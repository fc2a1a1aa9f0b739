import { afterAll, beforeAll, describe, expect } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decrypt, type Keys, makeKeys, writeRecipients } from "../support/age.ts";
import { found, runCheck } from "../support/check.ts";
import { componentPath, needs } from "../support/components.ts";
import { runDbstash, startDbstash } from "../support/dbstash.ts";
import { type MongoServer, startMongo } from "../support/mongo.ts";
import { waitUntilGone } from "../support/procs.ts";
import { run } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { startWebhook } from "../support/webhook.ts";
import { answeringTools } from "./check-tools.ts";
import { expectNothingStored, leftovers, localPlace, type Place, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("age", "sshd", "rclone-current", "zstd");

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});
afterAll(() => keys?.[Symbol.dispose]());

const line = "INSERT INTO customers VALUES (1, 'Ann Example');";
const header = "age-encryption.org/v1\n";
const plainDump = `${wholeDump(3_000_000)}; printf '%s\n' "${line}"; printf -- '--\n-- PostgreSQL database dump complete\n--\n\n'`;
/** A pg_dump of tar mode, which fills a folder. */
const folderDump = `for word; do case $word in --file=*) mkdir "\${word#*=}" && echo "${line}" >"\${word#*=}/toc.dat" ;; esac; done`;
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

function onlyFile(place: Place): string {
  const [name = "", ...more] = place.files();
  expect(more).toEqual([]);
  return join(place.remote, name);
}

describe("an encrypted backup", () => {
  for (const [mode, compress, extension] of [
    ["stream", "false", ".sql.age"],
    ["stream", "zstd", ".sql.zst.age"],
    ["stream", "gzip", ".sql.gz.age"],
    ["tar", "false", ".tar.age"],
    ["tar", "zstd", ".tar.zst.age"],
  ] as const)
    test(`in ${mode} mode with BACKUP_COMPRESS=${compress} is opened by each recipient's key, and by no look at its bytes`, async () => {
      using place = localPlace();
      using fakes = tools({ pg_dump: mode === "tar" ? folderDump : plainDump });
      const env = {
        BACKUP_MODE: mode,
        BACKUP_COMPRESS: compress,
        BACKUP_ENCRYPT_TO: `${keys.own.recipient} '${keys.ssh.recipient}'`,
        BACKUP_ENCRYPT_TO_FILE: writeRecipients(join(keys.folder, "list"), ["# ann", keys.other.recipient]),
      };
      const result = await startFaultRun({ place, tools: fakes, env }).exited;
      expect(result).toMatchObject({ exitCode: 0, stderr: "", lastLine: { msg: "backup stored" } });
      expect(result.lines.find(({ msg }) => msg === "backup verified")?.["compared"]).toBe("size");
      expect(leftovers(result)).toEqual([]);
      const file = onlyFile(place);
      expect(file).toEndWith(extension);
      const stored = readFileSync(file);
      expect(stored.subarray(0, header.length).toString()).toBe(header);
      for (const clear of ["PostgreSQL database dump", "Ann Example", "ustar\0", "toc.dat", "xxxxxxxx"])
        expect(stored.includes(clear)).toBe(false);
      // Among millions of random bytes four are there by chance.
      if (compress === "zstd") expect(stored.includes(zstdMagic)).toBe(false);
      const opened = await Promise.all([keys.own, keys.other, keys.ssh].map((key) => decrypt(key, file)));
      expect(new Set(opened.map((bytes) => Bun.hash(bytes))).size).toBe(1);
      const [bytes = new Uint8Array()] = opened;
      const clear =
        compress === "zstd"
          ? Bun.zstdDecompressSync(bytes)
          : compress === "gzip"
            ? Bun.gunzipSync(bytes as Uint8Array<ArrayBuffer>)
            : bytes;
      const text = Buffer.from(clear).toString("latin1");
      expect(text).toContain(line);
      if (mode === "stream") expect(text).toEndWith("-- PostgreSQL database dump complete\n--\n\n");
    });

  test("is listed, verified by its beginning, and pruned by its own ending alone", async () => {
    using place = localPlace();
    using fakes = tools({ pg_dump: plainDump });
    for (const name of ["app-20260101T000000Z.sql", "app-20260102T000000Z.sql.age"])
      writeFileSync(join(place.remote, name), `${header}x`);
    const env = { BACKUP_ENCRYPT_TO: keys.own.recipient, RETENTION_MAX_FILES: "1" };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    expect(result.exitCode).toBe(0);
    expect(place.files()).toHaveLength(2);
    expect(place.files()[0]).toBe("app-20260101T000000Z.sql");
    // Who looks needs the keys' file no more than the keys.
    const job = { DB_NAME: "app", RCLONE_REMOTE: place.remote, BACKUP_ENCRYPT_TO_FILE: "/nowhere/list" };
    const look = (word: string) => runDbstash("pg", { args: [word], env: job });
    const [listed, verified] = [await look("list"), await look("verify")];
    expect(listed.stdout).toMatch(/^app-\S+\.sql\.age /m);
    expect([verified.exitCode, verified.stdout]).toEqual([
      0,
      expect.stringMatching(
        /\.sql\.age: nothing wrong found \(\d+ bytes; only its beginning was looked at, .*age -d/,
      ),
    ]);
    writeFileSync(join(place.remote, place.files()[1] ?? ""), "-- PostgreSQL database dump");
    const bad = await look("verify");
    expect([bad.exitCode, bad.stdout]).toEqual([
      1,
      expect.stringContaining("bad: it does not begin as a file that age has encrypted"),
    ]);
  });

  test("goes to whom the file names at that run, and a file gone bad fails the run", async () => {
    using place = localPlace();
    using fakes = tools({ pg_dump: plainDump });
    using folder = tempFolder("recipients");
    const put = (line: string): void => {
      writeRecipients(folder.file("new"), [line]);
      renameSync(folder.file("new"), folder.file("list"));
    };
    put(keys.own.recipient);
    const running = startDbstash("pg", {
      path: [fakes.dir],
      env: {
        DB_HOST: "127.0.0.1",
        DB_NAME: "app",
        RCLONE_REMOTE: place.remote,
        BACKUP_SCHEDULE: "* * * * * *",
        BACKUP_NAME_TEMPLATE: "{db}-{uuid}",
        BACKUP_ENCRYPT_TO_FILE: folder.file("list"),
      },
    });
    const next = (msg: string) => {
      const seen = running.lines.length;
      return running.waitForLine((each, at) => at >= seen && each.msg === msg);
    };
    const first = await next("backup stored");
    expect(await decrypt(keys.own, String(first["remote_path"]))).toBeTruthy();
    put(keys.other.recipient);
    await next("backup stored");
    // The run that was on at the change may have read it before.
    const second = await next("backup stored");
    const file = String(second["remote_path"]);
    expect(await decrypt(keys.other, file)).toBeTruthy();
    expect(await decrypt(keys.own, file).then(() => "opened", String)).toContain("no identity matched");
    put(keys.other.recipient.slice(0, -1));
    const failed = await next("backup failed");
    expect(String(failed["error"])).toMatch(
      /names .*list, which has a recipient that is none: its checksum is wrong/,
    );
    running.signal("SIGTERM");
    await running.exited;
    await waitUntilGone(running.id);
  });
});

describe("recipients that can't be", () => {
  /** A run that must not begin. */
  async function refused(env: Readonly<Record<string, string>>, age?: string) {
    using place = localPlace();
    using fakes = tools({ pg_dump: plainDump, ...(age === undefined ? {} : { age }) });
    using folder = tempFolder("hook");
    const hook = `: >${folder.file("ran")}`;
    const result = await startFaultRun({
      place,
      tools: fakes,
      env: { HOOK_PRE_BACKUP: hook, HOOK_POST_BACKUP: hook, ...env },
    }).exited;
    expect([result.exitCode, result.stdout, place.files()]).toEqual([2, "", []]);
    expect([existsSync(folder.file("ran")), fakes.calls("pg_dump")]).toEqual([false, []]);
    return { ...result, ageCalls: fakes.calls("age") };
  }

  test("a secret key is refused before age is started, and nowhere repeated, not even in a message", async () => {
    await using webhook = startWebhook();
    const secret = readFileSync(keys.own.identityFile, "utf8").match(/AGE-SECRET-KEY-\S+/)?.[0] ?? "";
    for (const env of [
      { BACKUP_ENCRYPT_TO: secret },
      { BACKUP_ENCRYPT_TO: `${keys.other.recipient} ${secret}` },
      { BACKUP_ENCRYPT_TO_FILE: keys.own.identityFile },
    ] as readonly Record<string, string>[]) {
      const url = `json+${webhook.url}`;
      const result = await refused({ ...env, NOTIFY_WEBHOOK_URL: url }, "exit 1");
      expect(result.stderr).toContain("holds a secret key, which no machine that backs up needs");
      expect(result.ageCalls).toEqual([]);
      const checked = await runDbstash("pg", { args: ["check", "--json"], env: { ...job, ...env } });
      const dry = await runDbstash("pg", { env: { ...job, ...env, DRY_RUN: "true" } });
      expect([checked.exitCode, dry.exitCode]).toEqual([2, 2]);
      const said = [result, checked, dry].map(({ stdout, stderr }) => stdout + stderr);
      for (const text of [...said, ...webhook.requests.map(({ body }) => body)])
        expect(text).not.toContain(secret.slice(16));
    }
    expect(webhook.requests.length).toBeGreaterThanOrEqual(3);
  });

  test("one whose plugin is missing is a wrong setting, and says what it needs", async () => {
    const ofPlugin = "age1example1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9x8gf2tvdw0s3js0nd3gp";
    const { stderr } = await refused({ BACKUP_ENCRYPT_TO: `${keys.own.recipient} ${ofPlugin}` });
    expect(stderr).toMatch(
      /^error: age does not take a recipient: age: error: .*plugin.*\nhint: .*age-plugin-NAME/,
    );
  });

  test("one that age goes on without is a wrong setting", async () => {
    const warns =
      "echo 'age: warning: recipients file: ignoring unsupported SSH key of type \"x\" at line 1' >&2; exit 0";
    const { stderr } = await refused({ BACKUP_ENCRYPT_TO: keys.own.recipient }, warns);
    expect(stderr).toMatch(/^error: age does not take a recipient: age: warning: .*ignoring unsupported/);
  });
});

const job = { DB_HOST: "127.0.0.1", DB_NAME: "app", RCLONE_REMOTE: "/nowhere/backups" };

describe("an age that can't be used", () => {
  test("fails the run before its hook when it ends badly for another reason, and is told", async () => {
    await using webhook = startWebhook();
    using place = localPlace();
    using fakes = tools({ pg_dump: plainDump, age: "echo 'age: error: out of entropy' >&2; exit 1" });
    const env = {
      BACKUP_ENCRYPT_TO: keys.own.recipient,
      NOTIFY_WEBHOOK_URL: `json+${webhook.url}`,
      HOOK_PRE_BACKUP: "exit 9",
    };
    const result = await startFaultRun({ place, tools: fakes, env }).exited;
    await expectNothingStored(result, place, {
      error: /^age failed \(exit code 1\): age: error: out of entropy$/,
    });
    expect(fakes.calls("pg_dump")).toEqual([]);
    expect(webhook.requests).toHaveLength(1);
  });

  const withoutAge = () =>
    tools({
      ...answeringTools,
      rclone: { link: componentPath("rclone-current") },
      ...Object.fromEntries(
        ["sh", "setpriv", "printf", "uname", "cat"].map((name) => [name, { link: Bun.which(name) ?? "" }]),
      ),
    });

  test("is missed by name in a run, in a check and in a dry run", async () => {
    using place = localPlace();
    using fakes = withoutAge();
    const options = { place, tools: fakes, onlyPath: [fakes.dir] };
    const env = { BACKUP_ENCRYPT_TO: keys.own.recipient };
    const result = await startFaultRun({ ...options, env }).exited;
    await expectNothingStored(result, place, { error: /^age was not found on PATH$/ });
    expect(String(result.lastLine?.["hint"])).toMatch(/^install it/);
    const dry = await startFaultRun({ ...options, env: { ...env, DRY_RUN: "true", LOG_FORMAT: "text" } })
      .exited;
    expect(dry.stdout).toMatch(/^Warnings\n {2}age was not found on PATH \(install it/m);
    expect(dry.stdout).toContain(" | age --encrypt -R '…/recipients'\n");
    const checked = await runCheck("pg", {
      onlyPath: [fakes.dir],
      env: { ...job, ...env, RCLONE_REMOTE: place.remote },
    });
    expect(checked.failed).toEqual([expect.stringMatching(/^tools: age was not found on PATH; install it/)]);
    expect(checked.exitCode).toBe(1);
  });

  test("is tried by a check, which says what a run would end with", async () => {
    using place = localPlace();
    using fakes = tools(answeringTools);
    const env = { ...job, RCLONE_REMOTE: place.remote, BACKUP_ENCRYPT_TO: keys.own.recipient };
    const good = await runCheck("pg", { path: [fakes.dir], env });
    expect([good.exitCode, found(good, "encryption")]).toEqual([
      0,
      ["ok: to 1 public key, tried on nothing"],
    ]);
    expect(found(good, "tools").join("\n")).toMatch(/^ok: v?\d+\.\d+\.\d+ \(.*\/age\)$/m);
    using bad = tools({ ...answeringTools, age: "echo 'age: error: malformed recipient' >&2; exit 1" });
    const wrong = await runCheck("pg", { path: [bad.dir], env });
    expect([wrong.exitCode, wrong.failed]).toEqual([
      2,
      ["encryption: age does not take a recipient: age: error: malformed recipient; no hint"],
    ]);
  });

  test("leaves a list that only its owner may change alone", async () => {
    using place = localPlace();
    using fakes = tools({ pg_dump: plainDump });
    const list = writeRecipients(join(keys.folder, "private"), [keys.own.recipient]);
    chmodSync(list, 0o400);
    const env = { BACKUP_ENCRYPT_TO_FILE: list };
    expect((await startFaultRun({ place, tools: fakes, env }).exited).exitCode).toBe(0);
    expect(await run(["stat", "-c", "%a", list])).toMatchObject({ stdout: "400\n" });
  });
});

describe("an encrypted archive of mongodump", () => {
  const { test } = needs("age", "sshd", "rclone-current", "zstd", "mongo-tools", "ferretdb");
  let mongo: MongoServer;
  beforeAll(async () => {
    mongo = await startMongo();
    await mongo.insert("app", "orders", [{ _id: 1 }]);
  });
  afterAll(() => mongo?.stop());

  for (const [database, exitCode, error] of [
    ["app", 0, /^undefined$/],
    ["empty", 1, /^the database empty does not exist or holds no collection$/],
  ] as const)
    test(`of the database ${database} ends with ${exitCode}, by the tool's own words`, async () => {
      using place = localPlace();
      const env = {
        DB_URI: mongo.uri(database),
        RCLONE_REMOTE: place.remote,
        BACKUP_COMPRESS: "zstd",
        BACKUP_ENCRYPT_TO: keys.own.recipient,
      };
      const result = await runDbstash("mongo", { path: [mongo.binDir], env });
      expect(result.exitCode).toBe(exitCode);
      expect(String(result.lastLine?.["error"])).toMatch(error);
      expect(readdirSync(place.remote)).toHaveLength(exitCode === 0 ? 1 : 0);
    });
});
