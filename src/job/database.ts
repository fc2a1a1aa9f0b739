import { named, type OptionName, type Settings } from "../config/options.ts";
import { type Connection, connectionFromParts, parseUri } from "../engine/connection.ts";
import type { Engine } from "../engine/engine.ts";
import type { Problem } from "../errors.ts";
import { type Findings, problemOf } from "./findings.ts";

/** How to reach the database: by the URI where there is one, else by the separate settings. */
export function resolveConnection(engine: Engine, settings: Settings, findings: Findings): Connection {
  const { dbUri, dbHost, dbPort, dbUser, dbPassword, dbName, dbAuthSource } = settings;
  const parts = {
    port: dbPort,
    user: dbUser,
    password: dbPassword,
    database: dbName,
    authSource: engine.name === "mongo" ? dbAuthSource : null,
  };
  // Where the server can't be told, the other settings are still looked at.
  const nowhere = () => connectionFromParts({ ...parts, host: null, database: dbName ?? "" });
  if (dbUri !== null) {
    const { problems, warnings } = findings;
    const ignored = ignoredBesideUri(engine, settings);
    if (ignored.length > 0)
      warnings.push(
        `${named("dbUri")} is set, so ${ignored.map(named).join(", ")} ${ignored.length === 1 ? "is" : "are"} ignored`,
      );
    try {
      const connection = parseUri(dbUri.reveal());
      problems.push(...schemeProblems(engine, connection));
      return connection;
    } catch (error) {
      problems.push(problemOf("dbUri", error));
      return nowhere();
    }
  }
  if (dbHost === null) {
    if (!isUriUnread(findings))
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

/** A DB_URI that can't be read is one problem: what it might have told is not missed besides. */
function isUriUnread({ problems }: Findings): boolean {
  return problems.some(({ message }) => message.startsWith("DB_URI"));
}

function ignoredBesideUri(engine: Engine, settings: Settings): OptionName[] {
  const separate: OptionName[] = ["dbHost", "dbPort", "dbUser", "dbPassword"];
  // For an engine without database names DB_NAME is a label, which a URI does not hold.
  if (engine.needsDatabase) separate.push("dbName");
  return separate.filter((option) => settings[option] !== null);
}

function schemeProblems(engine: Engine, { scheme }: Connection): Problem[] {
  if (scheme !== null && engine.schemes.includes(scheme)) return [];
  return [
    {
      message: `${named("dbUri")} begins with ${scheme}://, but dbstash-${engine.name} backs up ${engine.title}`,
      hint: `its URIs begin with ${engine.schemes.map((each) => `${each}://`).join(" or ")}`,
    },
  ];
}

/** The database to dump; null for all of them. */
export function resolveDatabase(
  engine: Engine,
  settings: Settings,
  connection: Connection,
  findings: Findings,
): string | null {
  const { problems } = findings;
  if (!engine.needsDatabase) return null;
  if (settings.backupAllDatabases) {
    if (settings.dbName !== null && settings.dbUri === null) {
      problems.push({
        message: `${named("backupAllDatabases")} and ${named("dbName")} exclude each other`,
        hint: "leave DB_NAME out to back up every database",
      });
    }
    return null;
  }
  if (connection.database !== null) return connection.database;
  const where = settings.dbUri === null ? named("dbName") : `a database name in ${named("dbUri")}`;
  if (settings.dbUri !== null || (settings.dbHost !== null && !isUriUnread(findings))) {
    problems.push({
      message: `${where} is required`,
      hint: "or set BACKUP_ALL_DATABASES=true to back up every database",
    });
  }
  return "";
}

/** The database as `{db}` shows it: its name, or `all`; of an engine without names `DB_NAME` as a label, or the host. */
export function labelOf(
  engine: Engine,
  settings: Settings,
  connection: Connection,
  database: string | null,
): string {
  if (engine.needsDatabase) return database ?? "all";
  return settings.dbName ?? connection.hosts[0]?.host ?? "all";
}
