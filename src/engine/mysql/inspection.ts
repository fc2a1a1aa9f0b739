import type { EngineName } from "../../kinds.ts";
import type { DumpPaths, DumpRequest, Facts, Judgement, Probe, ProbeOutcome } from "../engine.ts";
import { type Client, clientOf, sqlCommand } from "./client.ts";
import { type Grants, mayAnywhere, mayReadTable, parseGrants } from "./grants.ts";

/** Engines whose tables `--single-transaction` reads as of one moment; others change while they are read. */
const transactional = ["InnoDB", "ROCKSDB", "TokuDB", "ndbcluster"];

const systemSchemas = ["mysql", "information_schema", "performance_schema", "sys"];

/** SHOW GRANTS leaves out what active roles allow on MySQL; MariaDB has it in, and refuses the second form. */
export const grantsSql = `SHOW GRANTS; SET @dbstash = CONCAT('SHOW GRANTS FOR CURRENT_USER() USING ', CURRENT_ROLE()); PREPARE dbstash FROM @dbstash; EXECUTE dbstash`;

/**
 * Looks, beside the dump, for what the dump tool leaves out without a word: what the user may not see,
 * tables that are not part of the snapshot, objects that this client does not know.
 */
export function inspectionProbe(
  engine: EngineName,
  request: DumpRequest,
  paths: DumpPaths,
  facts: Facts,
): Probe {
  const client = clientOf(engine, facts);
  return {
    title: "grants and tables",
    command: sqlCommand(request, paths, client, "inspection", inspectionSql(request).join("; "), ["--force"]),
    readsFile: null,
    interpret: (outcome) => ({ problems: [], ...inspect(request, client, outcome), facts: {} }),
  };
}

/** What is asked of the server; the grants come last. @param more of the same schemas, such as its views */
export function inspectionSql(
  { database }: DumpRequest,
  more: (schema: string) => readonly string[] = () => [],
): readonly string[] {
  const schema =
    database === null ? `NOT IN (${systemSchemas.map((name) => `'${name}'`).join(", ")})` : "= DATABASE()";
  return [
    // With ANSI_QUOTES the server would print grants in other quotes.
    "SET sql_mode = ''",
    "SELECT 'server', VERSION()",
    "SELECT 'user', CURRENT_USER()",
    `SELECT 'engine', engine, COUNT(*) FROM information_schema.tables WHERE table_schema ${schema} AND table_type = 'BASE TABLE' AND engine NOT IN (${transactional.map((name) => `'${name}'`).join(", ")}) GROUP BY engine`,
    ...more(schema),
    grantsSql,
  ];
}

/** What the server answered, row by row: `user`, `server` and the like. */
export function rowsOf(stdout: string): { all: readonly string[][]; value: (name: string) => string } {
  const all = stdout.split("\n").map((line) => line.split("\t"));
  return { all, value: (name) => all.find(([key]) => key === name)?.[1] ?? "" };
}

/** What the dump tool will leave out without a word, and what else is worth saying. */
export function inspect(
  request: DumpRequest,
  client: Client,
  { stdout }: ProbeOutcome,
): Pick<Judgement, "warnings" | "leftOut"> {
  const { all: rows, value } = rowsOf(stdout);
  const engines = rows.flatMap(([key, name = "", count = ""]) =>
    key === "engine" ? [`${count} ${name}`] : [],
  );
  const grants = parseGrants(stdout.split("\n"));
  const missing =
    grants.length === 0 ? [] : missingRights(grants, request, value("server"), account(value("user")));
  const apart =
    engines.length === 0
      ? []
      : [
          `tables without transactions (${engines.join(", ")}) are not part of the snapshot: what changes in them during the dump may not fit the rest`,
        ];
  return { warnings: [...clientWarnings(client, value("server")), ...apart], leftOut: missing };
}

/** Missing rights the dump tool says nothing about. Those it fails for (EVENT, SHOW VIEW) it names itself. */
function missingRights(grants: Grants, request: DumpRequest, server: string, user: string): string[] {
  const { database, extraArgs } = request;
  const scope = scopeOf(database);
  const missing = (privilege: string, what: string): string =>
    `${what} the user may not see are missing from the backup: GRANT ${privilege} ON ${scope} TO ${user} lets it see all`;
  const warnings: string[] = [];
  if (!mayAnywhere(grants, ["SELECT"], database))
    warnings.push(missing("SELECT", database === null ? "databases and tables" : "tables"));
  if (!mayAnywhere(grants, ["TRIGGER"], database) && !extraArgs.includes("--skip-triggers"))
    warnings.push(missing("TRIGGER", "triggers"));
  if (!seesRoutines(grants, database, server) && !extraArgs.includes("--skip-routines"))
    warnings.push(missing("EXECUTE", "procedures and functions"));
  return warnings;
}

/** A database, or all of them, as a grant names it. */
export function scopeOf(database: string | null): string {
  return database === null ? "*.*" : `\`${database.replaceAll("`", "``")}\`.*`;
}

/** Any right on a routine lists it; where the tool may list but not read one, it fails by itself. */
function seesRoutines(grants: Grants, database: string | null, server: string): boolean {
  const hasProcTable = server.includes("MariaDB") || server.startsWith("5.");
  return (
    mayAnywhere(grants, ["EXECUTE", "ALTER ROUTINE", "CREATE ROUTINE", "SHOW CREATE ROUTINE"], database) ||
    mayAnywhere(grants, ["SELECT", "SHOW_ROUTINE"], null) ||
    (hasProcTable && mayReadTable(grants, "mysql", "proc"))
  );
}

function clientWarnings(client: Client, server: string): string[] {
  const major = Number(/^\d+/.exec(server)?.[0] ?? Number.NaN);
  if (Number.isNaN(major)) return [];
  const isMariadb = server.includes("MariaDB");
  if (isMariadb !== (client.flavour === "mariadb")) {
    // MySQL 5 and MariaDB 5 to 10 still were close to each other.
    if (major < 8) return [];
    return isMariadb
      ? [
          "the server is MariaDB: dbstash-mariadb, or MariaDB's client, knows its sequences and system-versioned tables",
        ]
      : [
          "the server is MySQL and the client is MariaDB's: dbstash-mysql with MySQL's own client knows all of its objects",
        ];
  }
  if (client.major >= major) return [];
  return [
    `the client (${client.major}.${client.minor}) is older than the server (${server}): a newer one knows all of its objects`,
  ];
}

/** `bk@%` of CURRENT_USER() as an account name in SQL. */
export function account(user: string): string {
  const at = user.lastIndexOf("@");
  return at < 0 ? "the user" : `'${user.slice(0, at)}'@'${user.slice(at + 1)}'`;
}
