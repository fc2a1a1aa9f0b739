import { compileTemplate } from "../catalog/naming.ts";
import { DbstashError } from "../errors.ts";
import { backupModes, type Compression, type EngineName, type Verification, engineNames } from "../kinds.ts";
import { parseSchedule } from "./schedule.ts";
import { parseSelection } from "./selection.ts";
import {
  address,
  base64Text,
  boolean,
  durationMs,
  oneOf,
  type Parser,
  parsed,
  secretText,
  secretWords,
  splitPrefix,
  text,
  umask,
  wholeNumber,
  isConfigPath,
} from "./values.ts";
import { readText, type TextKind } from "./reading.ts";
import { recipientsOf, refuseIdentity } from "./recipients.ts";
import { checkedFlags, splitWords } from "./words.ts";
import { parseTimeZone } from "./zone.ts";

/** Headings under which help and README show the settings, in this order. */
export const groups = [
  "Database",
  "Remote",
  "Backup",
  "Retention",
  "Notification",
  "Hooks",
  "Health",
  "Logging",
] as const;

/** Where a symbolic link leads; null for what is none. */
export type ReadLink = (path: string) => string | null;

interface Row<T> {
  readonly variable: string;
  /** Another name the variable, and its flag, may have. */
  readonly alias?: string;
  readonly group: (typeof groups)[number];
  readonly help: string;
  /** Shown in place of `default` where the default is computed. */
  readonly shownDefault?: string;
  /** Never shown in clear. */
  readonly secret?: true;
  /** The secrets in a text of several, where the whole is none; the text itself when left out. */
  readonly secretsIn?: (text: string) => readonly string[];
  /** `<variable>_FILE` names a file that holds the value. */
  readonly file?: true;
  /** Only these engines have it; all when left out. */
  readonly engines?: readonly EngineName[];
  /** What kind of text it is, by which it is read (`reading.ts`). */
  readonly reading: TextKind;
  /** Makes the value of the text that was read. */
  readonly parse: (text: string, readLink: ReadLink) => T;
  /** While a schedule runs the last good value serves where its file can't be read any more. */
  readonly keepsLast?: true;
}

/** A setting that is null unless set. */
export interface OptionalRow<T> extends Row<T> {
  readonly default: null;
}

/** A setting with a default, written as a user would write it. */
export interface DefaultedRow<T> extends Row<T> {
  readonly default: string;
}

function optional<T>(row: Row<T>): OptionalRow<T> {
  return { ...row, default: null };
}

function defaulted<T>(row: Row<T> & { default: string }): DefaultedRow<T> {
  return row;
}

/** Flags of another program. */
function flags(): Parser<readonly string[]> {
  return (text) => checkedFlags(splitWords(text));
}

/** Places, each read as `RCLONE_REMOTE` is. */
function places(): Parser<readonly string[]> {
  return (text) =>
    splitWords(text)
      .map((word) => readText("place", false, word))
      .filter((word) => word !== "");
}

function compression(): Parser<Compression> {
  return parsed("false, true, zstd, zstd:1 to zstd:19, gzip or gzip:1 to gzip:9", (value) => {
    if (/^(false|no|off|0)$/i.test(value)) return { kind: "none" };
    if (/^(true|yes|on|1)$/i.test(value)) return { kind: "native" };
    const match = /^(zstd|gzip)(?::(\d{1,2}))?$/i.exec(value);
    if (match === null) return undefined;
    const kind = match[1]?.toLowerCase() === "zstd" ? "zstd" : "gzip";
    const level = match[2] === undefined ? null : Number(match[2]);
    return level !== null && (level < 1 || level > (kind === "zstd" ? 19 : 9)) ? undefined : { kind, level };
  });
}

function verification(): Parser<Verification> {
  const parse = boolean();
  return parsed("true, false or full (also yes, no, on, off, 1, 0)", (value) => {
    if (value.toLowerCase() === "full") return "full";
    try {
      return parse(value);
    } catch {
      return undefined;
    }
  });
}

function extension(): Parser<string> {
  return parsed("a file extension such as .sql, without a slash or blanks", (value) => {
    if (!/^\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(value)) return undefined;
    return value.startsWith(".") ? value : `.${value}`;
  });
}

/** Whom backups are encrypted to. */
function recipients(): Parser<readonly string[]> {
  return (text) => {
    // Before any other fault is told with a part of it.
    refuseIdentity(text);
    return recipientsOf(splitWords(text));
  };
}

/** A key in place of its file's path is told as that. */
function recipientsPath(): Parser<string> {
  const parse = absolutePath();
  return (text) => {
    refuseIdentity(text);
    if (/^(age1|ssh-)/.test(text))
      throw new DbstashError("holds a recipient, and no path", "a recipient goes into BACKUP_ENCRYPT_TO");
    return parse(text);
  };
}

function absolutePath(): Parser<string> {
  return parsed("an absolute path", (value) =>
    value.startsWith("/") ? value.replace(/(?<=.)\/+$/, "") : undefined,
  );
}

function metricsPath(): Parser<string> {
  return parsed("an absolute path that ends in .prom: no other file is read by node_exporter", (value) =>
    /^\/(.*\/)?[^/]+\.prom$/.test(value) ? value : undefined,
  );
}

/** Every setting, once: parsing, flags, help, README, dry run and redaction all read this table. */
export const options = {
  engine: optional({
    variable: "ENGINE",
    group: "Database",
    help: "only a cross-check: an error unless it is this executable's engine",
    shownDefault: "built in",
    reading: "plain",
    parse: oneOf(engineNames),
  }),
  dbUri: optional({
    variable: "DB_URI",
    group: "Database",
    help: "connection URI; what it leaves out is taken from DB_HOST and the other separate parts",
    secret: true,
    file: true,
    reading: "uri",
    parse: secretText(),
  }),
  dbHost: optional({
    variable: "DB_HOST",
    group: "Database",
    help: "host name or address; a path for a unix socket",
    reading: "path",
    parse: text(),
  }),
  dbPort: optional({
    variable: "DB_PORT",
    group: "Database",
    help: "port",
    shownDefault: "the engine's",
    reading: "plain",
    parse: wholeNumber(1, 65_535),
  }),
  dbName: optional({
    variable: "DB_NAME",
    group: "Database",
    help: "database to back up",
    reading: "plain",
    parse: text(),
  }),
  dbUser: optional({ variable: "DB_USER", group: "Database", help: "user", reading: "plain", parse: text() }),
  dbPassword: optional({
    variable: "DB_PASSWORD",
    group: "Database",
    help: "password",
    secret: true,
    file: true,
    reading: "password",
    parse: secretText(),
  }),
  dbAuthSource: optional({
    variable: "DB_AUTH_SOURCE",
    group: "Database",
    help: "database the user is defined in",
    shownDefault: "admin",
    engines: ["mongo"],
    reading: "plain",
    parse: text(),
  }),
  rcloneRemote: optional({
    variable: "RCLONE_REMOTE",
    group: "Remote",
    help: "where backups go: remote:path, an on-the-fly remote (:s3:bucket/x) or a local folder, which begins with / or ./",
    shownDefault: "required",
    reading: "place",
    parse: text(),
  }),
  rcloneExtraRemotes: optional({
    variable: "RCLONE_EXTRA_REMOTES",
    group: "Remote",
    help: "more places for the same dump, up to five, split as a shell would",
    reading: "words",
    parse: places(),
  }),
  rcloneConfig: optional({
    variable: "RCLONE_CONFIG",
    group: "Remote",
    help: "base64 of an rclone.conf, kept in a private file while dbstash runs; a path is taken as RCLONE_CONFIG_FILE",
    secret: true,
    secretsIn: (given) => (isConfigPath(given) ? [] : [given]),
    reading: "lines",
    parse: base64Text(),
  }),
  rcloneConfigFile: optional({
    variable: "RCLONE_CONFIG_FILE",
    group: "Remote",
    help: "path of an rclone.conf; beats RCLONE_CONFIG",
    shownDefault: "/config/rclone.conf if it exists, else rclone's own",
    reading: "path",
    parse: absolutePath(),
  }),
  rcloneExtraArgs: optional({
    variable: "RCLONE_EXTRA_ARGS",
    group: "Remote",
    help: "extra rclone flags for every rclone call, split as a shell would",
    reading: "words",
    parse: flags(),
  }),
  backupSchedule: defaulted({
    variable: "BACKUP_SCHEDULE",
    group: "Backup",
    help: "cron expression (also with seconds, @daily, L), or once",
    default: "0 2 * * *",
    reading: "schedule",
    parse: parseSchedule,
  }),
  backupMode: defaulted({
    variable: "BACKUP_MODE",
    group: "Backup",
    help: "stream, directory or tar",
    default: "stream",
    reading: "plain",
    parse: oneOf(backupModes),
  }),
  backupNameTemplate: defaulted({
    variable: "BACKUP_NAME_TEMPLATE",
    group: "Backup",
    help: "name of a backup: {db} {engine} {date} {time} {timestamp} {ts} {uuid}; may contain /",
    default: "{db}-{timestamp}",
    reading: "template",
    parse: compileTemplate,
  }),
  backupCompress: defaulted({
    variable: "BACKUP_COMPRESS",
    group: "Backup",
    help: "true: the dump tool's own; zstd or gzip, also zstd:7: in the pipe; in directory mode only what the tool can",
    default: "false",
    reading: "plain",
    parse: compression(),
  }),
  backupExtension: optional({
    variable: "BACKUP_EXTENSION",
    group: "Backup",
    help: "extension of the backup's name, before .zst or .gz, and .age",
    shownDefault: "by engine and mode",
    reading: "plain",
    parse: extension(),
  }),
  backupDatabases: optional({
    variable: "BACKUP_DATABASES",
    group: "Backup",
    help: "several databases, each a backup of its own: names and patterns, !name to leave out, @globals for PostgreSQL's roles; not for redis",
    reading: "words",
    parse: parseSelection,
  }),
  backupParallel: defaulted({
    variable: "BACKUP_PARALLEL",
    group: "Backup",
    help: "how many of BACKUP_DATABASES at once, 1 to 16",
    default: "1",
    reading: "plain",
    parse: wholeNumber(1, 16),
  }),
  backupEncryptTo: optional({
    variable: "BACKUP_ENCRYPT_TO",
    group: "Backup",
    help: "encrypt to these public keys by age: age1…, or an SSH key in quotes; split as a shell would",
    reading: "words",
    parse: recipients(),
  }),
  backupEncryptToFile: optional({
    variable: "BACKUP_ENCRYPT_TO_FILE",
    group: "Backup",
    help: "the same from a file, one a line; with both set, to all of them",
    reading: "path",
    parse: recipientsPath(),
  }),
  backupAllDatabases: defaulted({
    variable: "BACKUP_ALL_DATABASES",
    alias: "BACKUP_ALL_DBS",
    group: "Backup",
    help: "back up every database of the server; excludes DB_NAME",
    default: "false",
    reading: "plain",
    parse: boolean(),
  }),
  backupRetries: defaulted({
    variable: "BACKUP_RETRIES",
    group: "Backup",
    help: "how often a failed backup is tried again in the same run; not after a refused login",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0, 100),
  }),
  backupRetryDelay: defaulted({
    variable: "BACKUP_RETRY_DELAY",
    group: "Backup",
    help: "how long to wait before such a try",
    default: "1m",
    reading: "plain",
    parse: durationMs(),
  }),
  backupOnStart: defaulted({
    variable: "BACKUP_ON_START",
    group: "Backup",
    help: "one run at once, then by the schedule; not where a backup of the last ten minutes stands in each place that answers",
    default: "false",
    reading: "plain",
    parse: boolean(),
  }),
  backupTimeout: defaulted({
    variable: "BACKUP_TIMEOUT",
    group: "Backup",
    help: "limit of a whole run, such as 1h30m; 0 for none",
    default: "0",
    reading: "plain",
    parse: durationMs(),
  }),
  backupStallTimeout: defaulted({
    variable: "BACKUP_STALL_TIMEOUT",
    group: "Backup",
    help: "a run fails when not one byte has moved for this long; 0 for never",
    default: "30m",
    reading: "plain",
    parse: durationMs(),
  }),
  backupLock: defaulted({
    variable: "BACKUP_LOCK",
    group: "Backup",
    help: "no two runs of the same job at once, also of different processes",
    default: "true",
    reading: "plain",
    parse: boolean(),
  }),
  backupUmask: defaulted({
    variable: "BACKUP_UMASK",
    group: "Backup",
    help: "umask, in octal, of the work folder and of what rclone makes on a local remote",
    default: "077",
    reading: "plain",
    parse: umask(),
  }),
  backupTempDir: defaulted({
    variable: "BACKUP_TEMP_DIR",
    group: "Backup",
    help: "work folder of directory and tar modes",
    default: "/tmp/dbstash-work",
    reading: "path",
    parse: absolutePath(),
  }),
  backupVerify: defaulted({
    variable: "BACKUP_VERIFY",
    group: "Backup",
    help: "true: check size and end of the stored backup, read back from the remote; full: read all of it back and take it apart",
    default: "true",
    reading: "plain",
    parse: verification(),
  }),
  backupMinPercent: defaulted({
    variable: "BACKUP_MIN_PERCENT",
    group: "Backup",
    help: "warn of a backup smaller than so many percent of the median of up to five before it, and remove nothing then; 0 for never",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0, 100),
  }),
  dumpExtraArgs: optional({
    variable: "DUMP_EXTRA_ARGS",
    group: "Backup",
    help: "extra flags for the dump tool, split as a shell would",
    reading: "words",
    parse: flags(),
  }),
  dryRun: defaulted({
    variable: "DRY_RUN",
    group: "Backup",
    help: "show settings, command and target; run nothing",
    default: "false",
    reading: "plain",
    parse: boolean(),
  }),
  tz: defaulted({
    variable: "TZ",
    group: "Backup",
    help: "IANA time zone of the schedule, of names, of retention by calendar and of the log",
    default: "UTC",
    reading: "plain",
    parse: parseTimeZone,
  }),
  retentionMaxFiles: defaulted({
    variable: "RETENTION_MAX_FILES",
    group: "Retention",
    help: "keep at most this many backups; 0 for all",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  retentionMaxDays: defaulted({
    variable: "RETENTION_MAX_DAYS",
    group: "Retention",
    help: "remove backups older than this many days; 0 for never",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  retentionMinFiles: defaulted({
    variable: "RETENTION_MIN_FILES",
    group: "Retention",
    help: "so many of the newest stay, however old they are",
    default: "1",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  retentionKeepLast: defaulted({
    variable: "RETENTION_KEEP_LAST",
    group: "Retention",
    help: "by calendar: keep this many of the newest; with any RETENTION_KEEP_ what none of them keeps is removed",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  retentionKeepHourly: defaulted({
    variable: "RETENTION_KEEP_HOURLY",
    group: "Retention",
    help: "keep the newest of each of the last so many hours that have one",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  retentionKeepDaily: defaulted({
    variable: "RETENTION_KEEP_DAILY",
    group: "Retention",
    help: "the same by days, in the zone TZ",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  retentionKeepWeekly: defaulted({
    variable: "RETENTION_KEEP_WEEKLY",
    group: "Retention",
    help: "the same by weeks, from Monday on",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  retentionKeepMonthly: defaulted({
    variable: "RETENTION_KEEP_MONTHLY",
    group: "Retention",
    help: "the same by months",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  retentionKeepYearly: defaulted({
    variable: "RETENTION_KEEP_YEARLY",
    group: "Retention",
    help: "the same by years",
    default: "0",
    reading: "plain",
    parse: wholeNumber(0),
  }),
  notifyWebhookUrl: optional({
    variable: "NOTIFY_WEBHOOK_URL",
    group: "Notification",
    help: "webhooks to tell, white space between them: Slack, Discord, Telegram, ntfy, Teams; a prefix names the platform: ntfy+https://host/topic",
    secret: true,
    secretsIn: (text) =>
      text
        .trim()
        .split(/\s+/)
        .map((word) => splitPrefix(word).url),
    file: true,
    keepsLast: true,
    reading: "lines",
    parse: secretWords(),
  }),
  notifyOn: defaulted({
    variable: "NOTIFY_ON",
    group: "Notification",
    help: "always, failure or success",
    default: "failure",
    reading: "plain",
    parse: oneOf(["always", "failure", "success"]),
  }),
  pingUrl: optional({
    variable: "PING_URL",
    group: "Notification",
    help: "dead man's switch, told of the start, success and failure of every run: Healthchecks, Uptime Kuma, Cronitor",
    secret: true,
    file: true,
    keepsLast: true,
    reading: "plain",
    parse: secretText(),
  }),
  hookPreBackup: optional({
    variable: "HOOK_PRE_BACKUP",
    group: "Hooks",
    help: "shell command before the dump; when it fails nothing is dumped",
    reading: "shell",
    parse: text(),
  }),
  hookPostBackup: optional({
    variable: "HOOK_POST_BACKUP",
    group: "Hooks",
    help: "shell command after the dump, on success and on failure; sees DBSTASH_STATUS, DBSTASH_FILE and more",
    reading: "shell",
    parse: text(),
  }),
  hookTimeout: defaulted({
    variable: "HOOK_TIMEOUT",
    group: "Hooks",
    help: "limit of each hook, beside BACKUP_TIMEOUT; 0 for none",
    default: "1h",
    reading: "plain",
    parse: durationMs(),
  }),
  healthPort: defaulted({
    variable: "HEALTH_PORT",
    group: "Health",
    help: "port of /healthz, /readyz and /metrics while a schedule runs; 0 for none",
    default: "8080",
    reading: "plain",
    parse: wholeNumber(0, 65_535),
  }),
  healthAddress: optional({
    variable: "HEALTH_ADDRESS",
    group: "Health",
    help: "address of this machine at which that port is opened, such as 127.0.0.1",
    shownDefault: "all",
    reading: "plain",
    parse: address(),
  }),
  statusPage: defaulted({
    variable: "STATUS_PAGE",
    group: "Health",
    help: "a page at / of that port, on which a person sees whether all is well",
    default: "false",
    reading: "plain",
    parse: boolean(),
  }),
  metricsFile: optional({
    variable: "METRICS_FILE",
    group: "Health",
    help: "file that gets the metrics after each run, also of once, for node_exporter's textfile collector; ends in .prom",
    reading: "path",
    parse: metricsPath(),
  }),
  logLevel: defaulted({
    variable: "LOG_LEVEL",
    group: "Logging",
    help: "debug, info, warn or error",
    default: "info",
    reading: "plain",
    parse: oneOf(["debug", "info", "warn", "error"]),
  }),
  logFormat: defaulted({
    variable: "LOG_FORMAT",
    group: "Logging",
    help: "json, text, or auto: text on a terminal, else json",
    default: "auto",
    reading: "plain",
    parse: oneOf(["auto", "json", "text"]),
  }),
};

export type OptionName = keyof typeof options;

/** The value of every setting, checked; null where an optional one is not set. */
export type Settings = {
  readonly [K in OptionName]: (typeof options)[K] extends DefaultedRow<infer T>
    ? T
    : (typeof options)[K] extends OptionalRow<infer T>
      ? T | null
      : never;
};

/** A row without its value's type, for whoever walks the whole table. */
export type AnyRow = OptionalRow<unknown> | DefaultedRow<unknown>;

/** The rows an engine has, in the table's order. */
export function optionRows(engine: EngineName): [OptionName, AnyRow][] {
  return (Object.entries(options) as [OptionName, AnyRow][]).filter(
    ([, row]) => row.engines?.includes(engine) ?? true,
  );
}

/** Every variable that is a setting, of whichever engine, under all of its names. */
export function settingNames(): ReadonlySet<string> {
  return new Set(
    Object.values(options).flatMap((row: AnyRow) => [
      row.variable,
      row.alias ?? row.variable,
      `${row.variable}_FILE`,
    ]),
  );
}

/** The flag of a variable: `DB_HOST` → `--db-host`. */
export function flagOf(variable: string): string {
  return `--${variable.toLowerCase().replaceAll("_", "-")}`;
}

/** How messages name a setting: `DB_HOST (--db-host)`. */
export function named(option: OptionName): string {
  const { variable } = options[option];
  return `${variable} (${flagOf(variable)})`;
}
