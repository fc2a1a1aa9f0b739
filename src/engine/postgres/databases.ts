import type { Problem } from "../../errors.ts";
import { unanswered } from "../answers.ts";
import type {
  DatabaseList,
  DatabasesInquiry,
  DatabasesQuestion,
  DumpPaths,
  DumpRequest,
  ProbeOutcome,
  ServerDatabase,
} from "../engine.ts";
import { postgresAdvice, providersOwn } from "./advice.ts";
import { psql } from "./psql.ts";

/** The fact whether the passwords of roles can be read, on which `@globals` depends. */
const passwordsFact = "role-passwords";

/** JSON has an escape for every character that a name may hold. */
const databasesSql = `SELECT row_to_json(d) FROM (
SELECT datname AS name, datistemplate AS template, datallowconn AND datconnlimit <> -2 AS open,
has_database_privilege(oid, 'CONNECT') AS connect, current_user AS "user" FROM pg_database ORDER BY datname) AS d`;

const passwordsSql =
  "SELECT row_to_json(p) FROM (SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS passwords) AS p";

/** Asked in the database of the URI; without one where pg_dumpall looks for them, too. */
export function postgresDatabases(request: DumpRequest, paths: DumpPaths): DatabasesQuestion {
  const { database } = request.connection;
  const ask = (name: string, isLast: boolean): DatabasesInquiry => {
    const command = psql(request, name, paths, [databasesSql, passwordsSql]);
    return {
      title: "databases",
      // The encoding of this database must not change the names of others.
      command: { ...command, env: { ...command.env, PGCLIENTENCODING: "UTF8" } },
      readsFile: null,
      interpret: (outcome) => {
        // Whatever the server's language, it quotes the name of a database that it has not, or keeps shut.
        const isMissing = outcome.exitCode !== 0 && !outcome.isLate && outcome.stderr.includes(name);
        return isMissing && !isLast ? null : databaseList(outcome);
      },
    };
  };
  const inquiries =
    database === null ? [ask("postgres", false), ask("template1", true)] : [ask(database, true)];
  return { inquiries, sight: null };
}

/** Whether the server has told its databases already. */
export function wasAsked(facts: Readonly<Record<string, string>>): boolean {
  return facts[passwordsFact] !== undefined;
}

/** Whether `pg_dumpall --globals-only` has to go without the passwords of roles, as hosted servers want it. */
export function lacksPasswords(facts: Readonly<Record<string, string>>): boolean {
  return facts[passwordsFact] === "false";
}

const withoutPasswords: Problem = {
  message: "the passwords of roles are missing from @globals: the user may not read them (pg_authid)",
  hint: "a superuser may; a hosted server shows them to nobody, so that they are set anew after a restore",
};

interface Row {
  readonly name: string;
  readonly template: boolean;
  readonly open: boolean;
  readonly connect: boolean;
  readonly user: string;
}

function databaseList(outcome: ProbeOutcome): DatabaseList {
  const nothing = { databases: [], warnings: [], leftOut: [], leftOutOfGlobals: [], facts: {} };
  const rows = outcome.exitCode === 0 ? rowsOf(outcome.stdout) : null;
  if (rows === null)
    return {
      ...nothing,
      problems: [unanswered(outcome, "the server can't be asked for its databases", postgresAdvice)],
    };
  const passwords = rows.some((row) => "passwords" in row && row.passwords === true);
  const databases = rows.flatMap((row) => ("name" in row ? [databaseOf(row as Row)] : []));
  return {
    ...nothing,
    databases,
    problems: [],
    leftOutOfGlobals: passwords ? [] : [withoutPasswords],
    facts: { [passwordsFact]: String(passwords) },
  };
}

/** Null for an answer that was cut. */
function rowsOf(stdout: string): object[] | null {
  try {
    const lines = stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as object);
  } catch {
    return null;
  }
}

function databaseOf({ name, template, open, connect, user }: Row): ServerDatabase {
  const isApart = template || !open || providersOwn.includes(name);
  return { name, isApart, problem: problemOf(name, open, connect, user) };
}

function problemOf(name: string, open: boolean, connect: boolean, user: string): Problem | null {
  if (!open)
    return { message: "the server lets nobody connect to this database (datallowconn, datconnlimit)" };
  if (connect) return null;
  const [database, role] = [name, user].map((each) => `"${each.replaceAll('"', '""')}"`);
  return {
    message: `${user} may not connect to this database`,
    hint: `as its owner: GRANT CONNECT ON DATABASE ${database} TO ${role}; or leave it out of BACKUP_DATABASES with a leading !`,
  };
}
