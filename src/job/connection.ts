import { named, type Settings } from "../config/options.ts";
import { type Connection, connectionFromParts, parseUri } from "../engine/connection.ts";
import type { Engine } from "../engine/engine.ts";
import { type Findings, problemOf } from "./findings.ts";

/** How to reach the database: by the URI where there is one, else by the separate settings. */
export function resolveConnection(
  engine: Engine,
  settings: Settings,
  { problems, warnings }: Findings,
): Connection {
  const parts = connectionFromParts({
    host: settings.dbHost ?? "",
    port: settings.dbPort,
    user: settings.dbUser,
    password: settings.dbPassword,
    database: settings.dbName,
    authSource: engine.name === "mongo" ? settings.dbAuthSource : null,
  });
  if (settings.dbUri === null) {
    if (settings.dbHost === null) {
      problems.push({
        message: `${named("dbUri")} or ${named("dbHost")} is required`,
        hint: `for example DB_URI=${engine.schemes[0]}://user:password@host:${engine.defaultPort}/database`,
      });
    }
    return parts;
  }
  const separate = (["dbHost", "dbPort", "dbUser", "dbPassword"] as const).filter(
    (name) => settings[name] !== null,
  );
  // For an engine without database names DB_NAME is a label, which a URI does not hold.
  const ignored = [
    ...separate,
    ...(engine.needsDatabase && settings.dbName !== null ? (["dbName"] as const) : []),
  ];
  if (ignored.length > 0)
    warnings.push(`${named("dbUri")} is set, so ${ignored.map((name) => named(name)).join(", ")} is ignored`);
  try {
    const connection = parseUri(settings.dbUri.reveal());
    if (connection.scheme === null || !engine.schemes.includes(connection.scheme)) {
      problems.push({
        message: `${named("dbUri")} begins with ${connection.scheme}://, but dbstash-${engine.name} backs up ${engine.title}`,
        hint: `its URIs begin with ${engine.schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
      });
    }
    return connection;
  } catch (error) {
    problems.push(problemOf("dbUri", error));
    return parts;
  }
}

/** The database to dump; null for all of them. */
export function resolveDatabase(
  engine: Engine,
  settings: Settings,
  connection: Connection,
  { problems }: Findings,
): string | null {
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
  if (settings.dbUri !== null || settings.dbHost !== null) {
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
