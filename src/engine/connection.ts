import { Secret } from "../config/secret.ts";
import { DbstashError } from "../errors.ts";

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
  /** The URI's query, decoded, in order, without passwords. */
  readonly params: readonly (readonly [string, string])[];
  /** Query parameters that are secrets, other than `password` itself. */
  readonly secretParams: readonly (readonly [string, Secret])[];
}

/** Query parameters of any engine that carry a password. */
const passwordParams = new Set(["password", "passwd", "pwd", "sslpassword", "tlscertificatekeyfilepassword"]);

/**
 * Takes a database URI apart as libpq does: the user part ends at the last `@` before the first `/`,
 * hosts are split at commas, IPv6 brackets go, percent escapes are decoded.
 * `new URL` refuses several hosts with ports, and raw `/ # ?` in passwords.
 * @throws DbstashError that never quotes the URI, since what is malformed may be the password.
 */
export function parseUri(uri: string): Connection {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1];
  if (scheme === undefined) throw new DbstashError("has no scheme such as postgresql://");
  const rest = uri.slice(scheme.length + 3);
  const { authority, path, query } = splitAuthority(rest);
  const at = authority.lastIndexOf("@");
  const userInfo = at < 0 ? null : authority.slice(0, at);
  const colon = userInfo === null ? -1 : userInfo.indexOf(":");
  const user = userInfo === null ? null : colon < 0 ? userInfo : userInfo.slice(0, colon);
  const password = userInfo === null || colon < 0 ? null : userInfo.slice(colon + 1);
  const { params, secrets } = parseQuery(query);
  const paramPassword = secrets.find(([key]) => key === "password")?.[1] ?? null;
  return {
    scheme: scheme.toLowerCase(),
    hosts: parseHosts(authority.slice(at + 1)),
    user: user === null || user === "" ? null : decode(user, "user"),
    password: password === null || password === "" ? paramPassword : new Secret(decode(password, "password")),
    database: path === "" ? null : decode(path, "database name"),
    params,
    secretParams: secrets.filter(([key]) => key !== "password"),
  };
}

/** Where user, password and hosts end: the last `@` decides, so that a raw `/` in a password does no harm. */
function splitAuthority(rest: string): { authority: string; path: string; query: string } {
  let hostsFrom = 0;
  const firstSlash = rest.indexOf("/");
  const at = rest.lastIndexOf("@", firstSlash < 0 ? undefined : firstSlash);
  if (at >= 0) hostsFrom = at + 1;
  else if (firstSlash >= 0) {
    // An `@` only behind the first slash: a raw slash in the password, unless what stands before is host:port.
    const later = rest.slice(0, rest.includes("?") ? rest.indexOf("?") : undefined).lastIndexOf("@");
    if (later > firstSlash && /:(?!\d*$)/.test(rest.slice(0, firstSlash))) hostsFrom = later + 1;
  }
  const tail = rest.slice(hostsFrom);
  const end = tail.search(/[/?]/);
  const authority = rest.slice(0, hostsFrom) + (end < 0 ? tail : tail.slice(0, end));
  const after = end < 0 ? "" : tail.slice(end);
  const question = after.indexOf("?");
  const path = question < 0 ? after : after.slice(0, question);
  return { authority, path: path.replace(/^\//, ""), query: question < 0 ? "" : after.slice(question + 1) };
}

function parseHosts(text: string): Host[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(part);
    if (match === null) {
      throw new DbstashError(
        "has a host that can't be read",
        "an IPv6 address stands in brackets; `@ : / % ?` in a password are written as %40 %3A %2F %25 %3F",
      );
    }
    const port = match[3] === undefined || match[3] === "" ? null : Number(match[3]);
    if (port !== null && (port < 1 || port > 65_535)) throw new DbstashError("has a port outside 1 to 65535");
    return { host: decode(match[1] ?? match[2] ?? "", "host"), port };
  });
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
    if (passwordParams.has(key.toLowerCase())) secrets.push([key.toLowerCase(), new Secret(value)]);
    else params.push([key, value]);
  }
  return { params, secrets };
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DbstashError(
      `has a ${part} with a broken percent escape`,
      "a % that stands for itself is written as %25",
    );
  }
}
