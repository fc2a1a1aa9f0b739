import { DbstashError } from "../errors.ts";
import {
  dayBounds,
  instantsOf,
  offsetsOnEarthMs,
  type OffsetAt,
  readLocal,
  readOffset,
  writeLocal,
  writeOffset,
  zoneOffsets,
} from "./local-time.ts";
import type { EngineName } from "../kinds.ts";

/** The tokens a template may hold, in the order they are told to people. */
const tokens = ["db", "engine", "date", "time", "timestamp", "ts", "uuid"] as const;
export type NameToken = (typeof tokens)[number];

/**
 * What the tokens that change from backup to backup look like. Each has one width for one zone offset,
 * so that a neighbouring token can't be read in two ways.
 */
const variable: Partial<Record<NameToken, string>> = {
  date: "\\d{4}-\\d{2}-\\d{2}",
  time: "\\d{6}",
  timestamp: "\\d{8}T\\d{6}(?:Z|[+-]\\d{4})",
  ts: "\\d{10}",
  uuid: "[0-9a-f]{8}",
};

/** A piece of a template: text as it stands, or a token. */
export type TemplatePart = { readonly literal: string } | { readonly token: NameToken };

/** A checked BACKUP_NAME_TEMPLATE. */
export interface NameTemplate {
  readonly text: string;
  /** The parts between the slashes; the last segment is the name itself, those before it are folders. */
  readonly segments: readonly (readonly TemplatePart[])[];
  readonly hasDb: boolean;
  /** It holds a token from which a point in time can be read; `{time}` alone is none. */
  readonly hasTime: boolean;
  /** Two backups never get the same name. */
  readonly isUnique: boolean;
  /** Only for so long: two backups of one day would have one name. */
  readonly isCoarse: boolean;
}

/**
 * What a name stands for beside a single database: every one of a server in one backup, its roles and tablespaces, or
 * several databases with a backup for each, of which together there is none.
 */
export type NameScope = "all" | "globals" | "several";

/** What a backup is of. */
export interface Subject {
  /** As people know it: the database's name; with a scope `all`, `@globals`, or which databases. */
  readonly database: string;
  /** Left out for one database, whatever its name. */
  readonly scope?: NameScope;
}

/** The roles and tablespaces of a PostgreSQL server. */
export const globals: Subject = { database: "@globals", scope: "globals" };

/** Whose backup a name is. */
export interface NameIdentity extends Subject {
  readonly engine: EngineName;
}

/** What it takes to read a name: whose it is, its exact extension (with the dot, or empty), and the zone of local times. */
export interface NameContext extends NameIdentity {
  readonly extension: string;
  readonly timeZone: string;
}

/** The time a name tells; both null when its template has no time token. */
export interface NameReading {
  /** The backup's time; for a lone `{date}` the first instant of that local day. */
  readonly timeMs: number | null;
  /** The last moment the name can stand for; later than `timeMs` only for a lone `{date}`: that day's last second. */
  readonly latestMs: number | null;
}

/** Checks a template. @throws DbstashError with what is wrong, as the rest of a sentence that names the setting */
export function compileTemplate(text: string): NameTemplate {
  const fail = (problem: string, hint?: string): never => {
    throw new DbstashError(problem, hint);
  };
  if (text.trim() === "") fail("is empty");
  if (/\p{Cc}/u.test(text)) fail("holds a control character");
  if (text.startsWith("/")) fail("is an absolute path", "names are made below the remote's path");
  if (text.endsWith("/")) fail("ends with a slash, so the backup itself has no name");
  const segments = text.split("/").map((segment) => {
    if (segment === "") fail("has an empty path segment");
    if (segment === "." || segment === "..") fail(`has the path segment ${JSON.stringify(segment)}`);
    return segment
      .split(/(\{[^{}]*\})/)
      .filter((piece) => piece !== "")
      .map((piece): TemplatePart => {
        const name = /^\{(.*)\}$/.exec(piece)?.[1];
        if (name === undefined)
          return /[{}]/.test(piece) ? fail("has unbalanced braces") : { literal: piece };
        const token = tokens.find((known) => known === name);
        const known = tokens.map((each) => `{${each}}`).join(" ");
        return token === undefined
          ? fail(`has the unknown token {${name}}`, `known tokens: ${known}`)
          : { token };
      });
  });
  const used = new Set(segments.flat().map((part) => ("token" in part ? part.token : null)));
  const hasTime = used.has("timestamp") || used.has("ts") || used.has("date");
  const isFine =
    used.has("timestamp") || used.has("ts") || used.has("uuid") || (used.has("date") && used.has("time"));
  return {
    text,
    segments,
    hasDb: used.has("db"),
    hasTime,
    isUnique: hasTime || isFine,
    isCoarse: hasTime && !isFine,
  };
}

/** What `{db}` shows of what a backup is of: never the same for two of them, so that it serves as a key, too. */
export function subjectText({ database, scope }: Subject): string {
  if (scope === undefined) return encodeDatabase(database);
  return scope === "several" ? `@(${encodeDatabase(database)})` : scopeTexts[scope];
}

const scopeTexts = { all: "all", globals: globals.database } as const;

/** What a text of `{db}` stands for; null where it is none that `subjectText` writes. */
export function readSubject(text: string): Subject | null {
  if (text === scopeTexts.globals) return globals;
  if (text === scopeTexts.all) return { database: text, scope: "all" };
  const database = decodeDatabase(text);
  return database === null ? null : { database };
}

/**
 * A database's name as `{db}` shows it: safe as a file name on every remote, and never the same for two databases.
 * Percent-encoded as UTF-8: what path syntax or Windows-like file systems give a meaning (`/ \ : * ? " < > | %`),
 * control characters, a leading dot (hidden, or a staged name), `~`, `-` or blank, a trailing dot or blank; and what
 * stands for something else than a database: a leading `@`, and the name `all`.
 */
export function encodeDatabase(database: string): string {
  if (database === "") return "%";
  return database.replace(/[/\\:*?"<>|%\p{Cc}]|^[-.~ @]|[. ]$|^a(?=ll$)/gu, (character) =>
    [...new TextEncoder().encode(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}

/** The database whose name is encoded like this; null for none. */
export function decodeDatabase(text: string): string | null {
  try {
    const database = text === "%" ? "" : decodeURIComponent(text);
    return encodeDatabase(database) === text ? database : null;
  } catch {
    // A percent sign without two digits behind it, or bytes that are not UTF-8.
    return null;
  }
}

/** Eight hex digits for `{uuid}` from four random bytes or more. */
export function newUuid(random: Uint8Array): string {
  return random.subarray(0, 4).toHex();
}

/** The name of a new backup without its extension; it may hold slashes. `uuid`: eight hex digits. */
export function formatName(
  template: NameTemplate,
  values: NameIdentity & { readonly now: Date; readonly timeZone: string; readonly uuid: string },
): string {
  const timeMs = values.now.getTime();
  const offsetMs = zoneOffsets(values.timeZone)(timeMs);
  const { date, time } = writeLocal(timeMs + offsetMs);
  const texts: Record<NameToken, string> = {
    db: subjectText(values),
    engine: values.engine,
    date,
    time,
    timestamp: `${date.replaceAll("-", "")}T${time}${writeOffset(offsetMs)}`,
    ts: String(Math.floor(timeMs / 1000)).padStart(10, "0"),
    uuid: values.uuid,
  };
  return template.segments
    .map((segment) => segment.map((part) => ("literal" in part ? part.literal : texts[part.token])).join(""))
    .join("/");
}

/**
 * Reads names (with their extension) by the very parts that `formatName` writes. Null: this template could not have
 * written that name for exactly this database, engine and extension. Tokens that tell the time twice must agree.
 * A local time that occurs twice is read as the later one; one that never occurs is no match.
 * A zone changed since does not matter where the name itself tells the offset or Unix seconds.
 */
export function nameReader(
  template: NameTemplate,
  context: NameContext,
): (name: string) => NameReading | null {
  const offsetAt = zoneOffsets(context.timeZone);
  const whole = patternOf(template, context, RegExp.escape(subjectText(context)));
  return (name) => {
    const match = whole.exec(name);
    return match === null ? null : readTime(match.groups ?? {}, offsetAt);
  };
}

/** What it takes to read names of whatever database. */
export type AnyNameContext = Omit<NameContext, "database" | "scope">;

/**
 * Reads of names what they are backups of. Null: this template could not have written that name for this engine and
 * extension; so too without `{db}`, of which nothing is told.
 */
export function subjectReader(
  template: NameTemplate,
  context: AnyNameContext,
): (name: string) => Subject | null {
  const offsetAt = zoneOffsets(context.timeZone);
  const whole = patternOf(template, context, "[^/]+");
  return (name) => {
    const groups = whole.exec(name)?.groups ?? {};
    return readTime(groups, offsetAt) === null ? null : readSubject(groups["db"] ?? "");
  };
}

/** Names of a template, with each token that tells something as a group. @param db what `{db}` looks like */
function patternOf(template: NameTemplate, context: AnyNameContext, db: string): RegExp {
  const seen = new Set<NameToken>();
  const pattern = (part: TemplatePart): string => {
    if ("literal" in part) return RegExp.escape(part.literal);
    if (part.token === "engine") return RegExp.escape(context.engine);
    if (seen.has(part.token)) return `\\k<${part.token}>`;
    seen.add(part.token);
    return `(?<${part.token}>${part.token === "db" ? db : variable[part.token]})`;
  };
  const stem = template.segments.map((segment) => segment.map(pattern).join("")).join("/");
  return new RegExp(`^${stem}${RegExp.escape(context.extension)}$`, "u");
}

function readTime(
  { date, time, timestamp, ts }: Partial<Record<string, string>>,
  offsetAt: OffsetAt,
): NameReading | null {
  const exactly = (timeMs: number): NameReading => ({ timeMs, latestMs: timeMs });
  const agrees = (localMs: number): boolean => {
    const local = writeLocal(localMs);
    return (date ?? local.date) === local.date && (time ?? local.time) === local.time;
  };
  if (timestamp !== undefined) {
    const [day, clock] = [timestamp.slice(0, 8), timestamp.slice(9, 15)];
    const localMs = readLocal({ date: day.replace(/^(....)(..)/, "$1-$2-"), time: clock });
    const offsetMs = readOffset(timestamp.slice(15));
    if (localMs === null || offsetMs === null || !agrees(localMs)) return null;
    const timeMs = localMs - offsetMs;
    return ts === undefined || Number(ts) * 1000 === timeMs ? exactly(timeMs) : null;
  }
  if (ts !== undefined) {
    const timeMs = Number(ts) * 1000;
    return offsetsOnEarthMs.some((offsetMs) => agrees(timeMs + offsetMs)) ? exactly(timeMs) : null;
  }
  const localMs = readLocal({ date: date ?? "2000-01-01", time: time ?? "000000" });
  if (localMs === null) return null;
  if (date === undefined) return { timeMs: null, latestMs: null };
  if (time === undefined) {
    const day = dayBounds(localMs, offsetAt);
    return day && { timeMs: day.firstMs, latestMs: day.lastMs };
  }
  const instants = instantsOf(localMs, offsetAt);
  return instants.length === 0 ? null : exactly(Math.max(...instants));
}
