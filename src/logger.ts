import { type ConsolaReporter, createConsola, type LogObject } from "consola/core";
import { type Redact, visible } from "./config/secret.ts";
import { type Problem, shown } from "./errors.ts";

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
  readonly format: "json" | "text";
  readonly fields: Fields;
  readonly redact: Redact;
  readonly now: () => Date;
  /** Takes one finished line, without its end. */
  readonly write: (line: string) => void;
  readonly colour: boolean;
}

const consolaLevels = { error: 0, warn: 1, info: 3, debug: 4 } as const;

/** A logger over consola, with reporters of our own: consola's print no time and look at the environment. */
export function createLogger(options: LoggerOptions): Logger {
  const reporter: ConsolaReporter = {
    log: (entry) =>
      options.write(options.format === "json" ? asJson(entry, options) : asText(entry, options)),
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

function asJson(entry: LogObject, { redact, now }: LoggerOptions): string {
  const { message, fields } = partsOf(entry, redact);
  return JSON.stringify({ time: now().toISOString(), level: entry.type, msg: message, ...fields });
}

function asText(entry: LogObject, { redact, now, colour }: LoggerOptions): string {
  const { message, fields } = partsOf(entry, redact);
  const level = entry.type.toUpperCase().padEnd(5);
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${quoted(String(value))}`);
  const paint = colour ? (colours[entry.type as LogLevel] ?? "") : "";
  return [now().toISOString(), paint === "" ? level : `${paint}${level}\x1b[0m`, message, ...shown].join(" ");
}

const colours: Record<LogLevel, string> = {
  debug: "\x1b[2m",
  info: "\x1b[32m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};

/** Fields of foreign text; the others are names, paths and numbers of our own making, which redaction would maim. */
const foreign = new Set(["error", "output", "value", "command"]);

function partsOf(entry: LogObject, redact: Redact): { message: string; fields: Fields } {
  const [message, fields] = entry.args as [string, Fields];
  const clean = Object.entries(fields).map(([key, value]) => [key, cleaned(key, value, redact)]);
  return { message: visible(message), fields: Object.fromEntries(clean) as Fields };
}

function cleaned(key: string, value: Fields[string], redact: Redact): Fields[string] {
  if (typeof value === "object" && value !== null) return shown(value, redact).message;
  return typeof value === "string" ? (foreign.has(key) ? redact(value) : visible(value)) : value;
}

function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
