import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { componentPath, needs } from "../support/components.ts";
import { type DbstashOptions, startDbstash } from "../support/dbstash.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { sampleCommandLines, waitUntilGone } from "../support/procs.ts";
import { runOk, waitFor } from "../support/run.ts";
import { type S3Server, startS3 } from "../support/s3.ts";
import { type FileServer, startSftp } from "../support/sftp.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const gate = needs("postgresql", "rclone-current", "rclone-old", "s3-server", "sshd", "zstd");
const { test } = gate;

const password = `p@ss:w/o%r d$'"x y`;
const database = `my "shop" db`;
let pg: PostgresServer;
let s3: S3Server;
let sftp: FileServer;
let folder: TempFolder;
let passwordFile: string;
let expected: string;

if (gate.available) {
  beforeAll(async () => {
    [pg, s3, sftp] = await Promise.all([startPostgres({ password }), startS3(), startSftp()]);
    folder = tempFolder("pg-e2e");
    passwordFile = folder.file("password");
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    await pg.createDatabase(database);
    await pg.sql(sample, database);
    expected = await content(database);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([pg.stop(), s3.stop(), sftp.stop()]);
    folder.remove();
  });
}

const sample = `
CREATE TABLE "big ""one""" (id serial PRIMARY KEY, title text, raw bytea, large text);
INSERT INTO "big ""one""" (title, raw) VALUES ('gr🙂n', '\\x00ff5c0a'::bytea), (E'tab\\tline\\n\\\\.', NULL);
INSERT INTO "big ""one""" (title, large) VALUES ('large', repeat('0123456789', 2000000));
CREATE VIEW titles AS SELECT id, upper(title) AS title FROM "big ""one""";
CREATE SEQUENCE counter START 41; SELECT nextval('counter');
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := NEW.title || '!'; RETURN NEW; END $$;
CREATE TRIGGER shouts BEFORE INSERT ON "big ""one""" FOR EACH ROW EXECUTE FUNCTION shout();
`;

/** What a restored database must answer as the first one did. */
async function content(name: string, server: PostgresServer = pg): Promise<string> {
  return server.sql(
    `SELECT id, title, encode(raw, 'hex'), md5(large), length(large) FROM "big ""one""" ORDER BY id;
     SELECT * FROM titles ORDER BY id; SELECT last_value, is_called FROM counter; SELECT prosrc FROM pg_proc WHERE proname = 'shout';
     SELECT tgname FROM pg_trigger WHERE NOT tgisinternal;`,
    name,
  );
}

const byParts = (): Record<string, string> => ({
  DB_HOST: pg.host,
  DB_PORT: String(pg.port),
  DB_USER: pg.user,
  DB_NAME: database,
});
const connections: Record<string, () => Record<string, string>> = {
  "a URI": () => ({ DB_URI: pg.uri(database) }),
  parts: () => ({ ...byParts(), DB_PASSWORD: password }),
  "parts and a password file": () => ({ ...byParts(), DB_PASSWORD_FILE: passwordFile }),
  "a unix socket's URI": () => {
    const [user, secret, name, host] = [pg.user, password, database, pg.socketDir].map(encodeURIComponent);
    return { DB_URI: `postgresql://${user}:${secret}@/${name}?host=${host}&port=${pg.port}` };
  },
};

/** Backs up, watching what can be seen of it from outside: the password must be nowhere. */
async function backUp(env: Record<string, string>, options: DbstashOptions = {}) {
  const running = startDbstash("pg", {
    path: [pg.binDir],
    ...options,
    env: { LOG_LEVEL: "debug", ...env },
  });
  const { result, commandLines } = await sampleCommandLines(running.id, running.exited, 20);
  const seen = [...commandLines, result.stdout, result.stderr].join("\n");
  for (const secret of [password, encodeURIComponent(password), JSON.stringify(password).slice(1, -1)])
    expect(seen).not.toContain(secret);
  await waitUntilGone(running.id);
  return result;
}

/** Restores a stored file by PostgreSQL's own tools into a new database and compares. */
async function expectRestores(file: string): Promise<void> {
  const name = `restored ${crypto.randomUUID()}`;
  await pg.createDatabase(name);
  const plain = file.replace(/\.(zst|gz)$/, "");
  if (file.endsWith(".zst")) await runOk([componentPath("zstd"), "-q", "-d", file, "-o", plain]);
  if (file.endsWith(".gz")) await runOk(["gzip", "-dk", file]);
  const args = plain.endsWith(".dump")
    ? (["pg_restore", ["--exit-on-error", "-d", name, plain]] as const)
    : (["psql", ["-Xq", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", name, "-f", plain]] as const);
  const restored = await pg.run(args[0], args[1]);
  expect(restored.stderr).toBe("");
  expect(await content(name)).toBe(expected);
  await pg.sql(`DROP DATABASE "${name}"`);
}

function onlyFile(dir: string): string {
  const files = readdirSync(dir, { recursive: true, encoding: "utf8" });
  expect(files).toHaveLength(1);
  return join(dir, files[0] ?? "");
}

for (const [title, connection] of Object.entries(connections)) {
  for (const rclone of ["current", "old"] as const) {
    test(`a backup by ${title} and the ${rclone} rclone restores`, async () => {
      using place = tempFolder("place");
      const result = await backUp({ ...connection(), RCLONE_REMOTE: place.path }, { rclone });
      expect(result.exitCode).toBe(0);
      await expectRestores(onlyFile(place.path));
    });
  }
}

for (const [compress, extension] of [
  ["true", ".dump"],
  ["zstd", ".sql.zst"],
  ["gzip:1", ".sql.gz"],
] as const) {
  test(`a backup with BACKUP_COMPRESS=${compress} restores`, async () => {
    using place = tempFolder("place");
    const env = { DB_URI: pg.uri(database), RCLONE_REMOTE: place.path, BACKUP_COMPRESS: compress };
    expect((await backUp(env)).exitCode).toBe(0);
    const file = onlyFile(place.path);
    expect(file.endsWith(extension)).toBe(true);
    await expectRestores(file);
  });
}

const remotes: Record<string, () => { env: Record<string, string>; remote: string }> = {
  S3: () => ({ env: s3.remoteEnv("store"), remote: `store:${s3.bucket}/${crypto.randomUUID()}` }),
  SFTP: () => ({ env: sftp.remoteEnv("store"), remote: sftp.remotePath("store", crypto.randomUUID()) }),
  "crypt over local": () => ({
    env: {
      RCLONE_CONFIG_STORE_TYPE: "crypt",
      RCLONE_CONFIG_STORE_REMOTE: folder.file(crypto.randomUUID()),
      RCLONE_CONFIG_STORE_PASSWORD: obscured,
    },
    remote: "store:",
  }),
};
/** "secret" as rclone obscures it, with a fixed start. */
const obscured = gate.available
  ? (await runOk([componentPath("rclone-current"), "obscure", "secret"])).trim()
  : "";

for (const [title, make] of Object.entries(remotes)) {
  for (const rclone of ["current", "old"] as const) {
    test(`a backup to ${title} by the ${rclone} rclone restores`, async () => {
      const { env, remote } = make();
      const result = await backUp({ DB_URI: pg.uri(database), RCLONE_REMOTE: remote, ...env }, { rclone });
      expect(result.exitCode).toBe(0);
      using fetched = tempFolder("fetched");
      const copy = [componentPath("rclone-current"), "copy", remote, fetched.path, "--config", ""];
      await runOk(copy, { env: { PATH: "/usr/bin:/bin", HOME: fetched.path, ...env } });
      await expectRestores(onlyFile(fetched.path));
    });
  }
}

test("a backup of all databases restores on an empty server", async () => {
  using place = tempFolder("place");
  const env = { DB_URI: pg.uri("postgres"), RCLONE_REMOTE: place.path, BACKUP_ALL_DATABASES: "true" };
  const { DB_NAME: _, ...parts } = byParts();
  const result = await backUp({ ...env, DB_URI: "", ...parts, DB_PASSWORD: password });
  expect(result.exitCode).toBe(0);
  await using other = await startPostgres({ user: "other", password });
  const restored = await other.run("psql", [
    "-Xq",
    "-o",
    "/dev/null",
    "-d",
    "postgres",
    "-f",
    onlyFile(place.path),
  ]);
  expect(restored.exitCode).toBe(0);
  expect(await content(database, other)).toBe(expected);
});

for (const [title, change, reason] of [
  [
    "a wrong password",
    () => ({ DB_URI: pg.uri(database, { password: "wrong" }) }),
    /password authentication failed/,
  ],
  ["an unknown host", () => ({ ...byParts(), DB_HOST: "nowhere.invalid" }), /could not translate host name/],
  ["a missing database", () => ({ DB_URI: pg.uri("nowhere") }), /database "nowhere" does not exist/],
] as const) {
  test(`${title} is told by the tool's own words, and nothing is stored`, async () => {
    using place = tempFolder("place");
    const result = await backUp({ ...change(), RCLONE_REMOTE: place.path });
    expect(result.exitCode).toBe(1);
    expect(result.lastLine?.msg).toBe("backup failed");
    expect(String(result.lastLine?.["error"])).toMatch(reason);
    expect(readdirSync(place.path)).toEqual([]);
  });
}

test("a server killed mid-dump stores nothing", async () => {
  await using server = await startPostgres({ password });
  using place = tempFolder("place");
  await server.sql(
    "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 30) AS x FROM generate_series(1, 200000) n",
  );
  const running = startDbstash("pg", {
    path: [server.binDir],
    env: { DB_URI: server.uri(), RCLONE_REMOTE: place.path, RCLONE_EXTRA_ARGS: "--bwlimit 4M" },
  });
  await waitFor("a staged upload", () => readdirSync(place.path).length > 0);
  await server.kill9();
  const result = await running.exited;
  await waitUntilGone(running.id);
  expect(result.exitCode).toBe(1);
  expect(String(result.lastLine?.["error"])).toMatch(
    /server closed the connection|connection to server was lost/,
  );
  expect(readdirSync(place.path)).toEqual([]);
});

for (const [title, mode] of [
  ["in place", 0o600],
  ["read-only", 0o400],
] as const) {
  test(`an rclone.conf that is ${title} serves, and stays as it is`, async () => {
    using place = tempFolder("place");
    using config = tempFolder("config");
    mkdirSync(config.file("dir"));
    const file = config.file("dir/rclone.conf");
    const text = `[store]\ntype = alias\nremote = ${place.path}\n`;
    writeFileSync(file, text);
    chmodSync(file, mode);
    const env = { DB_URI: pg.uri(database), RCLONE_REMOTE: "store:", RCLONE_CONFIG_FILE: file };
    expect((await backUp(env)).exitCode).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(text);
    await expectRestores(onlyFile(place.path));
  });
}

test("RCLONE_CONFIG as base64 serves, and RCLONE_DRY_RUN changes nothing", async () => {
  using place = tempFolder("place");
  const config = Buffer.from(`[store]\ntype = alias\nremote = ${place.path}\n`).toString("base64");
  const env = {
    DB_URI: pg.uri(database),
    RCLONE_REMOTE: "store:",
    RCLONE_CONFIG: config,
    RCLONE_DRY_RUN: "true",
  };
  const result = await backUp(env);
  expect(result.exitCode).toBe(0);
  expect(result.leftovers.filter((name) => !name.endsWith(".lock"))).toEqual([]);
  await expectRestores(onlyFile(place.path));
});
