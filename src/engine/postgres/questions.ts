import { Secret } from "../../config/secret.ts";
import type { Answered, Command, DumpPaths, DumpRequest, Known, ProbeOutcome, Question } from "../engine.ts";
import { advise, type Problem } from "../../errors.ts";
import { allWell, counted, nothingBut, unanswered } from "../answers.ts";
import { postgresAdvice } from "./advice.ts";
import { psql } from "./psql.ts";

/** PostgreSQL 17 writes this setting into its dumps, and no older server knows it. */
const firstWithTimeout = 17;

/** As whom and to which release, and what a dump may not read. */
export function postgresQuestions(
  request: DumpRequest,
  paths: DumpPaths,
  { toolVersion }: Known,
): readonly Question[] {
  // pg_dumpall looks for the list of databases there, too.
  const database = request.database ?? request.connection.database ?? "postgres";
  return [
    {
      title: "connection",
      command: psql(request, database, paths, [connectionSql]),
      readsFile: null,
      interpret: (outcome) => connectionAnswer(request, toolVersion, outcome),
    },
    {
      title: "rights",
      command:
        request.database === null
          ? serverRights(request, database, paths)
          : psql(request, database, paths, [...asRole(request.extraArgs), databaseSql("%I.%I")]),
      readsFile: null,
      interpret: (outcome) => rightsAnswer(request, outcome),
    },
  ];
}

const connectionSql =
  "SELECT current_user, current_database(), current_setting('server_version_num'), split_part(current_setting('server_version'), ' ', 1)";

/**
 * What pg_dump locks and reads: tables but for those of extensions, sequences, and large objects.
 * has_largeobject_privilege() is there from PostgreSQL 18 on alone; from 19 on pg_read_all_data reads them, too.
 */
const databaseSql = (name: string): string => `SELECT 'user', current_user UNION ALL SELECT kind, name FROM (
SELECT CASE
  WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'schema'
  WHEN c.relkind = 'S' THEN CASE WHEN has_sequence_privilege(c.oid, 'SELECT') THEN '' ELSE 'sequence' END
  WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'table'
  WHEN row_security_active(c.oid) THEN 'rows'
  ELSE '' END AS kind, format('${name}', n.nspname, c.relname, current_database()) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 2) AS found WHERE kind <> ''
UNION ALL SELECT 'objects', count(*)::text FROM pg_largeobject_metadata m
WHERE current_setting('lo_compat_privileges') = 'off' AND NOT pg_has_role(m.lomowner, 'USAGE')
AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT' AND CASE WHEN a.grantee = 0 THEN true ELSE pg_has_role(a.grantee, 'USAGE') END)
AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'pg_read_all_data' AND pg_has_role(r.oid, 'USAGE') AND current_setting('server_version_num')::int >= 190000)
HAVING count(*) > 0`;

/** What pg_dumpall reads besides: the roles with their passwords, and every database that takes connections. */
const serverSql = `SELECT 'user', current_user
UNION ALL SELECT 'passwords', '' WHERE NOT has_table_privilege('pg_catalog.pg_authid', 'SELECT')
UNION ALL SELECT 'database', datname FROM pg_database WHERE datallowconn AND NOT has_database_privilege(oid, 'CONNECT')`;

/**
 * The same in each database that it may connect to, by one psql: it writes a script that connects to one after the
 * other, and carries it out (psql's manual, `\o`, `\i`, `\connect`).
 */
function serverRights(request: DumpRequest, database: string, paths: DumpPaths): Command {
  const own = `${paths.privateDir}/rights-of-one.sql`;
  const script = `${paths.privateDir}/rights-of-all.sql`;
  const role = asRole(request.extraArgs);
  const connecting = String.raw`SELECT $q$\connect -reuse-previous=on "dbname='$q$
|| replace(regexp_replace(datname, $q$(['\\])$q$, $q$\\\1$q$, 'g'), '"', '""') || $q$'"$q$ || chr(10) || $q$\i ${inQuotes(own)}$q$
FROM pg_database WHERE datallowconn AND has_database_privilege(oid, 'CONNECT') AND position(chr(10) IN datname) = 0 ORDER BY datname`;
  const command = psql(request, database, paths, [
    ...role,
    serverSql,
    `\\o ${inQuotes(script)}`,
    connecting,
    "\\o",
    `\\i ${inQuotes(script)}`,
  ]);
  const content = new Secret([...role, databaseSql("%3$I.%1$I.%2$I"), ""].join(";\n"));
  return { ...command, files: [...command.files, { path: own, content }] };
}

/** An argument of psql's own commands. */
function inQuotes(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}

/** pg_dump's own `--role` reads as somebody else. */
function asRole(words: readonly string[]): string[] {
  const at = words.findIndex((word) => /^--role(=|$)/.test(word));
  const role = words[at]?.includes("=") === true ? words[at]?.slice("--role=".length) : words[at + 1];
  return at < 0 || role === undefined ? [] : [`SET ROLE "${role.replaceAll('"', '""')}"`];
}

function rowsOf(stdout: string): string[][] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
}

function connectionAnswer({ database }: DumpRequest, toolVersion: string, outcome: ProbeOutcome): Answered {
  const [user = "", name = "", number = "", version = ""] = rowsOf(outcome.stdout)[0] ?? [];
  if (outcome.exitCode !== 0 || version === "")
    return nothingBut(unanswered(outcome, "the database can't be reached", postgresAdvice));
  const server = Math.floor(Number(number) / 10_000);
  const tool = Number(/\(PostgreSQL\) (\d+)/.exec(toolVersion)?.[1] ?? Number.NaN);
  if (tool < server)
    return nothingBut({
      message: `pg_dump ${tool} is older than the server, PostgreSQL ${version}, which it refuses to dump`,
      hint: `use a pg_dump of ${server} or newer (the dbstash image of that release, or its client package)`,
    });
  const where = database === null ? "all databases" : `database ${name}`;
  const well = allWell(`as ${user}, PostgreSQL ${version}, ${where}`);
  return tool > server ? { ...well, warnings: [newerTool(tool, server, version)] } : well;
}

function newerTool(tool: number, server: number, version: string): Problem {
  const known =
    tool >= firstWithTimeout && server < firstWithTimeout
      ? ` (it sets transaction_timeout, which no server before ${firstWithTimeout} knows)`
      : "";
  return {
    message: `pg_dump ${tool} is newer than the server, PostgreSQL ${version}: a restore into this server may fail${known}`,
    hint: `a pg_dump of ${server} writes what this server can read: take the tools of the server's own release`,
  };
}

/** Words of `DUMP_EXTRA_ARGS` by which a dump leaves something out. */
const choosing = /^(-[tTnNes]|--(table|schema|exclude|extension|filter|no-))/;

function rightsAnswer(request: DumpRequest, outcome: ProbeOutcome): Answered {
  const { database, extraArgs } = request;
  if (outcome.exitCode !== 0)
    return {
      ...allWell(null),
      untried: [unanswered(outcome, "the rights can't be asked for", postgresAdvice)],
    };
  const rows = rowsOf(outcome.stdout);
  const named = (kind: string): string[] => rows.flatMap(([key, name = ""]) => (key === kind ? [name] : []));
  const user = named("user")[0] ?? "the user";
  const problems = [
    ...(database === null ? serverProblems(named, user, extraArgs) : []),
    ...tableProblems(named, user),
    ...objectProblems(named, user, extraArgs),
  ];
  const ofRows = rowProblems(named, user);
  if (extraArgs.some((word) => choosing.test(word)))
    return { ...allWell(null), untried: [...problems, ...ofRows].map(unlessLeftOut) };
  // Then the dump holds the rows that the user may see.
  if (extraArgs.includes("--enable-row-security"))
    return { ...allWell("all tables and sequences can be read"), problems, warnings: ofRows };
  if (problems.length + ofRows.length > 0) return nothingBut(...problems, ...ofRows);
  return allWell(
    database === null
      ? "roles can be read, and all tables and sequences of all databases"
      : "all tables and sequences can be read",
  );
}

function unlessLeftOut(problem: Problem): Problem {
  return { ...problem, message: `${problem.message}, unless DUMP_EXTRA_ARGS leaves that out` };
}

type Named = (kind: string) => string[];

function tableProblems(named: Named, user: string): Problem[] {
  const kinds = [
    [
      "schema",
      "table or sequence in a schema that is closed to it",
      "tables or sequences in schemas that are closed to it",
    ],
    ["table", "table", "tables"],
    ["sequence", "sequence", "sequences"],
  ] as const;
  return kinds.flatMap(([kind, one, several]) => {
    const names = named(kind);
    if (names.length === 0) return [];
    return [
      {
        message: `${user} may not read ${counted(names, one, several)}`,
        hint: `as a superuser: GRANT pg_read_all_data TO ${user} (from PostgreSQL 14 on), or GRANT USAGE on the schema and SELECT on each`,
      },
    ];
  });
}

/** Words of `DUMP_EXTRA_ARGS` that leave large objects out. */
const withoutObjects = /^(-B|--no-blobs|--no-large-objects)$/;

function objectProblems(named: Named, user: string, extraArgs: readonly string[]): Problem[] {
  const count = named("objects").reduce((sum, each) => sum + Number(each), 0);
  if (count === 0 || extraArgs.some((word) => withoutObjects.test(word))) return [];
  const hint = advise("permission denied for large object", postgresAdvice);
  const message = `${user} may not read ${count} large ${count === 1 ? "object" : "objects"} of other owners`;
  return [{ message, ...(hint === null ? {} : { hint }) }];
}

function rowProblems(named: Named, user: string): Problem[] {
  const names = named("rows");
  if (names.length === 0) return [];
  return [
    {
      message: `row security keeps rows of ${counted(names, "table", "tables")} from ${user}`,
      hint: `as a superuser: ALTER ROLE ${user} BYPASSRLS`,
    },
  ];
}

function serverProblems(named: Named, user: string, extraArgs: readonly string[]): Problem[] {
  const closed = named("database");
  return [
    ...(named("passwords").length === 0 || extraArgs.includes("--no-role-passwords")
      ? []
      : [
          {
            message: `${user} may not read the passwords of roles (pg_authid), which pg_dumpall backs up`,
            hint: "DUMP_EXTRA_ARGS=--no-role-passwords backs up all databases without superuser rights",
          },
        ]),
    ...(closed.length === 0
      ? []
      : [
          {
            message: `${user} may not connect to ${counted(closed, "database", "databases")}`,
            hint: `as its owner: GRANT CONNECT ON DATABASE … TO ${user}; of a provider's own DUMP_EXTRA_ARGS=--exclude-database=NAME leaves it out`,
          },
        ]),
  ];
}
