import type { Reading } from "./config/config.ts";
import { named, type Settings } from "./config/options.ts";
import { type Connection, connectionFromParts, parseUri } from "./engine/connection.ts";
import type { DumpRequest, Engine } from "./engine/engine.ts";
import { findConflicts } from "./engine/flags.ts";
import { DbstashError, type Problem, UsageError } from "./errors.ts";
import type { NameContext, NameTemplate } from "./naming.ts";
import { chooseConfig, type ConfigSource } from "./remote/config-source.ts";
import { configFileSecrets, configSets, environmentSecrets } from "./remote/environment.ts";
import { sortExtraArgs } from "./remote/extra-args.ts";
import type { RcloneSetup } from "./remote/rclone.ts";
import { parseRemote, type Remote } from "./remote/remote.ts";

/** One backup job, everything resolved: what a run needs to know and nothing left to ask the settings' text. */
export interface Job {
  readonly engine: Engine;
  readonly settings: Settings;
  readonly request: DumpRequest;
  readonly rclone: RcloneSetup;
  /** A chunk size that is set by the user stays. */
  readonly chunkSizeIsSet: boolean;
  readonly template: NameTemplate;
  readonly naming: NameContext;
  /** What the lock of this job stands for: two jobs with the same one must not overlap. */
  readonly lockKey: string;
  readonly warnings: readonly string[];
  /** Every value to keep out of all output, in clear. */
  readonly secrets: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Resolves settings into a job.
 * @throws UsageError with every problem of the settings, alone and together
 */
export function resolveJob(engine: Engine, reading: Reading, env: Env): Job {
  const { settings } = reading;
  const problems: Problem[] = [...reading.problems];
  const warnings: string[] = [...reading.warnings];
  checkEngine(engine, settings, problems);
  const connection = resolveConnection(engine, settings, problems, warnings);
  const database = resolveDatabase(engine, settings, connection, problems);
  const remote = resolveRemote(settings, problems);
  const extraArgs = sortExtraArgs(settings.rcloneExtraArgs ?? []);
  problems.push(...extraArgs.problems);
  const config = resolveConfig(settings, remote, env, problems);
  const request: DumpRequest = {
    connection,
    database,
    mode: settings.backupMode,
    compression: settings.backupCompress,
    extraArgs: settings.dumpExtraArgs ?? [],
  };
  checkMode(engine, request, settings, problems, warnings);
  checkTemplate(settings, problems, warnings);
  if (problems.length > 0) throw new UsageError(problems);
  const configText = textOf(config);
  return {
    engine,
    settings,
    request,
    rclone: { remote, config, extraArgs },
    chunkSizeIsSet: chunkSizeIsSet(settings, remote, configText, env),
    template: settings.backupNameTemplate,
    naming: {
      database: labelOf(engine, settings, connection, database),
      engine: engine.name,
      extension: extensionOf(engine, request, settings),
      timeZone: settings.tz,
    },
    lockKey: lockKey(engine, settings, connection, database, remote),
    warnings,
    secrets: [
      ...reading.secrets,
      ...(connection.password === null ? [] : [connection.password.reveal()]),
      ...connection.secretParams.map(([, value]) => value.reveal()),
      ...remote.secrets,
      ...extraArgs.secrets,
      ...environmentSecrets(env),
      ...configFileSecrets(configText),
    ],
  };
}

function checkEngine(engine: Engine, settings: Settings, problems: Problem[]): void {
  if (settings.engine === null || settings.engine === engine.name) return;
  problems.push({
    message: `${named("engine")} is ${settings.engine}, but this executable backs up ${engine.name}`,
    hint: `use dbstash-${settings.engine}, or leave the setting out`,
  });
}

function resolveConnection(
  engine: Engine,
  settings: Settings,
  problems: Problem[],
  warnings: string[],
): Connection {
  const parts = connectionFromParts({
    host: settings.dbHost ?? "",
    port: settings.dbPort,
    user: settings.dbUser,
    password: settings.dbPassword,
    database: settings.dbName,
    authSource: engine.name === "mongo" ? settings.dbAuthSource : null,
  });
  if (settings.dbUri === null) {
    if (settings.dbHost === null) {
      problems.push({
        message: `${named("dbUri")} or ${named("dbHost")} is required`,
        hint: `for example DB_URI=${engine.schemes[0]}://user:password@host:${engine.defaultPort}/database`,
      });
    }
    return parts;
  }
  const separate = (["dbHost", "dbPort", "dbUser", "dbPassword"] as const).filter(
    (name) => settings[name] !== null,
  );
  // For an engine without database names DB_NAME is a label, which a URI does not hold.
  const ignored = [
    ...separate,
    ...(engine.needsDatabase && settings.dbName !== null ? (["dbName"] as const) : []),
  ];
  if (ignored.length > 0)
    warnings.push(`${named("dbUri")} is set, so ${ignored.map((name) => named(name)).join(", ")} is ignored`);
  try {
    const connection = parseUri(settings.dbUri.reveal());
    if (connection.scheme === null || !engine.schemes.includes(connection.scheme)) {
      problems.push({
        message: `${named("dbUri")} begins with ${connection.scheme}://, but dbstash-${engine.name} backs up ${engine.title}`,
        hint: `its URIs begin with ${engine.schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
      });
    }
    return connection;
  } catch (error) {
    problems.push(asProblem("dbUri", error));
    return parts;
  }
}

/** The database to dump; null for all of them. */
function resolveDatabase(
  engine: Engine,
  settings: Settings,
  connection: Connection,
  problems: Problem[],
): string | null {
  if (!engine.needsDatabase) return null;
  if (settings.backupAllDatabases) {
    if (settings.dbName !== null && settings.dbUri === null) {
      problems.push({
        message: `${named("backupAllDatabases")} and ${named("dbName")} exclude each other`,
        hint: "leave DB_NAME out to back up every database",
      });
    }
    return null;
  }
  if (connection.database !== null) return connection.database;
  const where = settings.dbUri === null ? named("dbName") : `a database name in ${named("dbUri")}`;
  if (settings.dbUri !== null || settings.dbHost !== null) {
    problems.push({
      message: `${where} is required`,
      hint: "or set BACKUP_ALL_DATABASES=true to back up every database",
    });
  }
  return "";
}

function resolveRemote(settings: Settings, problems: Problem[]): Remote {
  const nowhere: Remote = {
    path: "",
    env: {},
    shown: "",
    configName: null,
    isLocal: true,
    standsAlone: true,
    secrets: [],
  };
  if (settings.rcloneRemote === null) {
    problems.push({
      message: `${named("rcloneRemote")} is required`,
      hint: "a remote and path such as s3:my-bucket/backups, or a local folder",
    });
    return nowhere;
  }
  try {
    return parseRemote(settings.rcloneRemote);
  } catch (error) {
    problems.push(asProblem("rcloneRemote", error));
    return nowhere;
  }
}

function resolveConfig(settings: Settings, remote: Remote, env: Env, problems: Problem[]): ConfigSource {
  const { rcloneConfig, rcloneConfigFile } = settings;
  try {
    return chooseConfig({ remote, rcloneConfig, rcloneConfigFile, env });
  } catch (error) {
    problems.push(asProblem("rcloneConfigFile", error));
    return { kind: "none" };
  }
}

function checkMode(
  engine: Engine,
  request: DumpRequest,
  settings: Settings,
  problems: Problem[],
  warnings: string[],
): void {
  if (!engine.modes.includes(request.mode)) {
    problems.push({
      message: `${named("backupMode")} must be ${engine.modes.join(", ")} for ${engine.title}`,
    });
    return;
  }
  if (request.compression.kind === "native" && !engine.supportsCompression) {
    warnings.push(
      `${named("backupCompress")}: the dump tool of ${engine.title} can't compress, true does nothing here; zstd can`,
    );
  }
  if (request.mode === "directory" && settings.backupExtension !== null) {
    warnings.push(`${named("backupExtension")} has no effect in directory mode`);
  }
  if (request.extraArgs.some((word) => engine.passwordFlag.test(word))) {
    problems.push({
      message: `${named("dumpExtraArgs")} holds a password, which everyone on this machine could read in the process list`,
      hint: "set DB_PASSWORD (--db-password), DB_PASSWORD_FILE or DB_URI (--db-uri) instead",
    });
  }
  const review = engine.review(request);
  problems.push(...review.problems);
  warnings.push(...review.warnings);
  for (const { flag, consequence } of findConflicts(
    request.extraArgs,
    engine.conflictingFlags(request.mode),
  )) {
    warnings.push(`${named("dumpExtraArgs")} has ${flag}: ${consequence}`);
  }
}

function checkTemplate(settings: Settings, problems: Problem[], warnings: string[]): void {
  const { backupNameTemplate: template, retentionMaxDays, retentionMaxFiles } = settings;
  const retention = retentionMaxDays > 0 || retentionMaxFiles > 0;
  if (retention && !template.hasDb) {
    problems.push({
      message: `${named("backupNameTemplate")} must hold {db} when retention is on, so that no other job's backups are taken for this one's`,
    });
  }
  if (!template.isUnique) {
    warnings.push(
      `${named("backupNameTemplate")} has no time token: every backup overwrites the one before it`,
    );
  }
}

function labelOf(
  engine: Engine,
  settings: Settings,
  connection: Connection,
  database: string | null,
): string {
  if (engine.needsDatabase) return database ?? "all";
  return settings.dbName ?? connection.hosts[0]?.host ?? "all";
}

function extensionOf(engine: Engine, request: DumpRequest, settings: Settings): string {
  if (request.mode === "directory") return "";
  const base = settings.backupExtension ?? engine.defaultExtension(request);
  if (request.compression.kind === "zstd") return `${base}.zst`;
  return request.compression.kind === "gzip" ? `${base}.gz` : base;
}

function chunkSizeIsSet(settings: Settings, remote: Remote, configText: string, env: Env): boolean {
  const words = settings.rcloneExtraArgs ?? [];
  const variables = [
    `RCLONE_CONFIG_${remote.path.split(":")[0]}_CHUNK_SIZE`.toUpperCase(),
    "RCLONE_S3_CHUNK_SIZE",
  ];
  return (
    words.some((word) => word.startsWith("--s3-chunk-size")) ||
    variables.some((name) => env[name] !== undefined || remote.env[name] !== undefined) ||
    (remote.configName !== null && configSets(configText, remote.configName, "chunk_size"))
  );
}

/** Engine, server, database, target and template: two databases never share a lock, nor do two targets. */
function lockKey(
  engine: Engine,
  settings: Settings,
  connection: Connection,
  database: string | null,
  remote: Remote,
): string {
  const hosts = connection.hosts.map(({ host, port }) => `${host}:${port ?? engine.defaultPort}`);
  return JSON.stringify([engine.name, hosts, database, remote.shown, settings.backupNameTemplate.text]);
}

function textOf(config: ConfigSource): string {
  if (config.kind === "none") return "";
  return config.kind === "inPlace" ? config.text : config.text.reveal();
}

function asProblem(option: Parameters<typeof named>[0], error: unknown): Problem {
  if (!(error instanceof DbstashError)) throw error;
  const message = `${named(option)} ${error.message}`;
  return error.hint === undefined ? { message } : { message, hint: error.hint };
}
