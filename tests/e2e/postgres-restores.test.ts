import { afterAll, beforeAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { componentPath, needs } from "../support/components.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, password, warningsOf } from "./backups.ts";
import { content, createSample, database, restoredContent, rows } from "./postgres-sample.ts";
import { frontPageScript, restoreCommand, runDocumented } from "./readme.ts";

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
    let empty: PostgresServer;
    let expected: string;
    beforeAll(async () => {
      [server, empty] = await Promise.all([
        startPostgres({ release, password }),
        startPostgres({ release, password }),
      ]);
      await createSample(server);
      await createCluster(server);
      expected = await content(server, database);
      expect(expected).toContain(`it's "fine" 🙂`);
      expect(expected).toContain('OWNER TO "the reader"');
      await restoreCluster(server, empty, { DUMP_EXTRA_ARGS: "--globals-only" });
    }, 60_000);
    afterAll(() => Promise.all([server.stop(), empty.stop()]));

    for (const [storedAs, settings, only] of forms) {
      if (only !== undefined && only !== release) continue;
      const by = Object.entries(settings).map((setting) => setting.join("="));
      test(`${storedAs} restores whole on another server by the documents' command, made by ${by.join(" ") || "default"}`, async () => {
        using remote = tempFolder("remote");
        const env = { DB_URI: server.uri(database), ...settings };
        await backUp("pg", remote.path, { path: [server.binDir], env });
        expect(await restoredContent(empty, { remote: remote.path }, storedAs)).toBe(expected);
      }, 60_000);
    }

    test("the three commands of README.md restore whole", async () => {
      using remote = tempFolder("remote");
      const env = { DB_URI: server.uri(database) };
      const { file } = await backUp("pg", remote.path, { path: [server.binDir], env });
      using folder = tempFolder("restore");
      writeFileSync(folder.file("rclone.conf"), "");
      await runDocumented(frontPageScript("createdb"), {
        words: { REMOTE: remote.path, FILE: basename(file, ".sql") },
        path: [empty.binDir, dirname(componentPath("rclone-current"))],
        env: { ...empty.env, HOME: folder.path },
        cwd: folder.path,
      });
      expect(await content(empty, "new")).toBe(expected);
      await empty.sql("DROP DATABASE new");
    }, 60_000);

    test("all databases restore with their roles on an empty server", async () => {
      await using fresh = await startPostgres({ release, password });
      await restoreCluster(server, fresh);
      expect(await cluster(fresh)).toBe(await cluster(server));
      expect(await content(fresh, database)).toBe(await content(server, database));
      expect(await fresh.sql("SELECT count(*) FROM t", "other")).toBe("1000");
    }, 60_000);

    for (const [storedAs, settings, change] of [
      ["`.sql`", {}, (command: string) => command.replace(" -v ON_ERROR_STOP=1", "")],
      ["`.dump`", { BACKUP_COMPRESS: "true" }, (command: string) => `${command} --no-owner --no-privileges`],
    ] as const)
      test(`${storedAs} restores but for owners and privileges where the roles are missing, as the documents say`, async () => {
        using remote = tempFolder("remote");
        const env = { DB_URI: server.uri(database), ...settings };
        await backUp("pg", remote.path, { path: [server.binDir], env });
        await using fresh = await startPostgres({ release, password });
        expect(await restoredContent(fresh, { remote: remote.path }, storedAs, { read: rows, change })).toBe(
          await rows(server, database),
        );
      }, 60_000);

    test("a subscription that only a superuser may back up is left out with a warning", async () => {
      await server.sql(
        "CREATE ROLE plain LOGIN PASSWORD 'pw'; GRANT pg_read_all_data TO plain; CREATE DATABASE subscribed",
      );
      await server.sql(
        "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere.invalid' PUBLICATION p WITH (connect = false, slot_name = NONE)",
        "subscribed",
      );
      using remote = tempFolder("remote");
      const env = { ...parts(server), DB_USER: "plain", DB_PASSWORD: "pw", DB_NAME: "subscribed" };
      const { result } = await backUp("pg", remote.path, { path: [server.binDir], env }, 3);
      expect(warningsOf(result)).toEqual([
        expect.stringMatching(/^pg_dump: subscriptions not dumped because/),
      ]);
    }, 60_000);
  });
}

/** Backs up what belongs to the server, and restores it on another one by the documents' command. */
async function restoreCluster(
  from: PostgresServer,
  into: PostgresServer,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  using remote = tempFolder("remote");
  const env = { ...parts(from), BACKUP_ALL_DATABASES: "true", ...settings };
  const { file } = await backUp("pg", remote.path, { path: [from.binDir], env });
  const options = { path: [into.binDir], env: into.env, cwd: remote.path };
  await runDocumented(restoreCommand("PostgreSQL", "`all-….sql`"), {
    ...options,
    words: { FILE: basename(file, ".sql") },
  });
}

function parts({ host, port, user }: PostgresServer): Record<string, string> {
  return { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password };
}

/** Roles, what they are given, and a second database. */
async function createCluster(server: PostgresServer): Promise<void> {
  await server.sql(`CREATE ROLE "the reader" LOGIN PASSWORD 'it''s 🙂' VALID UNTIL '2030-01-01'; CREATE ROLE staff;
    GRANT staff TO "the reader"; ALTER ROLE "the reader" SET work_mem = '5MB'`);
  await server.sql(
    `GRANT SELECT ON titles TO staff; ALTER TABLE "my schema"."it's" OWNER TO "the reader"`,
    database,
  );
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
