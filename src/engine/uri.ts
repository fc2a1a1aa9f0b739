import { DbstashError } from "../errors.ts";
import { schemeMeantBy } from "./driver-schemes.ts";

/** The parts of a database URI as they stand in it, nothing decoded. */
export interface UriParts {
  /** Lower case. */
  readonly scheme: string;
  /** Before the `@`; null without one. */
  readonly userInfo: string | null;
  readonly hosts: string;
  /** Without its leading slash. */
  readonly path: string;
  /** Without its leading question mark. */
  readonly query: string;
}

const escapesHint =
  "in a user name or password `@ : / ? %` are written as %40 %3A %2F %3F %25; an IPv6 address stands in brackets";

/** One host as RFC 3986 and libpq write it: a name, an IPv4 address, an escaped path, or an IPv6 address in brackets. */
export const hostPattern = /^(?:\[([0-9A-Fa-f:.]+(?:%[^\]]+)?)\]|([^:[\]@\s]*))(?::(\d*))?$/;

/** How a unix socket is named, whose path no URI of every driver's holds in the same place. */
export const socketHint =
  "a unix socket is named by DB_HOST (--db-host) instead, as in DB_HOST=/path/to/the.sock, and a login by DB_USER and DB_PASSWORD";

/** libpq's keywords, ADO.NET's and PDO's, and the form of Go's MySQL driver. */
const otherForms = /^\s*([a-z]+:)?[a-z][a-z _-]*=|(^|@)\s*(tcp6?|unix)\(|,\s*(password|ssl)=/i;

/**
 * What is wrong with a text that does not begin as a URI.
 * @param schemes those that are wanted, the usual one first
 */
function schemeless(text: string, schemes: readonly string[]): DbstashError {
  if (text.trim() === "") return new DbstashError("is empty");
  const java = /^\s*jdbc:([a-z][\w:+-]*?):?\/\//i.exec(text)?.[1]?.toLowerCase();
  if (/^\s*jdbc:/i.test(text)) {
    const meant = java === undefined ? null : schemeMeantBy(java, schemes);
    return new DbstashError(
      "begins with jdbc:, which is Java's alone",
      `write it without jdbc: in front${meant === null ? "" : `, so that it begins with ${meant}://`}`,
    );
  }
  const [usual] = schemes;
  if (usual === undefined) return new DbstashError("has no scheme");
  const begin = schemes.map((scheme) => `${scheme}://`).join(" or ");
  return new DbstashError(
    `has no scheme such as ${usual}://`,
    surroundedHint(text, schemes) ?? formHint(text, usual) ?? `it begins with ${begin}`,
  );
}

/** A URI with a command or a variable's name in front of it; null for anything else. */
function surroundedHint(text: string, schemes: readonly string[]): string | null {
  const scheme = schemes.find((each) => new RegExp(`[\\s"'=]${RegExp.escape(each)}://`, "i").test(text));
  return scheme === undefined ? null : `write the URI alone, from ${scheme}:// on and without quotes`;
}

/** What to write instead of what other programs take; null where it is none of that. */
function formHint(text: string, scheme: string): string | null {
  if (/^\s*(unix:)?\/|(^|@)\s*unix\(/i.test(text)) return socketHint;
  if (!otherForms.test(text)) return null;
  const path = scheme === "redis" ? "" : "/database";
  return `as a URI it is ${scheme}://user:password@host:port${path}?parameter=value&…, with \`@ : / ? %\` of a user name or password as %40 %3A %2F %3F %25`;
}

/**
 * Splits a database URI. Raw `@`, and raw `/` and `?` in a password, are taken where they leave one reading alone:
 * people write them, and `new URL` refuses them, as it does several hosts with ports.
 * @param schemes those that are wanted, for the message; another one is read all the same
 * @throws DbstashError that never quotes the URI, since what is malformed may be the password.
 */
export function splitUri(uri: string, schemes: readonly string[] = []): UriParts {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1];
  if (scheme === undefined) throw schemeless(uri, schemes);
  if (/^(unix|[a-z]+\+(unix|socket))$/i.test(scheme))
    throw new DbstashError(`begins with ${scheme.toLowerCase()}://, which names a unix socket`, socketHint);
  const rest = uri.slice(scheme.length + 3);
  const hostsFrom = userInfoEnd(rest);
  const tail = rest.slice(hostsFrom);
  const hosts = /^[^/?]*/.exec(tail)?.[0] ?? "";
  const after = tail.slice(hosts.length);
  const question = after.indexOf("?");
  const path = (question < 0 ? after : after.slice(0, question)).replace(/^\//, "");
  const query = question < 0 ? "" : after.slice(question + 1);
  // Behind a path a query may hold an `@` (Azure's MongoDB URIs do); right behind the hosts it may end a password.
  if (path.includes("@") || (question === 0 && query.includes("@")))
    throw unreadable("has more than one reading, since an @ stands behind a / or ?");
  // Drivers differ over what such a text asks for, and a wish for TLS in it would be lost.
  if (/[;&]\s*[A-Za-z][\w.-]*=/.test(path) || /[?;]\s*[A-Za-z][\w.-]*=/.test(query))
    throw new DbstashError(
      "has a parameter that does not stand behind the first ? or an &",
      "write ? before the first parameter and & between parameters; in a name or a value `? ; &` are written as %3F %3B %26",
    );
  return {
    scheme: scheme.toLowerCase(),
    userInfo: hostsFrom === 0 ? null : rest.slice(0, hostsFrom - 1),
    hosts,
    path,
    query,
  };
}

/** Where the hosts begin: behind the last `@` that can end the user part, at 0 without one. */
function userInfoEnd(rest: string): number {
  const head = /^[^/?]*/.exec(rest)?.[0] ?? "";
  if (head.includes("@")) return head.lastIndexOf("@") + 1;
  const at = rest.indexOf("@");
  // Hosts, and the `@` belongs to what follows them.
  if (at < 0 || head.split(",").every((host) => hostPattern.test(host))) return 0;
  if (rest.indexOf("@", at + 1) >= 0) throw unreadable("has more than one reading, since it holds several @");
  return at + 1;
}

/** A refusal with the advice that mends most of them. */
export function unreadable(message: string): DbstashError {
  return new DbstashError(message, escapesHint);
}
