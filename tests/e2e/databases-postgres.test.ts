import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { needs } from "../support/components.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { tempFolder } from "../support/temp.ts";
import {
  backUpEach,
  backUpWatched,
  listed,
  password,
  restoreAll,
  runTimeOf,
  type SeveralRun,
  verified,
} from "./databases.ts";

/** Names that have to be quoted, encoded or told apart everywhere. */
const oddNames = [
  "Shop",
  "a b",
  `it's "so"`,
  "a/b",
  "a%2Fb",
  "*",
  "grün 🙂",
  "@globals",
  "!no",
  "-d",
  "all",
  "a=b",
  "$(id)",
];
const manyNames = Array.from({ length: 40 - oddNames.length }, (_, at) => `tenant_${at}`);
const names = [...oddNames, ...manyNames];

for (const [release, component] of [
  ["distro", "postgresql"],
  ["newest", "postgresql-newest"],
] as const) {
  const { available, describe, test } = needs(component, "rclone-current", "zstd");
  describe(`every database of PostgreSQL, ${release} release`, () => {
    let pg: PostgresServer;
    if (available) {
      beforeAll(async () => {
        pg = await startPostgres({ release, password });
        for (const [at, name] of names.entries()) {
          await pg.createDatabase(name);
          await pg.sql(`CREATE TABLE t AS SELECT ${at} AS n, 'line' AS words`, name);
        }
        await pg.sql(
          "CREATE TABLE big AS SELECT n, md5(n::text) || repeat(md5(n::text), 30) AS x FROM generate_series(1, 300000) n",
          "tenant_0",
        );
        await pg.sql("CREATE ROLE owner_of_all; ALTER TABLE t OWNER TO owner_of_all", "tenant_1");
      }, 120_000);
      afterAll(() => pg.stop());
    }

    const job = (remote: string, env: Record<string, string> = {}): SeveralRun => ({
      engine: "pg",
      binDir: pg.binDir,
      remote,
      env: { DB_URI: pg.uri(), BACKUP_DATABASES: "* !postgres @globals", BACKUP_PARALLEL: "2", ...env },
    });

    test("is stored by itself, and all of one run are restored into an empty server", async () => {
      using place = tempFolder("place");
      const run = job(place.path);
      const result = await backUpEach(run);
      expect([result.exitCode, result.stderr]).toEqual([0, ""]);
      expect(result.lastLine).toMatchObject({ msg: "backup stored", databases: 41, failed: 0, exit_code: 0 });
      const files = readdirSync(place.path);
      expect(files).toHaveLength(41);
      const all = await listed(run);
      // A database of this name, and the roles.
      expect(all.get("@globals")?.length).toBe(2);
      expect(new Set(all.keys())).toEqual(new Set(names));
      const [code, lines] = await verified(run);
      expect([code, lines.length, lines.filter((line) => !line.includes(": good ("))]).toEqual([0, 41, []]);

      await using empty = await startPostgres({ release, password });
      await restoreAll("createdb", place.path, runTimeOf(result), empty);
      for (const name of names)
        expect([name, await empty.sql("SELECT n, words FROM t", name)]).toEqual([
          name,
          `${names.indexOf(name)}|line`,
        ]);
      const sum = "SELECT count(*), md5(string_agg(x, '' ORDER BY n)) FROM big";
      expect(await empty.sql(sum, "tenant_0")).toBe(await pg.sql(sum, "tenant_0"));
      const owner = "SELECT tableowner FROM pg_tables WHERE tablename = 't'";
      expect(await empty.sql(owner, "tenant_1")).toBe("owner_of_all");
    }, 300_000);

    for (const mode of ["directory", "tar"])
      test(`is stored by itself in ${mode} mode, with the roles as a file`, async () => {
        using place = tempFolder("place");
        const env = {
          BACKUP_MODE: mode,
          BACKUP_DATABASES: `Shop "a/b" "@globals" @globals`,
          BACKUP_COMPRESS: mode === "tar" ? "zstd" : "true",
        };
        const run = job(place.path, env);
        const result = await backUpWatched(run);
        expect([result.exitCode, result.lastLine?.["databases"]]).toEqual([0, 4]);
        const ending = mode === "tar" ? "tar.zst" : "";
        const stored = readdirSync(place.path).map((name) => name.replace(/-\d{8}T\d{6}Z\.?/, " ").trimEnd());
        const globals = mode === "tar" ? "@globals sql.zst" : "@globals sql";
        expect(stored.toSorted()).toEqual(
          [`%40globals ${ending}`, globals, `Shop ${ending}`, `a%2Fb ${ending}`]
            .map((name) => name.trimEnd())
            .toSorted(),
        );
        expect([...(await listed(run)).keys()].toSorted()).toEqual(["@globals", "Shop", "a/b"]);
        expect((await verified(run))[0]).toBe(0);
      }, 120_000);

    test("has a retention of its own", async () => {
      using place = tempFolder("place");
      const run = job(place.path, { BACKUP_DATABASES: "Shop all", RETENTION_MAX_FILES: "1" });
      const first = await backUpEach(run);
      const old = readdirSync(place.path);
      const again = await backUpEach(job(place.path, { ...run.env, BACKUP_DATABASES: "Shop" }));
      expect([first, again].map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
        [0, ""],
        [0, ""],
      ]);
      const now = readdirSync(place.path);
      expect(now.filter((name) => old.includes(name))).toEqual(
        old.filter((name) => name.startsWith("%61ll-")),
      );
      expect(now).toHaveLength(2);
    }, 60_000);
  });
}
