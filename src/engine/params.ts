import type { Problem } from "../errors.ts";
import type { Connection } from "./endpoint.ts";

/** How much TLS a connection has, the weakest first: `ca` checks who signed the certificate, `full` the name in it too. */
export const tlsLevels = ["off", "allow", "prefer", "require", "ca", "full"] as const;
export type TlsLevel = (typeof tlsLevels)[number];

/** What a parameter of a URI asks of a dump tool. One without any of these is harmless, and left out without a word. */
export interface Meaning {
  /** Options of the tool, by its own names. */
  readonly sets?: Readonly<Record<string, string>>;
  /** TLS of at least so much. */
  readonly least?: TlsLevel;
  /** TLS of no more than that. */
  readonly most?: TlsLevel;
  /** Goes on behind `the parameter NAME`. */
  readonly warning?: string;
  /** Goes on behind the parameter's name: it can't be honoured. */
  readonly problem?: string;
  readonly hint?: string;
}

/**
 * One row of a table: names as `fold` makes them, with blanks between and perhaps a `*` at an end, and what a parameter
 * of such a name means. The first row wins.
 */
export type ParamRow = readonly [names: string, meaning: Meaning | ReadMeaning];

/** Reads a value. @param key as the user wrote it */
export type ReadMeaning = (value: string, connection: Connection, key: string) => Meaning;

/** The parameters that one family of tools understands. */
export interface ParamTable {
  /** As messages name it: `pg_dump`. */
  readonly tool: string;
  readonly rows: readonly ParamRow[];
  /** What to write instead of a parameter of security that is not understood. */
  readonly instead: string;
}

/** An option of the tool, and the parameter it comes from. */
export interface Setting {
  readonly key: string;
  /** May be a secret. */
  readonly value: string;
}

/** All that a URI's parameters ask for. */
export interface ParamReading {
  readonly options: ReadonlyMap<string, Setting>;
  /** Null: left to the tool. */
  readonly tls: TlsLevel | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** `ssl-mode`, `ssl_mode` and `sslMode` are one parameter in three drivers. */
export function fold(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, "");
}

/** Names that speak of security, where no table knows them. */
const secureName =
  /ssl|tls|cert|verif|secure|auth|encrypt|trust|keystore|cipher|kerberos|krb|gss|peer|binding|pkcs|pem|iam|token|cleartext|ssh|proxy|rsa|publickey|passw|passphrase|secret|^(ca|key|sni)$/;

/** Values that do. */
const secureValue = /ssl|tls|cert|verify|secure|auth|encrypt/i;

/**
 * Reads the parameters of a URI, secret ones among them, by a family's table. What is not in it is left out with a
 * warning, unless its name or value speaks of security: a wish for security that is not understood is a problem. No
 * sentence quotes a value.
 */
export function readParams(connection: Connection, table: ParamTable): ParamReading {
  const options = new Map<string, Setting>();
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const refuse = (message: string, hint?: string): void =>
    void problems.push({ message: `${uriSetting}: ${message}`, ...(hint === undefined ? {} : { hint }) });
  let least: Bound | null = null;
  let most: Bound | null = null;
  for (const { key, value } of allParams(connection)) {
    const meaning = meaningOf(key, value, connection, table);
    if (meaning.problem !== undefined) refuse(`${key} ${meaning.problem}`, meaning.hint);
    if (meaning.warning !== undefined)
      warnings.push(`${uriSetting}: the parameter ${key} ${meaning.warning}`);
    for (const [option, text] of Object.entries(meaning.sets ?? {})) {
      const other = options.get(option);
      if (other === undefined) options.set(option, { key, value: text });
      else if (other.value !== text) refuse(`${other.key} and ${key} contradict each other`, keepOne);
    }
    least = meaning.least === undefined ? least : higher(least, { key, rank: rankOf(meaning.least) });
    most = meaning.most === undefined ? most : lower(most, { key, rank: rankOf(meaning.most) });
  }
  if (least !== null && most !== null && least.rank > most.rank)
    refuse(`${least.key} asks for more TLS than ${most.key} allows`, keepOne);
  const level = tlsLevels[least?.rank ?? (most?.rank === 0 ? 0 : -1)] ?? null;
  return { options, tls: level, problems, warnings };
}

/** How messages name the URI. */
export const uriSetting = "DB_URI (--db-uri)";

const keepOne = "keep the one that is meant";

/** How far TLS goes at least, or at most, and the parameter that says so. */
interface Bound {
  readonly key: string;
  readonly rank: number;
}

function rankOf(level: TlsLevel): number {
  return tlsLevels.indexOf(level);
}

function higher(known: Bound | null, other: Bound): Bound {
  return known === null || other.rank > known.rank ? other : known;
}

function lower(known: Bound | null, other: Bound): Bound {
  return known === null || other.rank < known.rank ? other : known;
}

/** Every parameter of a URI, in clear. */
function allParams({ params, secretParams }: Connection): Setting[] {
  return [
    ...params.map(([key, value]) => ({ key, value })),
    ...secretParams.map(([key, secret]) => ({ key, value: secret.reveal() })),
  ];
}

function meaningOf(key: string, value: string, connection: Connection, table: ParamTable): Meaning {
  const name = fold(key);
  const row = table.rows.find(([names]) => names.split(/\s+/).some((known) => isNamed(name, known)));
  if (row !== undefined) return typeof row[1] === "function" ? row[1](value, connection, key) : row[1];
  if (!secureName.test(name) && !secureValue.test(value))
    return { warning: `is unknown to ${table.tool} and is left out` };
  return {
    problem: `is unknown to ${table.tool}, and it speaks of security, so it is not left out`,
    hint: table.instead,
  };
}

function isNamed(name: string, known: string): boolean {
  if (known === "") return false;
  return known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known;
}

/** The value of a parameter of this folded name, in clear; null where the URI has none. */
export function paramOf(connection: Connection, name: string): string | null {
  return allParams(connection).find(({ key }) => fold(key) === name)?.value ?? null;
}
