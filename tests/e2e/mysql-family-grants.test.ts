import { afterAll, beforeAll, expect } from "bun:test";
import { needs } from "../support/components.ts";
import type { DbstashOptions } from "../support/dbstash.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, failingBackUp, warningsOf } from "./backups.ts";
import { family } from "./mysql-family-sample.ts";
import { pageCode } from "./readme.ts";

const schema = `
CREATE TABLE items (id INT PRIMARY KEY);
CREATE TABLE log (id INT);
CREATE VIEW few AS SELECT id FROM items WHERE id < 5;
CREATE TRIGGER noted AFTER INSERT ON items FOR EACH ROW INSERT INTO log VALUES (NEW.id);
CREATE PROCEDURE refill(n INT) INSERT INTO log VALUES (n);
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log;
`;

const section = "MySQL and MariaDB";
/** What the documents say a backup user needs on the database. */
const needed = /GRANT (.*) ON/.exec(pageCode(section, "ON shop.* TO backup"))?.[1]?.split(", ") ?? [];

for (const { engine, title, component, start } of family) {
  const { available, describe, test } = needs(component, "rclone-current", "zstd");
  /** What it needs besides. */
  const besides = engine === "mysql" ? [pageCode(section, "ON performance_schema.*")] : [];
  const ofRoutines = pageCode(section, engine === "mysql" ? "GRANT SHOW_ROUTINE" : "ON mysql.proc");

  describe(`a backup user of ${title}`, () => {
    let server: MysqlServer;
    if (available) {
      beforeAll(async () => {
        server = await start();
        await server.createDatabase("shop");
        await server.sql(schema, "shop");
      }, 120_000);
      afterAll(() => server.stop());
    }

    /** Makes a user with these rights, and answers with the settings of its backup. */
    async function user(grants: readonly string[]) {
      const account = "'its backup'@'127.0.0.1'";
      const statements = [...grants, ...besides].map((grant) =>
        grant.replace(/ TO backup$/, ` TO ${account}`),
      );
      await server.sql(
        [`DROP USER IF EXISTS ${account}`, `CREATE USER ${account} IDENTIFIED BY 'pw'`, ...statements].join(
          "; ",
        ),
      );
      const uri = new URL(server.uri("shop"));
      return {
        path: [server.binDir],
        env: { DB_URI: `${engine}://its%20backup:pw@${uri.host}/shop` },
      };
    }

    const on = (privileges: readonly string[], what = "shop.*"): string =>
      `GRANT ${privileges.join(", ")} ON ${what} TO backup`;
    const all = needed.length > 0 ? on(needed) : "";
    const without = (privilege: string): string => on(needed.filter((name) => name !== privilege));

    for (const [what, grants, warning] of [
      ["all that the documents ask for", [all, ofRoutines], null],
      [
        "no TRIGGER",
        [without("TRIGGER"), ofRoutines],
        "triggers the user may not see are missing from the backup: GRANT TRIGGER ON `shop`.* TO 'its backup'@'127.0.0.1'",
      ],
      [
        "no right on routines",
        [without("EXECUTE")],
        "procedures and functions the user may not see are missing from the backup: GRANT EXECUTE ON `shop`.* TO",
      ],
    ] as const) {
      test(`with ${what} gets ${warning === null ? "no warning" : "a warning that names the grant"}`, async () => {
        const warnings = await warned(await user(grants), warning === null ? 0 : 3);
        expect(warnings).toEqual(warning === null ? [] : [expect.stringContaining(warning)]);
      });
    }

    test("with SELECT on one table is warned that the others are missing", async () => {
      const { path, env } = await user([
        on(["SELECT"], "shop.items"),
        on(["SELECT", "SHOW VIEW"], "shop.few"),
      ]);
      const tablesOnly = "--skip-events --skip-routines --skip-triggers";
      expect(await warned({ path, env: { ...env, DUMP_EXTRA_ARGS: tablesOnly } }, 3)).toEqual([
        expect.stringContaining(
          "tables the user may not see are missing from the backup: GRANT SELECT ON `shop`.* TO",
        ),
      ]);
    });

    test("with rights on one database is warned that others are missing, when all are backed up", async () => {
      const { path, env } = await user([all, on(needed, "mysql.*"), ofRoutines]);
      const DB_URI = env.DB_URI.replace(/\/shop$/, "");
      const warnings = await warned({ path, env: { DB_URI, BACKUP_ALL_DATABASES: "true" } }, 3);
      expect(warnings.join("\n")).toContain(
        "databases and tables the user may not see are missing from the backup: GRANT SELECT ON *.* TO",
      );
    });

    async function warned(options: DbstashOptions, exitCode: 0 | 3): Promise<string[]> {
      using remote = tempFolder("remote");
      const { result } = await backUp(engine, remote.path, options, exitCode);
      return warningsOf(result);
    }

    if (engine === "mysql") {
      test("with no right on masking policies gets a warning that names it", async () => {
        const account = "'its backup'@'127.0.0.1'";
        const options = await user([all, ofRoutines]);
        await server.sql(`REVOKE SELECT ON performance_schema.* FROM ${account}`);
        expect(await warned(options, 3)).toEqual([
          expect.stringContaining("GRANT SELECT ON performance_schema.* lets the user see them"),
        ]);
      });
    }

    for (const [what, grants, hint] of [
      ["EVENT", [without("EVENT"), ofRoutines], "the user needs the privilege EVENT"],
      ["SHOW VIEW", [without("SHOW VIEW"), ofRoutines], "the user needs the privilege SHOW VIEW"],
      [
        "the right to read routines",
        [all],
        "the user needs SHOW_ROUTINE (MySQL) or SELECT on mysql.proc (MariaDB)",
      ],
      ["anything", [], "the user needs more rights: GRANT SELECT,"],
    ] as const) {
      test(`without ${what} fails, and is told what it needs`, async () => {
        expect(await failingBackUp(engine, await user(grants))).toContain(hint);
      });
    }
  });
}
