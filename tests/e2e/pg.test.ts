import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { type DbstashOptions, type DbstashResult, startDbstash } from "../support/dbstash.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { password, watchedRun } from "./backups.ts";
import { content, createSample, database, restoredContent } from "./postgres-sample.ts";

const { available, test } = needs("postgresql", "rclone-current", "zstd");

let pg: PostgresServer;
let folder: TempFolder;
let passwordFile: string;
let expected: string;

if (available) {
  beforeAll(async () => {
    pg = await startPostgres({ password });
    folder = tempFolder("pg-e2e");
    passwordFile = folder.file("password");
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    await createSample(pg);
    expected = await content(pg, database);
  }, 60_000);
  afterAll(async () => {
    await pg.stop();
    folder.remove();
  });
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

/** Runs a backup with every message shown, watching what can be seen of it from outside. */
function backUp(env: Record<string, string>, options: DbstashOptions = {}): Promise<DbstashResult> {
  return watchedRun("pg", { path: [pg.binDir], ...options, env: { LOG_LEVEL: "debug", ...env } });
}

async function expectRestores(folderOfOne: TempFolder): Promise<void> {
  expect(await restoredContent(pg, { remote: folderOfOne.path }, "`.sql`")).toBe(expected);
}

for (const [title, connection] of Object.entries(connections)) {
  test(`a backup by ${title} restores`, async () => {
    using place = tempFolder("place");
    const result = await backUp({ ...connection(), RCLONE_REMOTE: place.path });
    expect(result.exitCode).toBe(0);
    await expectRestores(place);
  });
}

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

for (const mode of ["stream", "directory", "tar"]) {
  test(`a server killed while it is dumped in ${mode} mode stores nothing`, async () => {
    await using server = await startPostgres({ password });
    using place = tempFolder("place");
    using work = tempFolder("work");
    await server.sql(
      "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 30) AS x FROM generate_series(1, 200000) n",
    );
    const running = startDbstash("pg", {
      path: [server.binDir],
      env: {
        DB_URI: server.uri(),
        RCLONE_REMOTE: place.path,
        RCLONE_EXTRA_ARGS: "--bwlimit 4M",
        BACKUP_MODE: mode,
        BACKUP_TEMP_DIR: work.path,
      },
    });
    await waitFor("a part of the dump", () =>
      hasFile(mode === "stream" ? place.path : work.path, /partial$|\.dat$/),
    );
    await server.kill9();
    const result = await running.exited;
    await waitUntilGone(running.id);
    expect(result.exitCode).toBe(1);
    expect(String(result.lastLine?.["error"])).toMatch(
      /server closed the connection|connection to server was lost/,
    );
    expect([readdirSync(place.path), readdirSync(work.path)]).toEqual([[], []]);
  }, 60_000);
}

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
    await expectRestores(place);
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
  await expectRestores(place);
});

/** Whether a file of such a name, with something in it, lies in the folder or below. */
function hasFile(folder: string, name: RegExp): boolean {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.some((file) => name.test(file) && statSync(join(folder, file)).size > 0);
}
