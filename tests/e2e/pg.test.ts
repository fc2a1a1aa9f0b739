import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { needs } from "../support/components.ts";
import type { DbstashOptions, DbstashResult } from "../support/dbstash.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { freePort } from "../support/run.ts";
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
const connections: Record<string, () => Record<string, string> | Promise<Record<string, string>>> = {
  "a URI": () => ({ DB_URI: pg.uri(database) }),
  parts: () => ({ ...byParts(), DB_PASSWORD: password }),
  "parts and a password file": () => ({ ...byParts(), DB_PASSWORD_FILE: passwordFile }),
  "a URI of several hosts, the first of which is dead": async () => {
    const both = `127.0.0.1:${await freePort()},${pg.host}:${pg.port}`;
    return {
      DB_URI: pg.uri(database).replace(/@[^@/]+\//, `@${both}/`) + "?sslmode=prefer&target_session_attrs=any",
    };
  },
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
    const result = await backUp({ ...(await connection()), RCLONE_REMOTE: place.path });
    expect(result.exitCode).toBe(0);
    await expectRestores(place);
  });
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

test("RCLONE_CONFIG as base64 serves, and leaves nothing", async () => {
  using place = tempFolder("place");
  const config = Buffer.from(`[store]\ntype = alias\nremote = ${place.path}\n`).toString("base64");
  const env = {
    DB_URI: pg.uri(database),
    RCLONE_REMOTE: "store:",
    RCLONE_CONFIG: config,
  };
  const result = await backUp(env);
  expect(result.exitCode).toBe(0);
  expect(result.leftovers.filter((name) => !name.endsWith(".lock"))).toEqual([]);
  await expectRestores(place);
});
