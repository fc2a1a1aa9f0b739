import { afterAll, beforeAll, expect } from "bun:test";
import { needs } from "../support/components.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, failingBackUp, password } from "./backups.ts";
import { rows, createSample, database, restoredContent } from "./postgres-sample.ts";

const { available, test } = needs("postgresql", "postgresql-newest", "rclone-current", "zstd");

let older: PostgresServer;
let newer: PostgresServer;

if (available) {
  beforeAll(async () => {
    [older, newer] = await Promise.all([
      startPostgres({ password }),
      startPostgres({ release: "newest", password }),
    ]);
    expect(newer.major).toBeGreaterThan(older.major);
    await Promise.all([createSample(older), createSample(newer)]);
  }, 60_000);
  afterAll(() => Promise.all([older.stop(), newer.stop()]));
}

for (const [storedAs, settings] of [
  ["`.sql`", {}],
  ["`.dump`", { BACKUP_COMPRESS: "true" }],
  ["a folder", { BACKUP_MODE: "directory", DUMP_EXTRA_ARGS: "-j2" }],
] as const) {
  test(`a newer client backs up an older server, and ${storedAs} restores into a newer one`, async () => {
    using remote = tempFolder("remote");
    const env = { DB_URI: older.uri(database), ...settings };
    await backUp("pg", remote.path, { path: [newer.binDir], env });
    expect(await restoredContent(newer, { remote: remote.path }, storedAs, { read: rows })).toBe(
      await rows(newer, database),
    );
  }, 60_000);
}

for (const [title, settings] of [
  ["one database", {}],
  ["a folder", { BACKUP_MODE: "directory" }],
  ["all databases", { BACKUP_ALL_DATABASES: "true" }],
] as const) {
  test(`a client older than the server is refused, with the remedy, for ${title}`, async () => {
    const { host, port, user } = newer;
    const one = title === "all databases" ? {} : { DB_NAME: database };
    const parts = { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, ...one };
    const error = await failingBackUp("pg", {
      path: [older.binDir],
      env: { ...parts, ...settings },
    });
    expect(error).toContain("server version mismatch");
    expect(error).toContain("use a pg_dump at least as new as the server");
  });
}

test("zstd in directory mode by a client that can't is refused, with the remedy", async () => {
  const env = { DB_URI: older.uri(database), BACKUP_MODE: "directory", BACKUP_COMPRESS: "zstd" };
  const error = await failingBackUp("pg", { path: [older.binDir], env });
  expect(error).toContain('invalid value "zstd"');
  expect(error).toContain("zstd in directory mode needs pg_dump 16 or newer");
});
