import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { startDbstash } from "../support/dbstash.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { failingBackUp, password } from "./backups.ts";

const modes = ["stream", "directory", "tar"];

for (const [release, component] of [
  ["distro", "postgresql"],
  ["newest", "postgresql-newest"],
] as const) {
  const { available, describe, test } = needs(component, "rclone-current", "zstd");
  describe(`PostgreSQL, ${release} release`, () => {
    let pg: PostgresServer;
    if (available) {
      beforeAll(async () => {
        pg = await startPostgres({ release, password });
      }, 60_000);
      afterAll(() => pg.stop());
    }

    for (const mode of modes) {
      for (const [title, change, reason] of [
        [
          "a wrong password",
          () => ({ DB_URI: pg.uri("postgres", { password: "wrong" }) }),
          /password authentication failed/,
        ],
        [
          "an unknown host",
          () => ({
            DB_HOST: "nowhere.invalid",
            DB_NAME: "postgres",
            DB_USER: pg.user,
            DB_PASSWORD: password,
          }),
          /could not translate host name/,
        ],
        ["a missing database", () => ({ DB_URI: pg.uri("nowhere") }), /database "nowhere" does not exist/],
      ] as const)
        test(`${title} is told by the tool's own words in ${mode} mode, and nothing is stored`, async () => {
          const env = { ...change(), BACKUP_MODE: mode };
          expect(await failingBackUp("pg", { path: [pg.binDir], env })).toMatch(reason);
        });

      if (mode === "stream")
        for (const database of ["postgres", "template1"])
          test(`of all databases, by way of ${database}, the cause is told, too`, async () => {
            const all = { BACKUP_ALL_DATABASES: "true", BACKUP_RETRIES: "1", BACKUP_RETRY_DELAY: "1ms" };
            const env = { ...all, DB_URI: pg.uri(database, { password: "wrong" }) };
            expect(await failingBackUp("pg", { path: [pg.binDir], env })).toMatch(
              /password authentication failed/,
            );
          });

      test(`a server killed while it is dumped in ${mode} mode stores nothing`, async () => {
        await using server = await startPostgres({ release, password });
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
  });
}

/** Whether a file of such a name, with something in it, lies in the folder or below. */
function hasFile(folder: string, name: RegExp): boolean {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.some((file) => name.test(file) && statSync(join(folder, file)).size > 0);
}
