import { unanswered } from "../answers.ts";
import type { DatabaseList, DatabasesQuestion, DumpPaths, DumpRequest, ProbeOutcome } from "../engine.ts";
import { mysqlAdvice } from "./advice.ts";
import { type Client, sqlCommand } from "./client.ts";
import { mayAnywhere, parseGrants } from "./grants.ts";
import { account, grantsSql, rowsOf } from "./inspection.ts";

/** Dumped by its name alone: it holds the accounts, and a restore of it elsewhere replaces the ones there. */
export const mysqlOwnDatabases: readonly string[] = ["mysql"];

/** They hold nothing of their own, and mysqldump refuses them or leaves them empty. */
const unreal = ["information_schema", "performance_schema", "sys"];

/** Each of them, for all databases, shows all of them (MySQL manual, "SHOW DATABASES Statement"). */
const showing = [
  "SHOW DATABASES",
  "SELECT",
  "INSERT",
  "UPDATE",
  "DELETE",
  "CREATE",
  "DROP",
  "REFERENCES",
  "INDEX",
  "ALTER",
  "LOCK TABLES",
  "EXECUTE",
  "SHOW VIEW",
  "EVENT",
  "TRIGGER",
];

/** The databases, in hexadecimal digits as no name holds them, and what the user may see. */
export function mysqlDatabases(request: DumpRequest, paths: DumpPaths, client: Client): DatabasesQuestion {
  const sql = [
    "SET sql_mode = ''",
    "SELECT 'user', CURRENT_USER()",
    "SELECT 'database', HEX(CONVERT(schema_name USING utf8mb4)) FROM information_schema.schemata ORDER BY 2",
    "SELECT 'all', 'told'",
    grantsSql,
  ];
  const everywhere = { ...request, database: null };
  return {
    inquiries: [
      {
        title: "databases",
        command: sqlCommand(everywhere, paths, client, "databases", sql.join("; "), ["--force"]),
        readsFile: null,
        interpret: databaseList,
      },
    ],
    sight: null,
  };
}

function databaseList(outcome: ProbeOutcome): DatabaseList {
  const { all, value } = rowsOf(outcome.stdout);
  const nothing = { databases: [], warnings: [], leftOut: [], leftOutOfGlobals: [], facts: {} };
  // The grants come last, and of them one form fails on some servers.
  if (value("all") !== "told")
    return {
      ...nothing,
      problems: [
        unanswered({ ...outcome, stdout: "" }, "the server can't be asked for its databases", mysqlAdvice),
      ],
    };
  const names = all
    .flatMap(([key, hex = ""]) => (key === "database" ? [Buffer.from(hex, "hex").toString()] : []))
    .filter((name) => !unreal.includes(name.toLowerCase()));
  const grants = parseGrants(outcome.stdout.split("\n"));
  const seesAll = grants.length === 0 || mayAnywhere(grants, showing, null);
  return {
    ...nothing,
    // What begins like this is a folder beside the databases, such as lost+found, and no dump tool takes it.
    databases: names
      .filter((name) => !name.startsWith("#mysql50#"))
      .map((name) => ({ name, isApart: mysqlOwnDatabases.includes(name), problem: null })),
    problems: [],
    leftOut: seesAll
      ? []
      : [
          `databases that the user may not see are missing from the backup: GRANT SHOW DATABASES ON *.* TO ${account(value("user"))} lets it see all`,
        ],
  };
}
