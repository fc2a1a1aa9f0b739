import { afterAll, beforeAll, expect } from "bun:test";
import { basename } from "node:path";
import { needs } from "../support/components.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, password } from "./backups.ts";
import { content, createSample, database, restoredContent } from "./postgres-sample.ts";
import { restoreCommand, runReadme } from "./readme.ts";

const forms: readonly (readonly [storedAs: string, settings: Record<string, string>, releases?: string])[] = [
  ["`.sql`", {}],
  ["`.sql.zst`", { BACKUP_COMPRESS: "zstd" }],
  ["`.sql.gz`", { BACKUP_COMPRESS: "gzip:1" }],
  ["`.dump`", { BACKUP_COMPRESS: "true" }],
  ["`.dump.zst`", { BACKUP_COMPRESS: "zstd", DUMP_EXTRA_ARGS: "-Fc -Z0", BACKUP_EXTENSION: ".dump" }],
  ["a folder", { BACKUP_MODE: "directory" }],
  ["a folder", { BACKUP_MODE: "directory", BACKUP_COMPRESS: "true", DUMP_EXTRA_ARGS: "-j2" }],
  ["a folder", { BACKUP_MODE: "directory", BACKUP_COMPRESS: "gzip:1" }],
  ["a folder", { BACKUP_MODE: "directory", BACKUP_COMPRESS: "zstd:1" }, "newest"],
  ["`.tar`", { BACKUP_MODE: "tar" }],
  ["`.tar.zst`", { BACKUP_MODE: "tar", BACKUP_COMPRESS: "zstd" }],
  ["`.tar.gz`", { BACKUP_MODE: "tar", BACKUP_COMPRESS: "gzip:1" }],
];

for (const [release, component] of [
  ["distro", "postgresql"],
  ["newest", "postgresql-newest"],
] as const) {
  const { describe, test } = needs(component, "rclone-current", "zstd");
  describe(`PostgreSQL, ${release} release`, () => {
    let server: PostgresServer;
    let expected: string;
    beforeAll(async () => {
      server = await startPostgres({ release, password });
      await createSample(server);
      await createCluster(server);
      expected = await content(server, database);
      expect(expected).toContain(`it's "fine" 🙂`);
    }, 60_000);
    afterAll(() => server.stop());

    for (const [storedAs, settings, only] of forms) {
      if (only !== undefined && only !== release) continue;
      const by = Object.entries(settings).map((setting) => setting.join("="));
      test(`${storedAs} restores whole by the README's command, made by ${by.join(" ") || "default"}`, async () => {
        using remote = tempFolder("remote");
        const env = { DB_URI: server.uri(database), ...settings };
        await backUp("pg", remote.path, { path: [server.binDir], env });
        expect(await restoredContent(server, { remote: remote.path }, storedAs)).toBe(expected);
      }, 60_000);
    }

    test("all databases restore with their roles on an empty server", async () => {
      using remote = tempFolder("remote");
      const env = { ...parts(server), BACKUP_ALL_DATABASES: "true" };
      const { file } = await backUp("pg", remote.path, { path: [server.binDir], env });
      await using empty = await startPostgres({ release, password });
      const command = restoreCommand("PostgreSQL", "`all-….sql`");
      const FILE = basename(file, ".sql");
      const options = { path: [server.binDir], env: empty.env, cwd: remote.path };
      await runReadme(command, { ...options, words: { FILE } });
      expect(await cluster(empty)).toBe(await cluster(server));
      expect(await content(empty, database)).toBe(await content(server, database));
      expect(await empty.sql("SELECT count(*) FROM t", "other")).toBe("1000");
    }, 60_000);
  });
}

function parts({ host, port, user }: PostgresServer): Record<string, string> {
  return { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password };
}

/** Roles, what they are given, and a second database. */
async function createCluster(server: PostgresServer): Promise<void> {
  await server.sql(`CREATE ROLE "the reader" LOGIN PASSWORD 'it''s 🙂' VALID UNTIL '2030-01-01'; CREATE ROLE staff;
    GRANT staff TO "the reader"; ALTER ROLE "the reader" SET work_mem = '5MB'`);
  await server.sql("GRANT SELECT ON titles TO staff", database);
  await server.createDatabase("other");
  await server.sql("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n", "other");
}

/** What belongs to the server and to no database. */
function cluster(server: PostgresServer): Promise<string> {
  return server.sql(`SELECT rolname, rolsuper, rolcanlogin, rolvaliduntil, rolpassword FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1;
    SELECT roleid::regrole, member::regrole FROM pg_auth_members WHERE member > 16000 ORDER BY 1;
    SELECT setrole::regrole, setconfig FROM pg_db_role_setting;
    SELECT datname, pg_encoding_to_char(encoding), datdba::regrole FROM pg_database ORDER BY 1`);
}
