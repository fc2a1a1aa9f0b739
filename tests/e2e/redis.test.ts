import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { documentText } from "../support/documents.ts";
import { type DbstashOptions, runDbstash, startDbstash } from "../support/dbstash.ts";
import { fakeTools } from "../support/fake-tools.ts";
import { noise } from "../support/noise.ts";
import { sendSignal, waitUntilGone } from "../support/procs.ts";
import { type RedisFlavour, type RedisOptions, type RedisServer, startRedis } from "../support/redis.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, failingBackUp, password } from "./backups.ts";
import { frontPageScript, pageScript, restoreCommand, runDocumented } from "./readme.ts";

/** Lets `DEBUG DIGEST` tell by one number all that a server holds. */
const telling = { "enable-debug-command": "yes" };

const bigBytes = 20_000_000;

const content = `SET "it's a \\"key\\" & more" "🐘 \\x00\\xff\\n end"
SET passing soon EX 100000
HSET hash one 1 two "zwei ä"
RPUSH list a b c
SADD set x y
ZADD zset 1.5 one 2 two
XADD stream 1-1 field value
FUNCTION LOAD "#!lua name=sums\\nredis.register_function('twice', function(keys, args) return args[1] * 2 end)"
SELECT 3
SET other 3`;

const setups: readonly (RedisOptions & { title: string; flavour: RedisFlavour; diskless: boolean })[] = [
  { title: "Redis 7, by a file on its disk", flavour: "redis", diskless: false },
  { title: "Redis 7, diskless, by an ACL user", flavour: "redis", diskless: true, user: "admin" },
  { title: "Redis 8, by a file on its disk", flavour: "redis-newest", diskless: false },
  { title: "Redis 8, diskless, with TLS", flavour: "redis-newest", diskless: true, tls: true },
  { title: "Valkey, by a file on its disk, with TLS", flavour: "valkey", diskless: false, tls: true },
  { title: "Valkey, diskless", flavour: "valkey", diskless: true },
];

for (const { title, ...setup } of setups) {
  const { describe, test } = needs(setup.flavour, "rclone-current", "zstd");
  describe(title, () => {
    let source: RedisServer;
    let options: DbstashOptions;
    beforeAll(async () => {
      source = await startRedis({ ...setup, password, settings: telling });
      await source.commands(content);
      await source.set("big", noise(bigBytes));
      options = { path: [source.binDir], env: { DB_URI: uriOf(source) } };
    }, 60_000);
    afterAll(() => source.stop());

    for (const [compression, extension] of [
      ["false", ".rdb"],
      ["zstd", ".rdb.zst"],
      ["gzip:1", ".rdb.gz"],
    ] as const) {
      test(`restores whole with BACKUP_COMPRESS=${compression}`, async () => {
        using remote = tempFolder("remote");
        const { file } = await backUp("redis", remote.path, {
          ...options,
          env: { ...options.env, BACKUP_COMPRESS: compression },
        });
        expect(basename(file)).toMatch(new RegExp(`^127\\.0\\.0\\.1-\\w+${RegExp.escape(extension)}$`));
        const stem = file.slice(0, -extension.length);
        if (extension !== ".rdb") {
          const command = restoreCommand("Redis and Valkey", `\`${extension}\``);
          await runDocumented(command, { words: { FILE: stem }, path: [dirname(componentPath("zstd"))] });
        }
        await using target = await startRedis({ flavour: setup.flavour });
        using _daemon = await restore(target, setup.flavour, stem);
        expect(await digest(target)).toBe(await digest(source));
        expect(await target.commands(`GET "it's a \\"key\\" & more"`)).toBe("🐘 \0�\n end\n");
        expect(await target.command("FCALL", "twice", "0", "21")).toBe("42");
        expect(await target.command("STRLEN", "big")).toBe(String(bigBytes));
        expect(await target.commands("SELECT 3\nGET other")).toBe("OK\n3\n");
        expect(await target.command("CONFIG", "SET", "appendonly", "yes")).toBe("OK");
      }, 60_000);
    }

    test("restores by the commands of README.md", async () => {
      using remote = tempFolder("remote");
      const { file } = await backUp("redis", remote.path, options);
      await using target = await startRedis({ flavour: setup.flavour });
      using _daemon = await restore(target, setup.flavour, file.slice(0, -".rdb".length), true);
      expect(await digest(target)).toBe(await digest(source));
    }, 60_000);

    test("an RDB is as long as the server says, without the marker of a diskless transfer", async () => {
      using remote = tempFolder("remote");
      const { file, result } = await backUp("redis", remote.path, options);
      expect(readFileSync(file).at(-9)).toBe(0xff);
      const verified = result.lines.find(({ msg }) => msg === "backup verified");
      expect(verified?.["compared"]).toBe("size and end of a Redis RDB file");
    }, 60_000);

    test("fails with a wrong password and an unknown host, and stores nothing", async () => {
      // Begins with the right one, which the watch on the output looks for.
      const wrong = uriOf(source, `${password}x`);
      expect(await failingBackUp("redis", { ...options, env: { DB_URI: wrong } })).toMatch(
        /WRONGPASS.*check the user and password/s,
      );
      const nowhere = { DB_URI: "redis://:pw@nowhere.invalid" };
      expect(await failingBackUp("redis", { ...options, env: nowhere })).toContain("nowhere.invalid");
    }, 60_000);

    test("says what a user lacks who may not replicate, and is content with the rights that the documents name", async () => {
      const rights = /needs `((?:\+\w+ ?)+)`/.exec(documentText("docs/redis.md"))?.[1]?.split(" ") ?? [];
      expect(rights).toContain("+psync");
      const login = (user: string): DbstashOptions => ({
        ...options,
        env: { DB_URI: uriOf(source, password, user) },
      });
      await source.command("ACL", "SETUSER", "dumper", "on", `>${password}`, ...rights);
      using remote = tempFolder("remote");
      await backUp("redis", remote.path, login("dumper"));
      await source.command("ACL", "SETUSER", "reader", "on", `>${password}`, "~*", "+@read", "+ping");
      expect(await failingBackUp("redis", login("reader"))).toMatch(
        /NOPERM.*the user needs the rights \+ping \+replconf \+sync \+psync/s,
      );
    }, 60_000);

    test("fails when the server is killed during the dump, and stores nothing", async () => {
      // Microseconds for each key: the RDB takes seconds to write.
      const settings = { "rdb-key-save-delay": "100000" };
      await using dying = await startRedis({ ...setup, password, settings });
      for (let key = 0; key < 50; key++) await dying.set(`key ${key}`, noise(200_000));
      using remote = tempFolder("remote");
      const running = startDbstash("redis", {
        ...options,
        env: { DB_URI: uriOf(dying), RCLONE_REMOTE: remote.path },
      });
      const sent = (): number =>
        readdirSync(remote.path)
          .map((name) => statSync(join(remote.path, name), { throwIfNoEntry: false })?.size ?? 0)
          .reduce((sum, size) => sum + size, 0);
      await waitFor("the dump to be on", async () =>
        setup.diskless
          ? sent() > 200_000
          : (await dying.command("INFO", "persistence")).includes("rdb_bgsave_in_progress:1"),
      );
      await dying.kill9();
      const result = await running.exited;
      await waitUntilGone(running.id);
      expect([result.exitCode, readdirSync(remote.path)]).toEqual([1, []]);
      expect(result.lastLine).toMatchObject({ msg: "backup failed", status: "failure" });
      expect(String(result.lastLine?.["error"])).toMatch(
        /^(redis|valkey)-cli failed .*(I\/O Error reading RDB payload|Error reading bulk length)/s,
      );
      expect(result.lastLine?.["hint"]).toStartWith("the server ended ");
    }, 60_000);

    if (setup.tls === true) {
      test("refuses a certificate that it can't check, and says how to name the authority", async () => {
        const unchecked = { DB_URI: uriOf(source).replace(/\?.*/, "") };
        expect(await failingBackUp("redis", { ...options, env: unchecked })).toMatch(
          /certificate.*name the authority in the URI: rediss:\/\/…\?cacert=/s,
        );
        const plain = { DB_URI: uriOf(source).replace("rediss:", "redis:").replace(/\?.*/, "") };
        expect(await failingBackUp("redis", { ...options, env: plain })).toMatch(/rediss:\/\//);
        using remote = tempFolder("remote");
        await backUp("redis", remote.path, {
          ...options,
          env: { DB_URI: uriOf(source).replace(/\?.*/, "?insecure=true") },
        });
      }, 60_000);
    }
  });
}

{
  const { test } = needs("redis", "rclone-current");
  test("a backup of all databases is Redis' only kind; DB_NAME is a label", async () => {
    await using server = await startRedis();
    await server.commands("SET a 1\nSELECT 9\nSET b 2");
    const env = { DB_URI: server.uri(), BACKUP_ALL_DATABASES: "true", DB_NAME: "sessions" };
    using remote = tempFolder("remote");
    const { file } = await backUp("redis", remote.path, { path: [server.binDir], env });
    expect(basename(file)).toStartWith("sessions-");
    await using loaded = await startRedis({ loadRdb: file });
    expect(await loaded.commands("GET a\nSELECT 9\nGET b")).toBe("1\nOK\n2\n");
  }, 60_000);

  test("a backup by separate settings over a unix socket", async () => {
    using folder = tempFolder("socket");
    const socket = folder.file("redis.sock");
    await using server = await startRedis({ password, settings: { unixsocket: socket } });
    await server.commands("SET a 1");
    using remote = tempFolder("remote");
    const env = { DB_HOST: socket, DB_PASSWORD: password, DB_NAME: "sessions" };
    const { file } = await backUp("redis", remote.path, { path: [server.binDir], env });
    await using loaded = await startRedis({ loadRdb: file });
    expect(await loaded.command("GET", "a")).toBe("1");
  }, 60_000);

  for (const mode of ["directory", "tar"])
    test(`${mode} mode is a usage error that names the one there is`, async () => {
      const env = { DB_URI: "redis://127.0.0.1:1", RCLONE_REMOTE: "/tmp", BACKUP_MODE: mode };
      const result = await runDbstash("redis", { env });
      expect(result.exitCode).toBe(2);
      expect(result.stderr).toMatch(/BACKUP_MODE \(--backup-mode\).*stream/);
    });
}

/** The URI, with the certificate authority where the server has TLS. */
function uriOf(server: RedisServer, secret = password, user = server.user ?? ""): string {
  const uri = server.uri().replace(/\/\/.*@/, `//${user}:${encodeURIComponent(secret)}@`);
  return server.caFile === undefined ? uri : `${uri}?cacert=${encodeURIComponent(server.caFile)}`;
}

/**
 * Puts an RDB into a server by a script of the documents; what is returned ends the daemon that the script has started.
 * @param isFetched whether the script fetches the RDB, as that of README.md does
 */
async function restore(
  server: RedisServer,
  flavour: RedisFlavour,
  stem: string,
  isFetched = false,
): Promise<Disposable> {
  using work = tempFolder("restore");
  const family = flavour === "valkey" ? "valkey" : "redis";
  const dir = (await server.command("CONFIG", "GET", "dir")).split("\n")[1] ?? "";
  const settings = {
    ...telling,
    port: server.port,
    bind: "127.0.0.1",
    dir,
    daemonize: "yes",
    pidfile: join(dir, "pid"),
    logfile: "log",
    save: '""',
    // Without the script's flag it would start empty.
    appendonly: "yes",
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`);
  writeFileSync(work.file("conf"), lines.join(""));
  using client = fakeTools({ [`${family}-cli`]: `exec '${server.cli}' -p ${server.port} "$@"` });
  writeFileSync(work.file("rclone.conf"), "");
  const script = isFetched ? frontPageScript("SHUTDOWN") : pageScript("Redis and Valkey", "SHUTDOWN");
  const backup = isFetched ? { REMOTE: dirname(stem), FILE: basename(stem) } : { FILE: stem };
  await runDocumented(script.replaceAll("redis-", `${family}-`), {
    words: { ...backup, DIR: dir, CONF: work.file("conf") },
    path: [client.dir, server.binDir, dirname(componentPath("rclone-current"))],
    cwd: work.path,
  });
  await waitFor("the data to be loaded", async () => (await server.command("PING")) === "PONG");
  const pid = Number(readFileSync(join(dir, "pid"), "utf8"));
  return { [Symbol.dispose]: () => sendSignal(pid, "SIGKILL") };
}

/** One number for all keys, values and databases. */
async function digest(server: RedisServer): Promise<string> {
  const told = await server.command("DEBUG", "DIGEST");
  expect(told).toMatch(/^[0-9a-f]{40}$/);
  expect(told).not.toMatch(/^0+$/);
  return told;
}
