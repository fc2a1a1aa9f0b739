import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { decrypt, type Keys, makeKeys } from "../support/age.ts";
import { componentPath, needs } from "../support/components.ts";
import { type EngineName, runDbstash } from "../support/dbstash.ts";
import { startMariadb } from "../support/mariadb.ts";
import { startMongo } from "../support/mongo.ts";
import { noise } from "../support/noise.ts";
import { startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { runOk } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, password } from "./backups.ts";
import { content, createSample, database } from "./postgres-sample.ts";
import { pageCode, pageScript, restoreCommand, runDocumented } from "./readme.ts";

const page = "Encryption";
const gate = needs("age", "sshd", "rclone-current", "zstd");

let keys: Keys;
if (gate.available) {
  beforeAll(async () => {
    keys = await makeKeys();
  });
  afterAll(() => keys[Symbol.dispose]());
}

interface Encrypted extends Disposable {
  /** Its path. */
  readonly file: string;
  /** The bytes that lie there. */
  readonly stored: Buffer;
}

/** An encrypted backup of a server, to a key of age's and to one of SSH. */
async function encrypted(
  engine: EngineName,
  binDir: string,
  env: Readonly<Record<string, string>>,
): Promise<Encrypted> {
  const remote = tempFolder("remote");
  const recipients = `${keys.other.recipient} '${keys.ssh.recipient}'`;
  const options = { path: [binDir], env: { ...env, BACKUP_ENCRYPT_TO: recipients } };
  const { file } = await backUp(engine, remote.path, options);
  return { file, stored: readFileSync(file), [Symbol.dispose]: () => remote.remove() };
}

interface Restore {
  readonly binDir: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly words?: Readonly<Record<string, string>>;
  /** The folder it is run in. */
  readonly cwd: string;
}

/** Restores by the documents' command; what was in tar mode with the SSH key, all else with age's own. */
async function restore(
  { file }: Encrypted,
  command: string,
  extension: string,
  { binDir, env = {}, words = {}, cwd }: Restore,
): Promise<string> {
  expect(file).toEndWith(extension);
  const { identityFile } = extension.startsWith(".tar") ? keys.ssh : keys.other;
  const script = `${pageCode(page, "pipefail")}\n${command}`;
  return runDocumented(script, {
    words: { "key.txt": identityFile, FILE: file.slice(0, -extension.length), ...words },
    path: [binDir, componentPath("age"), dirname(componentPath("zstd"))],
    env: { LC_ALL: "C.UTF-8", ...env },
    cwd,
    shell: "bash",
  });
}

/** Of none of these a part may be seen in what is stored. */
function expectNothingClear(
  { stored }: Pick<Encrypted, "stored">,
  clear: readonly (string | Uint8Array)[],
): void {
  expect(stored.subarray(0, 21).toString()).toBe("age-encryption.org/v1");
  for (const part of clear) expect([part, stored.includes(part)]).toEqual([part, false]);
}

const zstdMagic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);

const pg = needs("age", "sshd", "rclone-current", "zstd", "postgresql");
pg.describe("PostgreSQL", () => {
  const { test } = pg;
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let expected: string;
  beforeAll(async () => {
    server = await startPostgres({ password });
    await createSample(server);
    expected = await content(server, database);
  }, 60_000);
  afterAll(() => server.stop());

  for (const [extension, settings] of [
    [".sql.zst.age", { BACKUP_COMPRESS: "zstd" }],
    [".dump.age", { BACKUP_COMPRESS: "true" }],
    [".tar.zst.age", { BACKUP_MODE: "tar", BACKUP_COMPRESS: "zstd" }],
    [".sql.age", {}],
  ] as const)
    test(`a ${extension} shows nothing of the dump, and restores whole by the documents' commands`, async () => {
      using backup = await encrypted("pg", server.binDir, { DB_URI: server.uri(database), ...settings });
      expectNothingClear(backup, [
        "PostgreSQL",
        "CREATE TABLE",
        "gr🙂n",
        "PGDMP",
        "ustar",
        "0123456789012",
        zstdMagic,
      ]);
      await server.createDatabase("new");
      const options = { binDir: server.binDir, env: server.env, cwd: dirname(backup.file) };
      const folder = restoreCommand("PostgreSQL", "`.tar`").split("&&")[1] ?? "";
      const plain = restoreCommand("PostgreSQL", "`.sql`");
      const command = {
        ".sql.zst.age": restoreCommand(page, "PostgreSQL, `.sql.zst.age`"),
        ".dump.age": restoreCommand(page, "PostgreSQL, `.dump.age`"),
        ".tar.zst.age": `${restoreCommand(page, "any, `.tar.zst.age`")} && ${folder}`,
        ".sql.age": `${pageCode(page, "-o FILE.sql FILE")} && ${plain}`,
      }[extension];
      await restore(backup, command, extension, options);
      expect(await content(server, "new")).toBe(expected);
      await server.sql("DROP DATABASE new");
    }, 60_000);

  test("several databases and their roles at once, in two places, are encrypted each", async () => {
    await server.createDatabase("second");
    await server.sql("CREATE TABLE seconds AS SELECT 1 AS id", "second");
    using places = tempFolder("places");
    const [one, two] = [places.file("one"), places.file("two")];
    const result = await runDbstash("pg", {
      path: [server.binDir],
      env: {
        DB_URI: server.uri("postgres"),
        BACKUP_DATABASES: "* @globals",
        BACKUP_PARALLEL: "3",
        BACKUP_COMPRESS: "zstd",
        BACKUP_ENCRYPT_TO: keys.own.recipient,
        RCLONE_REMOTE: one,
        RCLONE_EXTRA_REMOTES: two,
      },
    });
    expect({ exitCode: result.exitCode, said: result.stdout }).toEqual({
      exitCode: 0,
      said: expect.any(String),
    });
    const names = readdirSync(one);
    expect(names.map((name) => name.replace(/-\d{8}T\d{6}Z/, "")).toSorted()).toEqual(
      ["@globals", "my %22shop%22 & it's db", "postgres", "second"].map((name) => `${name}.sql.zst.age`),
    );
    expect(readdirSync(two).toSorted()).toEqual(names.toSorted());
    for (const name of names) {
      const stored = readFileSync(join(one, name));
      expect(stored.equals(readFileSync(join(two, name)))).toBe(true);
      expectNothingClear({ stored }, ["PostgreSQL", "CREATE", zstdMagic]);
      const text = Buffer.from(Bun.zstdDecompressSync(await decrypt(keys.own, join(one, name)))).toString();
      expect([name, /PostgreSQL database (cluster )?dump complete/.test(text)]).toEqual([name, true]);
      expect([name, text.includes("CREATE ROLE")]).toEqual([name, name.startsWith("@globals")]);
    }
    await server.sql("DROP DATABASE second");
  }, 60_000);

  test("a look at the end tells a whole backup from one that was cut", async () => {
    const settings = { DB_URI: server.uri(database), BACKUP_COMPRESS: "zstd" };
    using backup = await encrypted("pg", server.binDir, settings);
    const look = () =>
      restore(backup, pageScript(page, "tail -n 8"), ".sql.zst.age", {
        binDir: server.binDir,
        cwd: dirname(backup.file),
      });
    expect(await look()).toContain("-- PostgreSQL database dump complete");
    for (const bytes of [backup.stored.length - 1, backup.stored.length - 65_536, 100]) {
      truncateSync(backup.file, bytes);
      expect(await look().then(() => "whole", String)).toContain("age: error");
    }
  }, 60_000);
});

needs("age", "sshd", "rclone-current", "zstd", "mariadb").test(
  "MariaDB: an encrypted dump restores whole by the documents' command",
  async () => {
    await using server = await startMariadb();
    await server.createDatabase("shop");
    await server.sql(
      "CREATE TABLE items (id INT PRIMARY KEY, title TEXT CHARACTER SET utf8mb4, raw BLOB); " +
        "INSERT INTO items SELECT seq, CONCAT('gr🙂n ', seq), UNHEX(MD5(seq)) FROM seq_1_to_5000",
      "shop",
    );
    const uri = { DB_URI: server.uri("shop"), BACKUP_COMPRESS: "zstd" };
    using backup = await encrypted("mariadb", server.binDir, uri);
    expectNothingClear(backup, ["MariaDB", "INSERT INTO", "gr🙂n", zstdMagic]);
    await server.createDatabase("new");
    using home = tempFolder("home");
    writeFileSync(home.file(".my.cnf"), readFileSync(server.optionFile));
    const command = restoreCommand(page, "MySQL and MariaDB, `.sql.zst.age`");
    const options = { binDir: server.binDir, env: { HOME: home.path }, cwd: home.path };
    await restore(backup, command, ".sql.zst.age", options);
    const sum = "SELECT COUNT(*), SUM(CRC32(CONCAT(id, title, HEX(raw)))) FROM items";
    expect(await server.sql(sum, "new")).toBe(await server.sql(sum, "shop"));
  },
  60_000,
);

needs("age", "sshd", "rclone-current", "zstd", "ferretdb", "mongo-tools").test(
  "MongoDB: an encrypted archive restores whole by the documents' command",
  async () => {
    await using server = await startMongo();
    await using empty = await startMongo();
    await server.insert("app", "orders", [{ _id: 1, name: "🐘 über", nested: { list: [1, "two", null] } }]);
    const uri = { DB_URI: server.uri("app"), BACKUP_COMPRESS: "zstd" };
    using backup = await encrypted("mongo", server.binDir, uri);
    expectNothingClear(backup, ["orders", "über", Uint8Array.of(0x6d, 0xe2, 0x99, 0x81), zstdMagic]);
    const command = restoreCommand(page, "MongoDB, `.archive.zst.age`");
    const options = { binDir: server.binDir, words: { URI: empty.uri() }, cwd: dirname(backup.file) };
    await restore(backup, command, ".archive.zst.age", options);
    expect(await empty.find("app", "orders")).toEqual(await server.find("app", "orders"));
  },
  60_000,
);

needs("age", "sshd", "rclone-current", "zstd", "redis").test(
  "Redis: an encrypted RDB restores whole by the documents' commands",
  async () => {
    await using server = await startRedis();
    await server.commands('SET greeting "🐘 über"\nRPUSH list a b c');
    await server.set("big", noise(3_000_000));
    const uri = { DB_URI: server.uri(), BACKUP_COMPRESS: "zstd" };
    using backup = await encrypted("redis", server.binDir, uri);
    expectNothingClear(backup, ["REDIS", "greeting", "über", zstdMagic]);
    const command = restoreCommand(page, "Redis and Valkey, `.rdb.zst.age`");
    await restore(backup, command, ".rdb.zst.age", { binDir: server.binDir, cwd: dirname(backup.file) });
    const rdb = backup.file.replace(/\.zst\.age$/, "");
    expect(await runOk([join(server.binDir, "redis-check-rdb"), rdb])).toContain("RDB looks OK");
    await using target = await startRedis({ loadRdb: rdb });
    expect(await target.command("GET", "greeting")).toBe("🐘 über");
    expect(await target.command("STRLEN", "big")).toBe("3000000");
  },
  60_000,
);
