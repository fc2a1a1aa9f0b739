import { type ConsolaReporter, createConsola, type LogObject } from "consola/core";
import { type Redact, visible } from "./config/secret.ts";
import { type Problem, shown } from "./errors.ts";
import { humanBytes, humanDuration } from "./human.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a line carries besides its sentence. Names are `snake_case`, as monitoring systems have them. */
export type Fields = Readonly<Record<string, string | number | boolean | null | Problem>>;

/**
 * Writes one line an event. The message is a sentence of ours and stands as it is; fields of foreign text pass the
 * redactor, and of a problem the foreign words do.
 */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger whose lines carry these fields, too. */
  with(fields: Fields): Logger;
}

/** How a logger writes. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** `short` is for people at a terminal: time of day, level and words, without ids and numbers for machines. */
  readonly format: "json" | "text" | "short";
  readonly fields: Fields;
  readonly redact: Redact;
  readonly now: () => Date;
  /** A moment as RFC 3339 writes it, in the zone of the log; in UTC when left out. */
  readonly localTime?: (at: Date) => string;
  /** Takes one finished line, without its end. */
  readonly write: (line: string) => void;
  readonly colour: boolean;
}

const consolaLevels = { error: 0, warn: 1, info: 3, debug: 4 } as const;

/** A logger over consola, with reporters of our own: consola's print no time and look at the environment. */
export function createLogger(options: LoggerOptions): Logger {
  const reporter: ConsolaReporter = {
    log: (entry) => options.write(formats[options.format](entry, options)),
  };
  const consola = createConsola({
    level: consolaLevels[options.level],
    throttle: 0,
    reporters: [reporter],
    formatOptions: { date: false },
  });
  const line = (level: LogLevel, fields: Fields) => (message: string, more?: Fields) =>
    consola[level](message, { ...fields, ...more });
  const make = (fields: Fields): Logger => ({
    debug: line("debug", fields),
    info: line("info", fields),
    warn: line("warn", fields),
    error: line("error", fields),
    with: (more) => make({ ...fields, ...more }),
  });
  return make(options.fields);
}

function asJson(entry: LogObject, options: LoggerOptions): string {
  const { message, fields } = partsOf(entry, options.redact);
  return JSON.stringify({ time: timeOf(options), level: entry.type, msg: message, ...fields });
}

function asText(entry: LogObject, options: LoggerOptions): string {
  const { message, fields } = partsOf(entry, options.redact);
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${quoted(String(value))}`);
  return [timeOf(options), levelOf(entry, options), message, ...shown].join(" ");
}

function asShort(entry: LogObject, options: LoggerOptions): string {
  const { message, fields } = partsOf(entry, options.redact);
  return `${timeOf(options).slice(11, 19)} ${levelOf(entry, options)} ${message}${inWords(fields, options.fields)}`;
}

const formats = { json: asJson, text: asText, short: asShort } as const;

function levelOf(entry: LogObject, { colour }: LoggerOptions): string {
  const level = entry.type.toUpperCase().padEnd(5);
  const paint = colour ? (colours[entry.type as LogLevel] ?? "") : "";
  return paint === "" ? level : `${paint}${level}\x1b[0m`;
}

function timeOf({ now, localTime = (at) => at.toISOString() }: LoggerOptions): string {
  return localTime(now());
}

const colours: Record<LogLevel, string> = {
  debug: "\x1b[2m",
  info: "\x1b[32m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};

/** What only machines want, or what the sentence says already. */
const unsaid = new Set(["backup_id", "status", "duration_ms", "bytes", "error", "hint"]);

/** Values that say by themselves what they are. */
const bare = new Set(["file", "folder", "remote_path", "output", "command"]);

/**
 * Fields as people read them: `: /backups/shop.sql, 26.9 MiB in 0.9 s: connection refused (try again)`.
 * @param common what every line carries, which says nothing new
 */
function inWords(fields: Readonly<Record<string, Shown>>, common: Fields): string {
  const parts = Object.entries(fields).flatMap(([key, value]) => {
    if (unsaid.has(key) || value === null || value === common[key]) return [];
    if (key === "exit_code" && (value === 0 || value === 1)) return [];
    // Those of a stored backup stand in the line; those of a failure in lines before it.
    if (key === "warnings" && fields["status"] !== "failure") return [];
    const text = typeof value === "string" ? withoutMs(value) : String(value);
    return bare.has(key) ? text : `${key.replaceAll("_", " ")} ${text}`;
  });
  const { bytes, duration_ms: durationMs, error, hint } = fields;
  const size = typeof bytes === "number" ? humanBytes(bytes) : "";
  const time = typeof durationMs === "number" ? `in ${shortDuration(durationMs)}` : "";
  const amount = [size, time].filter((words) => words !== "").join(" ");
  const said = [...parts, ...(amount === "" ? [] : [amount])].join(", ");
  const because = typeof error === "string" ? `: ${error}` : "";
  const advice = typeof hint === "string" ? ` (${hint})` : "";
  return `${said === "" ? "" : `: ${said}`}${because}${advice}`;
}

/** A time without what is smaller than a second, and with a blank in it. */
function withoutMs(text: string): string {
  return text.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d{3}(Z|[+-]\d\d:\d\d)$/, "$1 $2 $3");
}

/** Below a minute always in seconds: lines under each other are compared. */
function shortDuration(ms: number): string {
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : humanDuration(ms);
}

/** Fields of foreign text; the others are names, paths and numbers of our own making, which redaction would maim. */
const foreign = new Set(["error", "output", "value", "command"]);

type Shown = string | number | boolean | null;

function partsOf(entry: LogObject, redact: Redact): { message: string; fields: Record<string, Shown> } {
  const [message, fields] = entry.args as [string, Fields];
  const clean = Object.entries(fields).map(([key, value]) => [key, cleaned(key, value, redact)] as const);
  return { message: visible(message), fields: Object.fromEntries(clean) };
}

function cleaned(key: string, value: Fields[string], redact: Redact): Shown {
  if (typeof value === "object" && value !== null) return shown(value, redact).message;
  return typeof value === "string" ? (foreign.has(key) ? redact(value) : visible(value)) : value;
}

function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
