import { named, type OptionName, type Settings } from "../config/options.ts";
import { Secret } from "../config/secret.ts";
import { type Connection, connectionFromParts, type Host } from "../engine/connection.ts";
import type { Engine } from "../engine/engine.ts";
import { splitUri } from "../engine/uri.ts";
import { type Findings, problemOf } from "./findings.ts";

/**
 * Fills what a URI leaves out from the separate settings. Where both say something and differ that is a problem, which
 * names the one to remove. The database is not among what is filled: `DB_NAME` is what is dumped, and the URI's, where
 * it names none, is left to the engine.
 */
export function fillFromParts(
  engine: Engine,
  connection: Connection,
  settings: Settings,
  findings: Findings,
): Connection {
  const differ = (option: OptionName, message: string, part: string, hint = ""): void => {
    findings.problems.push({
      option,
      message: `${named(option)} ${message}`,
      hint: `remove ${settingsOf(option)}, or ${part} from DB_URI${hint}`,
    });
  };
  const { dbUser, dbPassword, dbName } = settings;
  if (dbUser !== null && connection.user !== null && dbUser !== connection.user)
    differ("dbUser", "is another user than the one in DB_URI (--db-uri)", "the user");
  const [password, other] = [connection.password?.reveal(), dbPassword?.reveal()];
  if (password !== undefined && other !== undefined && password !== other)
    differ("dbPassword", "is another password than the one in DB_URI (--db-uri)", "the password");
  const isLogin = dbName !== null && namesLoginDatabase(engine, connection);
  const database = isLogin ? dbName : connection.database;
  const isAsked = engine.needsDatabase && !settings.backupAllDatabases && settings.backupDatabases === null;
  if (isAsked && dbName !== null && database !== null && dbName !== database) {
    const message = `is ${dbName}, but DB_URI (--db-uri) names the database ${database}`;
    differ("dbName", message, "the database", databaseHint(engine, connection, dbName));
  }
  const hosts = filledHosts(engine, connection, settings, findings, differ);
  const authSource = engine.name === "mongo" ? filledAuthSource(connection, settings, differ, isLogin) : null;
  return {
    ...connection,
    database,
    hosts: hosts ?? connection.hosts,
    user: connection.user ?? dbUser,
    password: connection.password ?? dbPassword,
    params: authSource === null ? connection.params : [...connection.params, ["authSource", authSource]],
    uri: connection.uri && hosts ? withHosts(connection.uri, hosts, engine.schemes) : connection.uri,
  };
}

type Differ = (option: OptionName, message: string, part: string, hint?: string) => void;

function settingsOf(option: OptionName): string {
  return option === "dbPassword" ? "DB_PASSWORD (or DB_PASSWORD_FILE)" : (named(option).split(" ")[0] ?? "");
}

/**
 * Whether the path of a MongoDB URI is where the account lies and not what is to be dumped, as in what providers hand
 * out: `mongodb+srv://…/admin?tls=true`, `…/admin?authSource=admin`.
 */
function namesLoginDatabase(engine: Engine, { scheme, database, params }: Connection): boolean {
  const authSource = params.find(([key]) => key.toLowerCase() === "authsource")?.[1];
  if (engine.name !== "mongo" || database !== "admin") return false;
  return authSource === "admin" || (authSource === undefined && scheme === "mongodb+srv");
}

/** The path of a MongoDB URI is where the account lies, too: the one that is meant by `/admin` has a parameter. */
function databaseHint(engine: Engine, { database }: Connection, dbName: string): string {
  if (engine.name === "mongo" && database === "admin")
    return `; to log in against admin and dump ${dbName} write /${encodeURIComponent(dbName)}?authSource=admin`;
  return "";
}

/** The hosts with what the settings add to them; null where they add nothing. */
function filledHosts(
  engine: Engine,
  connection: Connection,
  { dbHost, dbPort }: Settings,
  findings: Findings,
  differ: Differ,
): readonly Host[] | null {
  const ofUri = connection.hosts.filter(({ host }) => host !== "");
  const portOfUri = connection.hosts.find(({ port }) => port !== null)?.port ?? null;
  if (dbPort !== null && connection.scheme === "mongodb+srv") {
    differ("dbPort", "has no place beside a mongodb+srv:// URI, whose ports the name server tells", "+srv");
    return null;
  }
  if (dbPort !== null && connection.hosts.some(({ port }) => port !== null && port !== dbPort))
    differ("dbPort", `is ${dbPort}, but DB_URI (--db-uri) names the port ${portOfUri}`, "the port");
  const named = dbHost === null ? null : hostsOf(dbHost, findings);
  if (named !== null && ofUri.length > 0 && !areSame(engine, named, ofUri))
    differ("dbHost", "names another host than DB_URI (--db-uri)", "the host");
  const hosts = ofUri.length > 0 ? ofUri : (named ?? connection.hosts.slice(0, 1));
  const filled = hosts.map(({ host, port }) => ({
    host,
    port: port ?? (ofUri.length > 0 ? null : portOfUri) ?? dbPort,
  }));
  if (filled.length === 0 && dbPort !== null) return [{ host: "", port: dbPort }];
  const isNew = filled.some(({ host, port }, at) => {
    const old = connection.hosts[at];
    return old?.host !== host || old.port !== port;
  });
  return isNew ? filled : null;
}

function hostsOf(dbHost: string, findings: Findings): readonly Host[] | null {
  try {
    const nothing = { port: null, user: null, password: null, database: null, authSource: null };
    return connectionFromParts({ ...nothing, host: dbHost }).hosts;
  } catch (error) {
    findings.problems.push(problemOf("dbHost", error));
    return null;
  }
}

/** A port that only one of both tells is no difference. */
function areSame({ defaultPort }: Engine, some: readonly Host[], others: readonly Host[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ host, port }, at) => {
      const other = others[at];
      if (other === undefined || other.host.toLowerCase() !== host.toLowerCase()) return false;
      return port === null || port === (other.port ?? defaultPort);
    })
  );
}

/** Where the account lies, where the URI does not say so; of a user who is not in the URI that is as it is without one. */
function filledAuthSource(
  { user, params }: Connection,
  { dbUser, dbAuthSource }: Settings,
  differ: Differ,
  isLogin: boolean,
): string | null {
  const given = params.find(([key]) => key.toLowerCase() === "authsource")?.[1];
  if (given !== undefined) {
    if (dbAuthSource !== null && dbAuthSource !== given)
      differ(
        "dbAuthSource",
        `is ${dbAuthSource}, but authSource in DB_URI (--db-uri) is ${given}`,
        "authSource",
      );
    return null;
  }
  if (user === null && dbUser === null) return null;
  return dbAuthSource ?? (user === null || isLogin ? "admin" : null);
}

/** The URI's text with other hosts; the engine whose tool takes a whole URI reads them there. */
function withHosts(uri: Secret, hosts: readonly Host[], schemes: readonly string[]): Secret {
  const { scheme, userInfo, path, query } = splitUri(uri.reveal(), schemes);
  const user = userInfo === null ? "" : `${userInfo}@`;
  const tail = query === "" ? "" : `?${query}`;
  return new Secret(`${scheme}://${user}${hosts.map(hostText).join(",")}/${path}${tail}`);
}

function hostText({ host, port }: Host): string {
  const text = host.startsWith("/") ? encodeURIComponent(host) : host.includes(":") ? `[${host}]` : host;
  return port === null ? text : `${text}:${port}`;
}
