import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { type DbstashOptions, startDbstash } from "../support/dbstash.ts";
import { type MongoServer, startMongo } from "../support/mongo.ts";
import { noise } from "../support/noise.ts";
import { waitUntilGone } from "../support/procs.ts";
import { freePort, waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, failingBackUp, password, warningsOf } from "./backups.ts";
import { frontPageScript, pageCode, restoreCommand, runDocumented } from "./readme.ts";

/** The server takes plain names for databases alone. */
const database = "web-shop_1";
const collections = ["items", "it's ours & yours", "🐘 über/100%"];

/** MongoDB's own limit is 16 MB for a document. */
const bigBytes = 15_000_000;

const { describe, test } = needs("ferretdb", "mongo-tools", "rclone-current", "zstd");

describe("mongo", () => {
  let source: MongoServer;
  let open: MongoServer;
  let empty: MongoServer;
  let options: DbstashOptions;
  let secure: MongoServer;
  let unknownHost: Promise<string>;
  let uncheckedCertificate: Promise<string>;
  beforeAll(async () => {
    [source, open, empty, secure] = await Promise.all([
      startMongo({ user: "backup", password }),
      startMongo(),
      startMongo(),
      startMongo({ user: "backup", password, tls: true }),
    ]);
    for (const server of [source, open]) {
      await server.insert(database, "items", [
        { _id: 1, name: "🐘 über", data: binary(Buffer.from("00ff0a0d1a5c27e2", "hex")) },
        { _id: 2, nested: { list: [1, "two", null, true, 1.5] }, at: { $date: "2026-02-07T02:00:00.123Z" } },
        { _id: { $oid: "65f0c0ffee0123456789abcd" }, long: { $numberLong: "9007199254740993" }, "a b": "" },
      ]);
      await server.insert(database, "it's ours & yours", [{ _id: "quote ' \" and \\ line\n" }]);
      await server.insert(database, "🐘 über/100%", [{ _id: 1 }]);
    }
    await open.insert("other", "things", [{ _id: 1, big: binary(noise(bigBytes)) }]);
    options = { path: [source.binDir], env: { DB_URI: source.uri(database) } };
    // mongodump waits for 30 s before it gives up: the other tests need not wait for that.
    const soon = (uri: string): Promise<string> => {
      const error = failingBackUp("mongo", { ...options, env: { DB_URI: uri } });
      error.catch(() => undefined);
      return error;
    };
    unknownHost = soon("mongodb://u:pw@nowhere.invalid/shop");
    uncheckedCertificate = soon(secure.uri(database).replace(/&tlsCAFile=.*/, ""));
  }, 60_000);
  afterAll(() => Promise.all([source, open, empty, secure].map((server) => server.stop())));

  /** Restores with the documents' command and its placeholders filled in. */
  async function restore(file: string, storedAs: string, more = ""): Promise<void> {
    using work = tempFolder("restore");
    const command = restoreCommand("MongoDB", `\`${storedAs}\``) + more;
    const words: Record<string, string> = command.includes("NAME")
      ? { REMOTE: dirname(file), NAME: basename(file) }
      : { FILE: file.slice(0, -storedAs.length) };
    const tools = [empty.binDir, dirname(componentPath("zstd")), dirname(componentPath("rclone-current"))];
    await runDocumented(command, { words: { ...words, URI: empty.uri() }, path: tools, cwd: work.path });
  }

  async function expectRestored(from: MongoServer, name: string, as = name): Promise<void> {
    expect(await empty.collections(as)).toEqual(await from.collections(name));
    for (const collection of await from.collections(name)) {
      const documents = await from.find(name, collection);
      expect(documents.length).toBeGreaterThan(0);
      expect(await empty.find(as, collection)).toEqual(documents);
    }
    await empty.drop(as);
  }

  for (const [mode, compression, extension, storedAs] of [
    ["stream", "false", ".archive", ".archive"],
    ["stream", "true", ".archive.gz", ".archive.gz"],
    ["stream", "gzip", ".archive.gz", ".archive.gz"],
    ["stream", "zstd:7", ".archive.zst", ".archive.zst"],
    ["directory", "false", "", ".bson"],
    ["directory", "true", "", ".gz"],
    ["directory", "gzip", "", ".gz"],
    ["tar", "false", ".tar", ".tar"],
    ["tar", "true", ".tar", ".tar"],
  ] as const) {
    test(`restores whole in ${mode} mode with BACKUP_COMPRESS=${compression}`, async () => {
      using remote = tempFolder("remote");
      const { file } = await backUp("mongo", remote.path, {
        ...options,
        env: { ...options.env, BACKUP_MODE: mode, BACKUP_COMPRESS: compression },
      });
      expect(basename(file)).toMatch(new RegExp(`^${database}-\\d{8}T\\d{6}Z${RegExp.escape(extension)}$`));
      // As the documents say of a tar with compressed files.
      await restore(file, storedAs, mode === "tar" && compression === "true" ? " --gzip" : "");
      expect(await source.collections(database)).toEqual(collections.toSorted());
      await expectRestored(source, database);
    }, 60_000);
  }

  test("restores a compressed tar once it is unpacked, as the documents say", async () => {
    using remote = tempFolder("remote");
    const { file } = await backUp("mongo", remote.path, {
      ...options,
      env: { ...options.env, BACKUP_MODE: "tar", BACKUP_COMPRESS: "zstd" },
    });
    expect(file).toEndWith(".tar.zst");
    const zstd = { words: { FILE: file }, path: [dirname(componentPath("zstd"))] };
    await runDocumented("zstd -dq FILE", zstd);
    await restore(file.slice(0, -".zst".length), ".tar");
    await expectRestored(source, database);
  }, 60_000);

  test("restores under another name with the documents' flags", async () => {
    using remote = tempFolder("remote");
    const { file } = await backUp("mongo", remote.path, options);
    const flags = "--nsFrom='shop.*' --nsTo='new.*'";
    expect(pageCode("MongoDB", "--nsFrom")).toBe(flags);
    await restore(file, ".archive", ` ${flags.replace("shop.", `${database}.`)}`);
    await expectRestored(source, database, "new");
  }, 60_000);

  test("restores by the commands of README.md", async () => {
    using remote = tempFolder("remote");
    const { file } = await backUp("mongo", remote.path, options);
    using work = tempFolder("restore");
    writeFileSync(work.file("rclone.conf"), "");
    await runDocumented(frontPageScript("mongorestore"), {
      words: { REMOTE: remote.path, FILE: basename(file, ".archive"), URI: empty.uri() },
      path: [empty.binDir, dirname(componentPath("rclone-current"))],
      cwd: work.path,
    });
    await expectRestored(source, database);
  }, 60_000);

  test("a backup of all databases holds each of them, and a document of 15 MB", async () => {
    using remote = tempFolder("remote");
    const { file } = await backUp("mongo", remote.path, {
      ...options,
      env: { DB_URI: open.uri(), BACKUP_ALL_DATABASES: "true" },
    });
    expect(basename(file)).toStartWith("all-");
    await restore(file, ".archive");
    expect(await empty.databases()).toEqual(["other", database]);
    expect(readFileSync(file).length).toBeGreaterThan(bigBytes);
    await expectRestored(open, "other");
    await expectRestored(open, database);
  }, 60_000);

  for (const mode of ["stream", "directory"]) {
    test(`in ${mode} mode a user who may read one database is told that the others are missing`, async () => {
      await using partial = await startMongo({ user: "backup", password, onlyDatabase: "shop" });
      await partial.insert("shop", "items", [{ _id: 1 }]);
      await partial.insert("other", "things", [{ _id: 1 }]);
      const warnings = async (server: MongoServer, exitCode: 0 | 3): Promise<string[]> => {
        using remote = tempFolder("remote");
        const env = { DB_URI: server.uri(), BACKUP_ALL_DATABASES: "true", BACKUP_MODE: mode };
        const { result } = await backUp("mongo", remote.path, { ...options, env }, exitCode);
        return warningsOf(result);
      };
      expect(await warnings(partial, 3)).toEqual([
        'databases the user may not read are missing from the backup, as are users and roles: db.grantRolesToUser("backup", [{ role: "backup", db: "admin" }]) lets it read all',
      ]);
      expect(await warnings(source, 0)).toEqual([]);
    }, 60_000);
  }

  test("the definitions of indexes are in the backup", async () => {
    using remote = tempFolder("remote");
    await open.insert("indexed", "items", [{ _id: 1, price: 2 }]);
    await open.index("indexed", "items", "price");
    const { file } = await backUp("mongo", remote.path, {
      ...options,
      env: { DB_URI: open.uri("indexed"), BACKUP_MODE: "directory" },
    });
    await open.drop("indexed");
    const metadata = readFileSync(join(file, "indexed", "items.metadata.json"), "utf8");
    const { indexes } = JSON.parse(metadata) as { indexes: { name: string }[] };
    expect(indexes.map(({ name }) => name)).toEqual(["_id_", "price_1"]);
  }, 60_000);

  for (const [mode, compression] of [
    ["stream", "false"],
    ["stream", "true"],
    ["stream", "gzip"],
    ["stream", "zstd"],
    ["directory", "true"],
    ["tar", "zstd"],
  ] as const) {
    test(`stores nothing in ${mode} mode with BACKUP_COMPRESS=${compression} for a database that is not there`, async () => {
      const error = await failingBackUp("mongo", {
        ...options,
        env: { DB_URI: source.uri("missing"), BACKUP_MODE: mode, BACKUP_COMPRESS: compression },
      });
      expect(error).toContain("the database missing does not exist or holds no collection");
    }, 60_000);
  }

  test("fails with a wrong password and without one, with the server's reason and a remedy", async () => {
    // Begins with the right one, which the watch on the output looks for: mongodump itself quotes the whole URI.
    const wrong = { DB_URI: source.uri(database, { password: `${password}x` }) };
    expect(await failingBackUp("mongo", { ...options, env: wrong })).toMatch(
      /AuthenticationFailed.*check the user and password, and the database that holds the account/s,
    );
    const none = {
      DB_URI: source
        .uri(database)
        .replace(/\/\/.*@/, "//")
        .replace(/\?.*/, ""),
    };
    expect(await failingBackUp("mongo", { ...options, env: none })).toMatch(
      /requires authentication.*the user needs the role read/s,
    );
  }, 60_000);

  test("finds the account by separate settings too, in the database that DB_AUTH_SOURCE names", async () => {
    const env = {
      DB_HOST: source.host,
      DB_PORT: String(source.port),
      DB_USER: "backup",
      DB_PASSWORD: password,
      DB_NAME: database,
    };
    using remote = tempFolder("remote");
    const { file } = await backUp("mongo", remote.path, { ...options, env });
    await restore(file, ".archive");
    await expectRestored(source, database);
    const elsewhere = await failingBackUp("mongo", { ...options, env: { ...env, DB_AUTH_SOURCE: "other" } });
    expect(elsewhere).toContain("AuthenticationFailed");
  }, 60_000);

  test("fails for an unknown host, and stores nothing", async () => {
    expect(await unknownHost).toContain("nowhere.invalid");
  }, 90_000);

  test("finds the primary of a replica set among several hosts", async () => {
    await using member = await startMongo({ user: "backup", password, replicaSet: "rs0" });
    const hosts = `127.0.0.1:${await freePort()},${member.host}:${member.port}`;
    const uri = (path: string): string =>
      `mongodb://backup:${encodeURIComponent(password)}@${hosts}/${path}?replicaSet=rs0&authSource=admin`;
    await member.insert("shop", "items", [{ _id: 1 }]);
    using remote = tempFolder("remote");
    const { file } = await backUp("mongo", remote.path, { ...options, env: { DB_URI: uri("shop") } });
    await restore(file, ".archive");
    await expectRestored(member, "shop");
  }, 60_000);

  test("speaks TLS, and refuses a certificate that it can't check with a remedy", async () => {
    await secure.insert(database, "items", [{ _id: 1 }]);
    using remote = tempFolder("remote");
    const { file } = await backUp("mongo", remote.path, {
      ...options,
      env: { DB_URI: secure.uri(database) },
    });
    await restore(file, ".archive");
    await expectRestored(secure, database);
    expect(await uncheckedCertificate).toMatch(/x509.*name the authority in DB_URI: \?tls=true&tlsCAFile=/s);
  }, 90_000);

  for (const mode of ["stream", "directory", "tar"]) {
    test(`fails in ${mode} mode when the server is killed during the dump, and stores nothing`, async () => {
      await using dying = await startMongo();
      const page = binary(noise(100_000));
      const pages = Array.from({ length: 400 }, (_, id) => ({ _id: id, page }));
      await dying.insert("shop", "pages", pages);
      using remote = tempFolder("remote");
      using work = tempFolder("work");
      const running = startDbstash("mongo", {
        ...options,
        env: {
          DB_URI: dying.uri("shop"),
          RCLONE_REMOTE: remote.path,
          BACKUP_MODE: mode,
          BACKUP_TEMP_DIR: work.path,
        },
      });
      // Not only begun: what fails before the first answer mongodump tries again, for 30 s.
      await waitFor("a part of the dump", () => bytesBelow(remote.path) + bytesBelow(work.path) > 1_000_000);
      await dying.kill9();
      const result = await running.exited;
      await waitUntilGone(running.id);
      expect([result.exitCode, filesBelow(remote.path), filesBelow(work.path)]).toEqual([1, [], []]);
      expect(result.lastLine).toMatchObject({ msg: "backup failed", status: "failure" });
      expect(String(result.lastLine?.["error"])).toMatch(
        /^mongodump failed .*(connection|server selection)/s,
      );
      expect(String(result.lastLine?.["error"])).not.toContain("[#");
      expect(String(result.lastLine?.["error"])).not.toContain("[.");
    }, 90_000);
  }

  test("DB_NAME beside BACKUP_ALL_DATABASES is a usage error", async () => {
    const env = {
      DB_HOST: source.host,
      DB_NAME: "shop",
      BACKUP_ALL_DATABASES: "true",
      RCLONE_REMOTE: "/tmp",
    };
    const result = await startDbstash("mongo", { ...options, env }).exited;
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain("exclude each other");
  });
});

function binary(bytes: Buffer): object {
  return { $binary: { base64: bytes.toString("base64"), subType: "00" } };
}

function bytesBelow(folder: string): number {
  const sizes = filesBelow(folder).map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => !name.endsWith(".lock"));
}
