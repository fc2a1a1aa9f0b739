import { expect } from "bun:test";
import { needs } from "../support/components.ts";
import type { MysqlServer } from "../support/mysql-family.ts";
import { tempFolder } from "../support/temp.ts";
import { backUp } from "./backups.ts";
import { content, createSample, family, restore } from "./mysql-family-sample.ts";

const readerPassword = "it's 🙂";

for (const member of family) {
  const { engine, title, component, database, start } = member;
  const { test } = needs(component, "rclone-current", "zstd");

  test(`all databases of ${title} restore with their accounts on an empty server`, async () => {
    await using source = await start();
    await createSample(member, source);
    await source.createDatabase("other");
    await source.sql("CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2), (3)", "other");
    await createAccounts(source);
    using remote = tempFolder("remote");
    const env = { DB_URI: source.uri(), BACKUP_ALL_DATABASES: "true" };
    await backUp(engine, remote.path, { path: [source.binDir], env });

    await using empty = await start({ args: ["--max-allowed-packet=16M"] });
    expect(await restore(member, empty, remote.path, "`all-….sql`")).toBe("");
    expect(await content(member, empty, database)).toBe(await content(member, source, database));
    expect(await databases(empty)).toBe(await databases(source));
    expect(await accounts(empty)).toBe(await accounts(source));
    expect(await accounts(empty)).toContain("the reader");
    const login = [
      "--user=the reader",
      `--password=${readerPassword}`,
      "--skip-column-names",
      "--batch",
      "--execute=SELECT SUM(n) FROM t",
      "other",
    ];
    expect(await empty.run(engine, login)).toMatchObject({ stdout: "6\n", exitCode: 0 });
  }, 120_000);
}

/** An account with a password and a right, and a role that it has. */
async function createAccounts(server: MysqlServer): Promise<void> {
  await server.sql(`CREATE ROLE staff; GRANT SELECT ON other.* TO staff;
    CREATE USER 'the reader'@'%' IDENTIFIED BY 'it''s 🙂'; GRANT SELECT (n) ON other.t TO 'the reader'@'%';
    GRANT staff TO 'the reader'@'%'`);
}

function databases(server: MysqlServer): Promise<string> {
  return server.sql(
    "SELECT schema_name, default_character_set_name FROM information_schema.schemata ORDER BY 1",
  );
}

async function accounts(server: MysqlServer): Promise<string> {
  // MariaDB makes one for root at this machine's name, which a server that looks up no names knows nothing of.
  const names = await server.sql(
    "SELECT QUOTE(user), QUOTE(host) FROM mysql.user WHERE user <> 'root' ORDER BY 1, 2",
  );
  expect(names.split("\n").length).toBeGreaterThan(3);
  const rows = names.split("\n").map((line) => line.split("\t"));
  const grants = rows.map(([user, host]) =>
    // A role has no host in MariaDB.
    server.sql(`SHOW GRANTS FOR ${user}${host === "''" ? "" : `@${host}`}`),
  );
  return [names, ...(await Promise.all(grants))].join("\n");
}
