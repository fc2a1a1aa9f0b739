import type { Problem } from "../../errors.ts";
import type { EngineName } from "../../kinds.ts";
import { allWell, nothingBut, unanswered } from "../answers.ts";
import type { Answered, DumpPaths, DumpRequest, Known, ProbeOutcome, Question } from "../engine.ts";
import { mysqlAdvice } from "./advice.ts";
import { type Client, clientOf, sqlCommand } from "./client.ts";
import { mayAnywhere, parseGrants } from "./grants.ts";
import { account, inspect, inspectionSql, rowsOf, scopeOf } from "./inspection.ts";

/** As whom and to which release, and the grants: those that a run looks at, and those that the dump fails without. */
export function mysqlQuestions(
  engine: EngineName,
  request: DumpRequest,
  paths: DumpPaths,
  { facts }: Known,
): readonly Question[] {
  const client = clientOf(engine, facts);
  const who = "SELECT 'user', CURRENT_USER(); SELECT 'server', VERSION()";
  const rights = inspectionSql(request, (schema) => [
    `SELECT 'views', COUNT(*) FROM information_schema.views WHERE table_schema ${schema}`,
    // The text of a routine is shown to those alone who may read it.
    `SELECT 'unreadable', COUNT(*) FROM information_schema.routines WHERE routine_schema ${schema} AND routine_definition IS NULL`,
  ]);
  return [
    {
      title: "connection",
      command: sqlCommand(request, paths, client, "connection", who),
      readsFile: null,
      interpret: (outcome) => connectionAnswer(client, request, outcome),
    },
    {
      title: "rights",
      command: sqlCommand(request, paths, client, "rights", rights.join("; "), ["--force"]),
      readsFile: null,
      interpret: (outcome) => rightsAnswer(client, request, outcome),
    },
  ];
}

function connectionAnswer(client: Client, { database }: DumpRequest, outcome: ProbeOutcome): Answered {
  const { value } = rowsOf(outcome.stdout);
  const server = value("server");
  if (outcome.exitCode !== 0 || server === "")
    return nothingBut(unanswered(outcome, "the database can't be reached", mysqlAdvice));
  const isMariadb = server.includes("MariaDB");
  const release = isMariadb ? `MariaDB ${server.replace(/-MariaDB.*$/, "")}` : `MySQL ${server}`;
  const where = database === null ? "all databases" : `database ${database}`;
  const well = allWell(`as ${account(value("user"))}, ${release}, ${where}`);
  const major = Number(/^\d+/.exec(server)?.[0] ?? Number.NaN);
  if (isMariadb !== (client.flavour === "mariadb") || !(client.major > major)) return well;
  const newer = `the client (${client.major}.${client.minor}) is newer than the server, ${release}: a restore into this server may fail`;
  return {
    ...well,
    warnings: [{ message: newer, hint: "take the client programs of the server's own release" }],
  };
}

function rightsAnswer(client: Client, request: DumpRequest, outcome: ProbeOutcome): Answered {
  const { warnings, leftOut } = inspect(request, client, outcome);
  const problems = failingRights(request, outcome.stdout);
  if (parseGrants(outcome.stdout.split("\n")).length === 0) {
    const unknown = unanswered({ ...outcome, stdout: "" }, "the grants can't be asked for", mysqlAdvice);
    return { ...allWell(null), warnings, untried: [unknown] };
  }
  const isWell = problems.length + leftOut.length === 0;
  const found = "the grants suffice for tables, views, triggers, routines and events";
  return { ...allWell(isWell ? found : null), problems, warnings, leftOut };
}

/** Rights that the dump tool fails without. Of all databases some may have them by themselves, so that is the tool's to tell. */
function failingRights({ database, extraArgs }: DumpRequest, stdout: string): Problem[] {
  const grants = parseGrants(stdout.split("\n"));
  if (database === null || grants.length === 0) return [];
  const { value } = rowsOf(stdout);
  const user = account(value("user"));
  const missing = (privilege: string, what: string, instead: string): Problem => ({
    message: `the user lacks the privilege ${privilege}, without which the dump of ${what} fails`,
    hint: `GRANT ${privilege} ON ${scopeOf(database)} TO ${user}${instead}`,
  });
  const problems: Problem[] = [];
  if (!mayAnywhere(grants, ["EVENT"], database) && !extraArgs.includes("--skip-events"))
    problems.push(missing("EVENT", "events", "; DUMP_EXTRA_ARGS=--skip-events leaves events out"));
  if (Number(value("views")) > 0 && !mayAnywhere(grants, ["SHOW VIEW"], database))
    problems.push(missing("SHOW VIEW", "views", ""));
  if (Number(value("unreadable")) > 0 && !extraArgs.includes("--skip-routines"))
    problems.push({
      message: "the user may not read the text of procedures or functions, without which their dump fails",
      hint: `GRANT SHOW_ROUTINE ON *.* (MySQL) or SELECT ON mysql.proc (MariaDB) TO ${user}; DUMP_EXTRA_ARGS=--skip-routines leaves routines out`,
    });
  return problems;
}
