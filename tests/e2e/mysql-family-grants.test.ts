import { afterAll, beforeAll, expect } from "bun:test";
import { needs } from "../support/components.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp, failingBackUp } from "./backups.ts";
import { family } from "./mysql-family-sample.ts";
import { readmeCode } from "./readme.ts";

const schema = `
CREATE TABLE items (id INT PRIMARY KEY);
CREATE TABLE log (id INT);
CREATE VIEW few AS SELECT id FROM items WHERE id < 5;
CREATE TRIGGER noted AFTER INSERT ON items FOR EACH ROW INSERT INTO log VALUES (NEW.id);
CREATE PROCEDURE refill(n INT) INSERT INTO log VALUES (n);
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log;
`;

const section = "MySQL and MariaDB";
/** What the README says a backup user needs on the database. */
const needed = /GRANT (.*) ON/.exec(readmeCode(section, "ON shop.* TO backup"))?.[1]?.split(", ") ?? [];

for (const { engine, title, component, start } of family) {
  const { available, describe, test } = needs(component, "rclone-current", "zstd");
  /** What it needs for routines. */
  const ofRoutines = readmeCode(section, engine === "mysql" ? "GRANT SHOW_ROUTINE" : "ON mysql.proc");

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
      const statements = grants.map((grant) => grant.replace(/ TO backup$/, ` TO ${account}`));
      await server.sql(
        [`DROP USER IF EXISTS ${account}`, `CREATE USER ${account} IDENTIFIED BY 'pw'`, ...statements].join(
          "; ",
        ),
      );
      const uri = new URL(server.uri("shop"));
      return {
        path: [server.binDir],
        env: { DB_URI: `${engine}://its%20backup:pw@${uri.host}/shop` } as Record<string, string>,
      };
    }

    const on = (privileges: readonly string[], what = "shop.*"): string =>
      `GRANT ${privileges.join(", ")} ON ${what} TO backup`;
    const all = needed.length > 0 ? on(needed) : "";
    const without = (privilege: string): string => on(needed.filter((name) => name !== privilege));

    for (const [what, grants, warning] of [
      ["all that the README asks for", [all, ofRoutines], null],
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
      [
        "SELECT on one table",
        [without("SELECT"), on(["SELECT"], "shop.items"), on(["SELECT"], "shop.few"), ofRoutines],
        "tables the user may not see are missing from the backup: GRANT SELECT ON `shop`.* TO",
      ],
    ] as const) {
      test(`with ${what} gets ${warning === null ? "no warning" : "a warning that names the grant"}`, async () => {
        const options = await user(grants);
        using remote = tempFolder("remote");
        const { result } = await backUp(engine, remote.path, options);
        const warnings = result.lines.flatMap(({ level, msg }) => (level === "warn" ? [msg] : []));
        if (warning === null) expect(warnings).toEqual([]);
        else expect(warnings).toEqual([expect.stringContaining(warning)]);
      });
    }

    test("with the rights on one database is warned about the others when all are backed up", async () => {
      const options = await user([all, ofRoutines, on(["SELECT"], "mysql.*")]);
      using remote = tempFolder("remote");
      const env = {
        DB_URI: options.env["DB_URI"]?.replace(/\/shop$/, "") ?? "",
        BACKUP_ALL_DATABASES: "true",
      };
      const { result } = await backUp(engine, remote.path, { ...options, env });
      const warnings = result.lines.flatMap(({ level, msg }) => (level === "warn" ? [msg] : []));
      expect(warnings.join("\n")).toContain(
        "databases and tables the user may not see are missing from the backup: GRANT SELECT ON *.* TO",
      );
    });

    for (const [what, grants, hint] of [
      ["EVENT", [without("EVENT"), ofRoutines], "the user needs the privilege EVENT"],
      ["SHOW VIEW", [without("SHOW VIEW"), ofRoutines], "the user needs the privilege SHOW VIEW"],
      [
        "the right to read routines",
        [all],
        "the user needs SHOW_ROUTINE (MySQL) or SELECT on mysql.proc (MariaDB)",
      ],
      ["anything", [], "check the name in DB_URI"],
    ] as const) {
      test(`without ${what} fails, and is told what it needs`, async () => {
        expect(await failingBackUp(engine, await user(grants))).toContain(hint);
      });
    }
  });
}
