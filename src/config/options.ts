import { compileTemplate } from "../catalog/naming.ts";
import { backupModes, type Compression, type EngineName, engineNames } from "../kinds.ts";
import { parseSchedule } from "./schedule.ts";
import {
  base64Text,
  boolean,
  durationMs,
  oneOf,
  parsed,
  secretText,
  text,
  timeZone,
  type ValueSchema,
  wholeNumber,
} from "./values.ts";
import { splitWords } from "./words.ts";

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
  /** `<variable>_FILE` names a file that holds the value. */
  readonly file?: true;
  /** Only these engines have it; all when left out. */
  readonly engines?: readonly EngineName[];
  readonly schema: ValueSchema<T>;
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

function words(): ValueSchema<readonly string[]> {
  return parsed("arguments as a shell would split them", splitWords);
}

function compression(): ValueSchema<Compression> {
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

function extension(): ValueSchema<string> {
  return parsed("a file extension such as .sql, without a slash or blanks", (value) => {
    if (!/^\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(value)) return undefined;
    return value.startsWith(".") ? value : `.${value}`;
  });
}

function absolutePath(): ValueSchema<string> {
  return parsed("an absolute path", (value) =>
    value.startsWith("/") ? value.replace(/(?<=.)\/+$/, "") : undefined,
  );
}

/** Every setting, once: parsing, flags, help, README, dry run and redaction all read this table. */
export const options = {
  engine: optional({
    variable: "ENGINE",
    group: "Database",
    help: "only a cross-check: an error unless it is this executable's engine",
    shownDefault: "built in",
    schema: oneOf(engineNames),
  }),
  dbUri: optional({
    variable: "DB_URI",
    group: "Database",
    help: "connection URI; when set, DB_HOST and the other separate parts are ignored",
    secret: true,
    file: true,
    schema: secretText(),
  }),
  dbHost: optional({
    variable: "DB_HOST",
    group: "Database",
    help: "host name or address; a path for a unix socket",
    schema: text(),
  }),
  dbPort: optional({
    variable: "DB_PORT",
    group: "Database",
    help: "port",
    shownDefault: "the engine's",
    schema: wholeNumber(1, 65_535),
  }),
  dbName: optional({
    variable: "DB_NAME",
    group: "Database",
    help: "database to back up",
    schema: text(),
  }),
  dbUser: optional({ variable: "DB_USER", group: "Database", help: "user", schema: text() }),
  dbPassword: optional({
    variable: "DB_PASSWORD",
    group: "Database",
    help: "password",
    secret: true,
    file: true,
    schema: secretText(),
  }),
  dbAuthSource: defaulted({
    variable: "DB_AUTH_SOURCE",
    group: "Database",
    help: "database the user is defined in",
    default: "admin",
    engines: ["mongo"],
    schema: text(),
  }),
  rcloneRemote: optional({
    variable: "RCLONE_REMOTE",
    group: "Remote",
    help: "where backups go: remote:path, an on-the-fly remote (:s3:bucket/x) or a local path",
    shownDefault: "required",
    schema: text(),
  }),
  rcloneConfig: optional({
    variable: "RCLONE_CONFIG",
    group: "Remote",
    help: "base64 of an rclone.conf; kept in a private file while dbstash runs",
    secret: true,
    schema: base64Text(),
  }),
  rcloneConfigFile: optional({
    variable: "RCLONE_CONFIG_FILE",
    group: "Remote",
    help: "path of an rclone.conf; beats RCLONE_CONFIG",
    shownDefault: "/config/rclone.conf if it exists, else rclone's own",
    schema: absolutePath(),
  }),
  rcloneExtraArgs: optional({
    variable: "RCLONE_EXTRA_ARGS",
    group: "Remote",
    help: "extra rclone flags for every rclone call, split as a shell would",
    schema: words(),
  }),
  backupSchedule: defaulted({
    variable: "BACKUP_SCHEDULE",
    group: "Backup",
    help: "cron expression (also with seconds, @daily, L), or once",
    default: "0 2 * * *",
    schema: parsed("a cron expression or once", parseSchedule),
  }),
  backupMode: defaulted({
    variable: "BACKUP_MODE",
    group: "Backup",
    help: "stream, directory or tar",
    default: "stream",
    schema: oneOf(backupModes),
  }),
  backupNameTemplate: defaulted({
    variable: "BACKUP_NAME_TEMPLATE",
    group: "Backup",
    help: "name of a backup: {db} {engine} {date} {time} {timestamp} {ts} {uuid}; may contain /",
    default: "{db}-{timestamp}",
    schema: parsed("a name template", compileTemplate),
  }),
  backupCompress: defaulted({
    variable: "BACKUP_COMPRESS",
    group: "Backup",
    help: "true: the dump tool's own; zstd or gzip, also zstd:7: in the pipe; in directory mode only what the tool can",
    default: "false",
    schema: compression(),
  }),
  backupExtension: optional({
    variable: "BACKUP_EXTENSION",
    group: "Backup",
    help: "extension of the backup's name, before .zst or .gz",
    shownDefault: "by engine and mode",
    schema: extension(),
  }),
  backupAllDatabases: defaulted({
    variable: "BACKUP_ALL_DATABASES",
    alias: "BACKUP_ALL_DBS",
    group: "Backup",
    help: "back up every database of the server; excludes DB_NAME",
    default: "false",
    schema: boolean(),
  }),
  backupOnStart: defaulted({
    variable: "BACKUP_ON_START",
    group: "Backup",
    help: "one run at once, then by the schedule",
    default: "false",
    schema: boolean(),
  }),
  backupTimeout: defaulted({
    variable: "BACKUP_TIMEOUT",
    group: "Backup",
    help: "limit of a whole run, such as 1h30m; 0 for none",
    default: "0",
    schema: durationMs(),
  }),
  backupStallTimeout: defaulted({
    variable: "BACKUP_STALL_TIMEOUT",
    group: "Backup",
    help: "a run fails when not one byte has moved for this long; 0 for never",
    default: "30m",
    schema: durationMs(),
  }),
  backupLock: defaulted({
    variable: "BACKUP_LOCK",
    group: "Backup",
    help: "no two runs of the same job at once, also of different processes",
    default: "true",
    schema: boolean(),
  }),
  backupTempDir: defaulted({
    variable: "BACKUP_TEMP_DIR",
    group: "Backup",
    help: "work folder of directory and tar modes",
    default: "/tmp/dbstash-work",
    schema: absolutePath(),
  }),
  backupVerify: defaulted({
    variable: "BACKUP_VERIFY",
    group: "Backup",
    help: "check size and end of the stored backup, read back from the remote",
    default: "true",
    schema: boolean(),
  }),
  dumpExtraArgs: optional({
    variable: "DUMP_EXTRA_ARGS",
    group: "Backup",
    help: "extra flags for the dump tool, split as a shell would",
    schema: words(),
  }),
  dryRun: defaulted({
    variable: "DRY_RUN",
    group: "Backup",
    help: "show settings, command and target; run nothing",
    default: "false",
    schema: boolean(),
  }),
  tz: defaulted({
    variable: "TZ",
    group: "Backup",
    help: "IANA time zone of the schedule and of names",
    default: "UTC",
    schema: timeZone(),
  }),
  retentionMaxFiles: defaulted({
    variable: "RETENTION_MAX_FILES",
    group: "Retention",
    help: "keep at most this many backups; 0 for all",
    default: "0",
    schema: wholeNumber(0),
  }),
  retentionMaxDays: defaulted({
    variable: "RETENTION_MAX_DAYS",
    group: "Retention",
    help: "remove backups older than this many days; 0 for never",
    default: "0",
    schema: wholeNumber(0),
  }),
  notifyWebhookUrl: optional({
    variable: "NOTIFY_WEBHOOK_URL",
    group: "Notification",
    help: "Slack or Discord webhook (also Mattermost, Rocket.Chat)",
    secret: true,
    file: true,
    schema: secretText(),
  }),
  notifyOn: defaulted({
    variable: "NOTIFY_ON",
    group: "Notification",
    help: "always, failure or success",
    default: "failure",
    schema: oneOf(["always", "failure", "success"]),
  }),
  hookPreBackup: optional({
    variable: "HOOK_PRE_BACKUP",
    group: "Hooks",
    help: "shell command before the dump; when it fails nothing is dumped",
    schema: text(),
  }),
  hookPostBackup: optional({
    variable: "HOOK_POST_BACKUP",
    group: "Hooks",
    help: "shell command after the dump, on success and on failure; sees DBSTASH_STATUS, DBSTASH_FILE and more",
    schema: text(),
  }),
  healthPort: defaulted({
    variable: "HEALTH_PORT",
    group: "Health",
    help: "port of /healthz, /readyz and /metrics while a schedule runs; 0 for none",
    default: "8080",
    schema: wholeNumber(0, 65_535),
  }),
  logLevel: defaulted({
    variable: "LOG_LEVEL",
    group: "Logging",
    help: "debug, info, warn or error",
    default: "info",
    schema: oneOf(["debug", "info", "warn", "error"]),
  }),
  logFormat: defaulted({
    variable: "LOG_FORMAT",
    group: "Logging",
    help: "json, text, or auto: text on a terminal, else json",
    default: "auto",
    schema: oneOf(["auto", "json", "text"]),
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

/** The flag of a variable: `DB_HOST` → `--db-host`. */
export function flagOf(variable: string): string {
  return `--${variable.toLowerCase().replaceAll("_", "-")}`;
}

/** How messages name a setting: `DB_HOST (--db-host)`. */
export function named(option: OptionName): string {
  const { variable } = options[option];
  return `${variable} (${flagOf(variable)})`;
}
