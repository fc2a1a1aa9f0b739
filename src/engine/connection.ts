import { Secret } from "../config/secret.ts";
import { DbstashError } from "../errors.ts";
import { hostPattern, splitUri, unreadable } from "./uri.ts";

/** One server address. A `host` that begins with `/` is the folder or path of a unix socket. */
export interface Host {
  readonly host: string;
  /** Null: the engine's default. */
  readonly port: number | null;
}

/** How to reach a database: a URI taken apart, or the separate settings. */
export interface Connection {
  /** The URI's scheme, lower case; null where separate settings were given. */
  readonly scheme: string | null;
  readonly hosts: readonly Host[];
  readonly user: string | null;
  readonly password: Secret | null;
  readonly database: string | null;
  /** The URI's query, decoded, in order, without passwords and without what the fields above hold. */
  readonly params: readonly (readonly [string, string])[];
  /** Query parameters that are secrets, keys in lower case, other than the password itself. */
  readonly secretParams: readonly (readonly [string, Secret])[];
  /** The URI as it was given; null where separate settings were. */
  readonly uri: Secret | null;
}

/** Query parameters of any driver that carry a secret; AWS puts a session token among MongoDB's mechanism properties. */
const secretParam = /(password|passwd|pwd|passphrase|secret|token|authmechanismproperties)$/i;

/** Other names of the password itself (libpq, Python's and PHP's MySQL drivers). */
const passwordKeys = ["password", "passwd", "pwd"];

/**
 * Takes a database URI apart: hosts are split at commas, IPv6 brackets go, percent escapes are decoded,
 * and parameters that name a host, port, user or database count as such where the engine's drivers read them so.
 * @throws DbstashError that never quotes the URI.
 */
export function parseUri(uri: string): Connection {
  const parts = splitUri(uri);
  const colon = parts.userInfo?.indexOf(":") ?? -1;
  const user = colon < 0 ? (parts.userInfo ?? "") : (parts.userInfo ?? "").slice(0, colon);
  const password = colon < 0 ? "" : (parts.userInfo ?? "").slice(colon + 1);
  const { params, secrets } = parseQuery(parts.query);
  const paramPassword = secrets.find(([key]) => passwordKeys.includes(key))?.[1] ?? null;
  const connection = {
    scheme: parts.scheme,
    hosts: parts.hosts === "" ? [] : parts.hosts.split(",").map(parseHost),
    user: user === "" ? null : decode(user, "user"),
    password: password === "" ? paramPassword : new Secret(decode(password, "password")),
    database: parts.path === "" ? null : decode(parts.path, "database name"),
    params,
    secretParams: secrets.filter(([key]) => !passwordKeys.includes(key)),
    uri: new Secret(uri),
  };
  if (parts.scheme.startsWith("postgres")) return withLibpqParams(connection);
  return ["mysql", "mariadb"].includes(parts.scheme) ? withSocketParam(connection) : connection;
}

/** The separate connection settings, as they came; null where one is not set. */
export interface ConnectionSettings {
  /** A name, an address (IPv6 with or without brackets), a socket's path, or several hosts with commas between. */
  readonly host: string | null;
  readonly port: number | null;
  readonly user: string | null;
  readonly password: Secret | null;
  readonly database: string | null;
  /** MongoDB's, where the user's account lies; null for the other engines. */
  readonly authSource: string | null;
}

/**
 * The connection that separate settings describe.
 * @throws DbstashError about the host; it does not name the setting.
 */
export function connectionFromParts(settings: ConnectionSettings): Connection {
  const { host, port, user, password, database, authSource } = settings;
  const texts = host === null ? [] : host.startsWith("/") ? [host] : host.split(",");
  if (texts.length === 1 && /^([^:[\]]+|\[.*\]):\d+$/.test(texts[0] ?? "")) {
    throw new DbstashError("holds a port too", "the port goes into DB_PORT (--db-port)");
  }
  const hosts = texts.map((text): Host => {
    if (text.startsWith("/")) return { host: text, port };
    // Two colons and no bracket: a bare IPv6 address, as people write it where no port can follow.
    const bracketed = /^[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:/.test(text) ? `[${text}]` : text.trim();
    const parsed = parseHost(bracketed);
    return { host: parsed.host, port: parsed.port ?? port };
  });
  return {
    scheme: null,
    hosts,
    user,
    password,
    database,
    params: authSource === null || user === null ? [] : [["authSource", authSource]],
    secretParams: [],
    uri: null,
  };
}

function parseHost(text: string): Host {
  const match = hostPattern.exec(text);
  if (match === null) throw unreadable("has a host that can't be read");
  const port = match[3] === undefined || match[3] === "" ? null : Number(match[3]);
  if (port !== null && (port < 1 || port > 65_535)) throw new DbstashError("has a port outside 1 to 65535");
  return { host: match[1]?.replace("%25", "%") ?? decode(match[2] ?? "", "host"), port };
}

function parseQuery(query: string): { params: [string, string][]; secrets: [string, Secret][] } {
  const params: [string, string][] = [];
  const secrets: [string, Secret][] = [];
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    // libpq does not read `+` as a blank, so neither do we.
    const key = decode(equals < 0 ? pair : pair.slice(0, equals), "query");
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1), "query");
    // Keys are shown in warnings; what is no plain word may be the rest of a password.
    if (!/^[A-Za-z][\w.-]*$/.test(key)) throw unreadable("has a query that can't be read");
    if (secretParam.test(key)) secrets.push([key.toLowerCase(), new Secret(value)]);
    else params.push([key, value]);
  }
  return { params, secrets };
}

/** libpq lets the query override host, port, user and database (PostgreSQL manual, 32.1.1.2). */
function withLibpqParams(connection: Connection): Connection {
  const { params } = connection;
  const given = (name: string): string | null =>
    params.findLast(([key, value]) => key === name && value !== "")?.[1] ?? null;
  const names = given("host")?.split(",") ?? connection.hosts.map(({ host }) => host);
  const ports = given("port")?.split(",") ?? connection.hosts.map(({ port }) => String(port ?? ""));
  return {
    ...connection,
    hosts: withPorts(names, ports),
    user: given("user") ?? connection.user,
    database: given("dbname") ?? connection.database,
    params: params.filter(([key]) => !["host", "port", "user", "dbname"].includes(key)),
  };
}

/** One port serves all hosts; a port without a host is one of libpq's default socket. */
function withPorts(names: readonly string[], ports: readonly string[]): Host[] {
  const hosts = names.length === 0 && ports.length > 0 ? [""] : names;
  return hosts.map((host, index) => ({
    host,
    port: parseHost(`h:${ports[ports.length === 1 ? 0 : index] ?? ""}`).port,
  }));
}

/** The socket's path stands in the query of most MySQL drivers. */
function withSocketParam(connection: Connection): Connection {
  const isSocket = ([key, value]: readonly [string, string]): boolean =>
    /^(unix_?)?socket$/i.test(key) && value.startsWith("/");
  const socket = connection.params.findLast(isSocket)?.[1];
  if (socket === undefined) return connection;
  return {
    ...connection,
    hosts: [{ host: socket, port: null }],
    params: connection.params.filter((param) => !isSocket(param)),
  };
}

function decode(text: string, part: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new DbstashError(
      `has a ${part} with a broken percent escape`,
      "a % that stands for itself is written as %25",
    );
  }
  // No tool can be told one: it ends a string of the C library's.
  if (decoded.includes("\0")) throw new DbstashError(`has a ${part} with a NUL character`);
  return decoded;
}
