import { Secret } from "../config/secret.ts";
import { DbstashError } from "../errors.ts";
import { onePassword, withQueryFields } from "./connection-fields.ts";
import { fold } from "./params.ts";
import type { Connection, Host } from "./endpoint.ts";
import { hostPattern, splitUri, unreadable } from "./uri.ts";

export type { Connection, Host } from "./endpoint.ts";

/**
 * Query parameters of any driver that carry a secret, names as `fold` makes them; AWS puts a session token among
 * MongoDB's mechanism properties.
 */
const secretName =
  /(pass|password|passwd|pwd|passphrase|secret|token|authmechanismproperties|sslcadata)$|^(auth|scram(client|server)key)$/;

/** A key itself instead of its file's path. */
const secretValue = /-----BEGIN|^data:|"(key|pfx|pass\w*)"/i;

/** Other names of the password itself (libpq, Python's and PHP's MySQL drivers). */
const passwordKeys = ["password", "passwd", "pwd"];

/**
 * Takes a database URI apart: hosts are split at commas, IPv6 brackets go, percent escapes are decoded,
 * and parameters that name a host, port, user or database count as such where the engine's drivers read them so.
 * @param schemes those that are wanted; another one is read all the same
 * @throws DbstashError that never quotes the URI.
 */
export function parseUri(uri: string, schemes: readonly string[] = []): Connection {
  const parts = splitUri(uri, schemes);
  const colon = parts.userInfo?.indexOf(":") ?? -1;
  const user = colon < 0 ? (parts.userInfo ?? "") : (parts.userInfo ?? "").slice(0, colon);
  const password = colon < 0 ? "" : (parts.userInfo ?? "").slice(colon + 1);
  const { params, secrets } = parseQuery(parts.query);
  const isPassword = ([key]: readonly [string, Secret]): boolean => passwordKeys.includes(fold(key));
  const before = password === "" ? null : new Secret(decode(password, "password"));
  const connection = {
    scheme: usualScheme(parts.scheme, schemes),
    hosts: parts.hosts === "" ? [] : parts.hosts.split(",").map(parseHost),
    user: user === "" ? null : decode(user, "user"),
    password: onePassword(before, secrets.filter(isPassword)),
    database: parts.path === "" ? null : decode(parts.path, "database name"),
    params,
    secretParams: secrets.filter((secret) => !isPassword(secret)),
    uri: new Secret(uri),
  };
  return withQueryFields(connection, parseHost);
}

/** Schemes that say the same as the usual one: Valkey's own, which Aiven hands out. */
const sameSchemes: ReadonlyMap<string, string> = new Map([
  ["valkey", "redis"],
  ["valkeys", "rediss"],
]);

/** One that is not wanted stays as it was written, since a message shows it. */
function usualScheme(scheme: string, wanted: readonly string[]): string {
  return wanted.length > 0 && !wanted.includes(scheme) ? scheme : (sameSchemes.get(scheme) ?? scheme);
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
  if (host !== null && /^\s*(jdbc:)?[a-z][a-z0-9+.-]*:\/\//i.test(host))
    throw new DbstashError("holds a URI, which belongs into DB_URI (--db-uri)");
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
  const seen = new Map<string, string>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    // libpq does not read `+` as a blank, so neither do we.
    // As an option of a client program it begins with dashes.
    const key = decode(equals < 0 ? pair : pair.slice(0, equals), "query").replace(/^--(?=[a-z])/, "");
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1), "query");
    // Keys are shown in warnings; what is no plain word may be the rest of a password.
    if (!/^[A-Za-z][\w.-]*$/.test(key)) throw unreadable("has a query that can't be read");
    const name = fold(key);
    const known = seen.get(name);
    if (known === value) continue;
    // A list of tags is written as several parameters.
    if (known !== undefined && name !== "readpreferencetags")
      throw new DbstashError(
        `has the parameter ${key} twice, with different values`,
        "keep the one that is meant",
      );
    seen.set(name, value);
    if (secretName.test(name) || secretValue.test(value)) secrets.push([key, new Secret(value)]);
    else params.push([key, value]);
  }
  return { params, secrets };
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
