import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { startDbstash } from "../support/dbstash.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { waitUntilGone } from "../support/procs.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { failingBackUp } from "./backups.ts";
import { family } from "./mysql-family-sample.ts";

for (const { engine, title, component, start } of family) {
  const { available, describe, test } = needs(component, "rclone-current", "zstd");
  describe(title, () => {
    let server: MysqlServer;
    if (available) {
      beforeAll(async () => {
        server = await start();
        await server.createDatabase("shop");
        await server.sql("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)", "shop");
      }, 120_000);
      afterAll(() => server.stop());
    }

    for (const [what, uri, reason] of [
      [
        "a wrong password",
        () => server.uri("shop", { password: "wrong" }),
        /Access denied for user 'backup'/,
      ],
      [
        "an unknown host",
        () => `${engine}://backup:pw@nowhere.invalid/x`,
        /Unknown (MySQL |MariaDB )?server host 'nowhere\.invalid'/,
      ],
      ["a missing database", () => server.uri("missing"), /Unknown database 'missing'/],
    ] as const) {
      for (const mode of ["stream", "directory"]) {
        test(`${what} is told by the tool's own words in ${mode} mode, and nothing is stored`, async () => {
          const env = { DB_URI: uri(), BACKUP_MODE: mode };
          expect(await failingBackUp(engine, { path: [server.binDir], env })).toMatch(reason);
        });
      }
    }

    for (const mode of ["directory", "tar"]) {
      test(`a server that does not share the file system is found out before the dump in ${mode} mode`, async () => {
        using folder = tempFolder("unshared");
        // To each process this path is a folder of its own, as one on another machine would be.
        const work = "/proc/self/cwd/work";
        const env = { DB_URI: server.uri("shop"), BACKUP_MODE: mode, BACKUP_TEMP_DIR: work };
        const error = await failingBackUp(engine, { path: [server.binDir], env, cwd: folder.path });
        expect(error).toContain("directory and tar modes need a server that writes into BACKUP_TEMP_DIR");
        expect(error).toContain("the server does not see the folder");
        expect(error).toContain("BACKUP_MODE=stream needs none of this");
        expect(readdirSync(folder.file("work"))).toEqual([]);
      });
    }

    test("a server that may not write files, or only elsewhere, is found out before the dump", async () => {
      const account = "'no files'@'127.0.0.1'";
      await server.sql(`CREATE USER ${account} IDENTIFIED BY 'pw'; GRANT ALL ON shop.* TO ${account}`);
      const { host } = new URL(server.uri());
      const settings = { BACKUP_MODE: "directory", DB_URI: `${engine}://no%20files:pw@${host}/shop` };
      const error = await failingBackUp(engine, { path: [server.binDir], env: settings });
      expect(error).toMatch(/the user needs the privilege FILE .*BACKUP_MODE=stream needs none of this/);

      using elsewhere = tempFolder("elsewhere");
      chmodSync(elsewhere.path, 0o777);
      await using confined = await start({ args: [`--secure-file-priv=${elsewhere.path}`] });
      await confined.createDatabase("shop");
      const env = { BACKUP_MODE: "directory", DB_URI: confined.uri("shop") };
      expect(await failingBackUp(engine, { path: [server.binDir], env })).toMatch(
        /--secure-file-priv.*\n.*below the one that its secure_file_priv names/,
      );
    });

    if (engine === "mysql") {
      for (const name of ["it's", "/tmp/dbstash-test-else/where", "a\\b"]) {
        test(`a table named ${name} is refused in directory mode, before a file of that name is written`, async () => {
          await server.sql(
            `DROP DATABASE IF EXISTS odd; CREATE DATABASE odd; CREATE TABLE odd.\`${name}\` (n INT)`,
          );
          using work = tempFolder("work");
          chmodSync(work.path, 0o711);
          const env = { DB_URI: server.uri("odd"), BACKUP_MODE: "directory", BACKUP_TEMP_DIR: work.path };
          const error = await failingBackUp(engine, { path: [server.binDir], env });
          expect(error).toContain(`directory and tar modes can't hold ${name}`);
        });
      }
    }

    test("a column whose character set does not survive a folder is refused in directory mode", async () => {
      await server.sql("DROP DATABASE IF EXISTS far; CREATE DATABASE far");
      // The second byte of this character is a backslash.
      const table = "CREATE TABLE east (v VARCHAR(9) CHARACTER SET gbk)";
      await server.sql(`${table}; INSERT INTO east VALUES (CONVERT(X'815C' USING gbk))`, "far");
      using work = tempFolder("work");
      chmodSync(work.path, 0o711);
      const env = { DB_URI: server.uri("far"), BACKUP_MODE: "directory", BACKUP_TEMP_DIR: work.path };
      const error = await failingBackUp(engine, { path: [server.binDir], env });
      expect(error).toMatch(/can't hold east: in the character set gbk.*\nuse BACKUP_MODE=stream/);
    });

    for (const mode of ["stream", "directory", "tar"]) {
      test(`a server killed while it is dumped in ${mode} mode stores nothing`, async () => {
        await using dying = await start();
        await dying.createDatabase("shop");
        await dying.sql(
          `CREATE TABLE t (n INT, x LONGBLOB); INSERT INTO t VALUES (1, REPEAT('0123456789', 10000));
           ${"INSERT INTO t SELECT * FROM t;".repeat(8)}`,
          "shop",
        );
        using place = tempFolder("place");
        using work = tempFolder("work");
        chmodSync(work.path, 0o711);
        const running = startDbstash(engine, {
          path: [dying.binDir],
          env: {
            DB_URI: dying.uri("shop"),
            RCLONE_REMOTE: place.path,
            RCLONE_EXTRA_ARGS: "--bwlimit 4M",
            BACKUP_MODE: mode,
            BACKUP_TEMP_DIR: work.path,
          },
        });
        await waitFor("a part of the dump", () =>
          mode === "stream" ? readdirSync(place.path).length > 0 : hasFile(work.path, "t.txt"),
        );
        await dying.kill9();
        const result = await running.exited;
        await waitUntilGone(running.id);
        expect(result.exitCode).toBe(1);
        expect(String(result.lastLine?.["error"])).toMatch(/Lost connection|gone away|Can't connect/);
        expect([readdirSync(place.path), readdirSync(work.path)]).toEqual([[], []]);
      });
    }
  });
}

/** Whether a file of that name lies in the folder or below. */
function hasFile(folder: string, name: string): boolean {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.some((file) => file.endsWith(`/${name}`) && existsSync(join(folder, file)));
}
