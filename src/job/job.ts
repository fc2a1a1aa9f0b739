import type { NameContext, NameTemplate } from "../catalog/naming.ts";
import type { RetentionRules } from "../catalog/retention.ts";
import type { Reading } from "../config/config.ts";
import type { Settings } from "../config/options.ts";
import type { Connection } from "../engine/connection.ts";
import type { DumpRequest, Engine } from "../engine/engine.ts";
import { UsageError } from "../errors.ts";
import { checkEngine, checkRequest, checkTemplate } from "./checks.ts";
import { labelOf, resolveConnection, resolveDatabase } from "./database.ts";
import { type Filters, filtersOf } from "./filters.ts";
import type { Findings } from "./findings.ts";
import {
  backendOf,
  chunkSizeIsSet,
  configText,
  resolveConfig,
  resolveExtraArgs,
  resolveRemote,
} from "./place.ts";
import { configFileSecrets, environmentSecrets } from "../remote/rclone-environment.ts";
import { knownFeatures } from "../remote/features.ts";
import type { RcloneSetup } from "../remote/rclone-runner.ts";
import type { Remote } from "../remote/remote.ts";

/** One backup job, everything resolved: what a run needs to know and nothing left to ask the settings' text. */
export interface Job {
  readonly engine: Engine;
  readonly settings: Settings;
  readonly request: DumpRequest;
  /** What stands between its dump and its upload. */
  readonly filters: Filters;
  readonly rclone: RcloneSetup;
  /** A chunk size that is set by the user stays. */
  readonly chunkSizeIsSet: boolean;
  readonly template: NameTemplate;
  readonly naming: NameContext;
  readonly retention: RetentionRules;
  /** What tells this job's target from others, for locks. */
  readonly targetKey: string;
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
  const findings: Findings = { problems: [...reading.problems], warnings: [...reading.warnings] };
  checkEngine(engine, settings, findings);
  const connection = resolveConnection(engine, settings, findings);
  const database = resolveDatabase(engine, settings, connection, findings);
  const remote = resolveRemote(settings, findings);
  const extraArgs = resolveExtraArgs(settings, findings);
  const config = resolveConfig(settings, remote, env, findings);
  const request: DumpRequest = {
    connection,
    database,
    mode: settings.backupMode,
    compression: settings.backupCompress,
    extraArgs: settings.dumpExtraArgs ?? [],
  };
  checkRequest(engine, request, settings, findings);
  checkTemplate(settings, retentionOf(settings), findings);
  const filters = filtersOf(engine, request, settings);
  if (findings.problems.length > 0) throw new UsageError(findings.problems);
  return {
    engine,
    settings,
    request,
    filters,
    rclone: { remote, config, extraArgs, features: knownFeatures(backendOf(remote, config, env)) },
    chunkSizeIsSet: chunkSizeIsSet(settings, remote, config, env),
    template: settings.backupNameTemplate,
    naming: {
      database: labelOf(engine, settings, connection, database),
      engine: engine.name,
      extension: filters.extension,
      timeZone: settings.tz,
    },
    retention: retentionOf(settings),
    targetKey: targetKey(remote),
    lockKey: lockKey(engine, settings, connection, database, remote),
    warnings: findings.warnings,
    secrets: [
      ...reading.secrets,
      ...(connection.password === null ? [] : [connection.password.reveal()]),
      ...connection.secretParams.map(([, value]) => value.reveal()),
      ...remote.secrets,
      ...extraArgs.secrets,
      ...environmentSecrets(env),
      ...configFileSecrets(configText(config)),
    ],
  };
}

function retentionOf({ retentionMaxFiles, retentionMaxDays }: Settings): RetentionRules {
  return { maxFiles: retentionMaxFiles, maxDays: retentionMaxDays };
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
  const { text } = settings.backupNameTemplate;
  return JSON.stringify([engine.name, hosts, database, targetKey(remote), text]);
}

/** Of an on-the-fly remote the parameters tell which server it is; a hash of a password may be guessed. */
function targetKey(remote: Remote): string {
  const parameters = Object.entries(remote.env).filter(([, value]) => !remote.secrets.includes(value));
  return JSON.stringify([remote.shown, parameters]);
}
