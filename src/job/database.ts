import type { Subject } from "../catalog/naming.ts";
import { named, type Settings } from "../config/options.ts";
import type { Selection } from "../config/selection.ts";
import { type Connection, connectionFromParts, parseUri } from "../engine/connection.ts";
import { otherAddressHint, schemeMeantBy } from "../engine/driver-schemes.ts";
import type { Engine } from "../engine/engine.ts";
import type { Problem } from "../errors.ts";
import { type Findings, isUnread, problemOf } from "./findings.ts";
import { fillFromParts } from "./separate-parts.ts";

/** What a job is for: a look at what is stored asks no database, so its name is enough. */
export type Purpose = "backup" | "look";

/** How to reach the database: by the URI, filled from the separate settings, or by these alone. */
export function resolveConnection(
  engine: Engine,
  settings: Settings,
  findings: Findings,
  purpose: Purpose,
): Connection {
  const { dbUri, dbHost, dbPort, dbUser, dbPassword, dbName, dbAuthSource } = settings;
  const parts = {
    port: dbPort,
    user: dbUser,
    password: dbPassword,
    database: dbName,
    authSource: engine.name === "mongo" ? (dbAuthSource ?? "admin") : null,
  };
  // Where the server can't be told, the other settings are still looked at.
  const nowhere = () => connectionFromParts({ ...parts, host: null, database: dbName ?? "" });
  if (dbUri !== null) {
    try {
      const connection = parseUri(dbUri.reveal(), engine.schemes);
      const wrong = [...schemeProblems(engine, connection), ...placeholderProblems(connection)];
      findings.problems.push(...wrong);
      return wrong.length > 0 ? connection : fillFromParts(engine, connection, settings, findings);
    } catch (error) {
      findings.problems.push(problemOf("dbUri", error));
      return nowhere();
    }
  }
  if (dbHost === null) {
    if (purpose === "backup" && !isUnread(findings, "dbUri") && !isUnread(findings, "dbHost"))
      findings.problems.push({
        message: `${named("dbUri")} or ${named("dbHost")} is required`,
        hint: `for example DB_URI=${engine.schemes[0]}://user:password@host:${engine.defaultPort}/database`,
      });
    return nowhere();
  }
  try {
    return connectionFromParts({ ...parts, host: dbHost });
  } catch (error) {
    findings.problems.push(problemOf("dbHost", error));
    return nowhere();
  }
}

/** What a provider's panel shows in place of a password that it does not tell; no password of anybody's. */
const placeholder = /^(\[YOUR[-_ ]PASSWORD\]|<(db_|your[-_ ]?)?password>|\*{3,}|•{3,}|\{password\})$/i;

function placeholderProblems({ password }: Connection): Problem[] {
  const text = password?.reveal() ?? "";
  if (!placeholder.test(text)) return [];
  return [
    {
      message: `${named("dbUri")} has ${text} where the password belongs`,
      hint: "put the password there, or leave it out of the URI and set DB_PASSWORD_FILE",
    },
  ];
}

function schemeProblems(engine: Engine, { scheme }: Connection): Problem[] {
  if (scheme !== null && engine.schemes.includes(scheme)) return [];
  const meant = schemeMeantBy(scheme ?? "", engine.schemes);
  if (meant !== null)
    return [
      {
        message: `${named("dbUri")} begins with ${scheme}://, which is a driver's word for ${meant}://`,
        hint: `write ${meant}:// instead, and the rest as it is`,
      },
    ];
  const other = otherAddressHint(scheme ?? "");
  return [
    {
      message: `${named("dbUri")} begins with ${scheme}://, but dbstash-${engine.name} backs up ${engine.title}`,
      hint: other ?? `its URIs begin with ${engine.schemes.map((each) => `${each}://`).join(" or ")}`,
    },
  ];
}

/** The database to dump; null for all of them, and for several, each by itself. */
export function resolveDatabase(
  engine: Engine,
  settings: Settings,
  connection: Connection,
  findings: Findings,
  purpose: Purpose,
): string | null {
  const { problems, warnings } = findings;
  const { dbUri, dbHost, dbName, backupDatabases, backupParallel } = settings;
  if (backupDatabases !== null) {
    problems.push(...severalProblems(engine, settings, backupDatabases));
    return null;
  }
  if (backupParallel > 1)
    warnings.push(`${named("backupParallel")} has no effect without ${named("backupDatabases")}`);
  if (!engine.needsDatabase) {
    if (purpose === "look" && dbName === null && connection.hosts.length === 0)
      problems.push({
        message: `${named("dbName")} or ${named("dbHost")} is required`,
        hint: "the one that the names of the backups begin with",
      });
    return null;
  }
  if (settings.backupAllDatabases) {
    if (dbName !== null) {
      problems.push({
        message: `${named("backupAllDatabases")} and ${named("dbName")} exclude each other`,
        hint: "leave DB_NAME out to back up every database",
      });
    }
    return null;
  }
  const database = (dbUri === null ? null : connection.database) ?? dbName;
  if (database !== null) return database;
  const isMissed = purpose === "look" || dbUri !== null || dbHost !== null;
  const mayTell = ["dbUri", "dbName", "backupDatabases", "backupAllDatabases"] as const;
  if (isMissed && !mayTell.some((option) => isUnread(findings, option))) {
    problems.push({
      message:
        dbUri === null
          ? `${named("dbName")} is required`
          : `a database name in ${named("dbUri")}, or ${named("dbName")}, is required`,
      hint: "or set BACKUP_DATABASES='*' for a backup of each database, or BACKUP_ALL_DATABASES=true for one of all together",
    });
  }
  return "";
}

/** What can't stand beside several databases, and engines that have none. */
function severalProblems(engine: Engine, settings: Settings, selection: Selection): Problem[] {
  const several = named("backupDatabases");
  if (!engine.needsDatabase)
    return [
      {
        message: `${several} is not for ${engine.title}, whose backup holds all of a server`,
        hint: "leave it out",
      },
    ];
  const problems: Problem[] = [];
  if (settings.dbName !== null)
    problems.push({
      message: `${several} and ${named("dbName")} exclude each other`,
      hint: "leave DB_NAME out: the server is asked in the database of DB_URI, or in its own",
    });
  if (settings.backupAllDatabases)
    problems.push({
      message: `${several} and ${named("backupAllDatabases")} exclude each other`,
      hint: "BACKUP_DATABASES='*' makes a backup of each, BACKUP_ALL_DATABASES=true one of all together",
    });
  if (selection.hasGlobals && !engine.hasGlobals)
    problems.push({
      message: `${several} has @globals, which only PostgreSQL has`,
      hint: "a database of that name is put in quotes",
    });
  return problems;
}

/** What settings that may be wrong elsewhere are a backup of, in a word; null where they do not tell. */
export function subjectInWords(engine: Engine, settings: Settings): string | null {
  const findings: Findings = { problems: [], warnings: [] };
  const connection = resolveConnection(engine, settings, findings, "look");
  const database = resolveDatabase(engine, settings, connection, findings, "look");
  const subject = subjectOf(engine, settings, connection, database);
  // Of an address that is none nobody knows which part is which.
  return findings.problems.length > 0 ? settings.dbName : subject.database;
}

/** What the backup is of, as its name says: the database, or all; without names `DB_NAME` as a label, or the host. */
export function subjectOf(
  engine: Engine,
  settings: Settings,
  connection: Connection,
  database: string | null,
): Subject {
  if (settings.backupDatabases !== null) return { database: settings.backupDatabases.text, scope: "several" };
  const all: Subject = { database: "all", scope: "all" };
  const label = engine.needsDatabase ? database : (settings.dbName ?? connection.hosts[0]?.host);
  return label == null ? all : { database: label };
}
