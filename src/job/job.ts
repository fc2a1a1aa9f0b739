import { compileTemplate, type NameContext, type NameTemplate, subjectText } from "../catalog/naming.ts";
import type { RetentionRules } from "../catalog/retention.ts";
import type { Reading } from "../config/config.ts";
import type { Settings } from "../config/options.ts";
import type { DumpRequest, Engine, Facts } from "../engine/engine.ts";
import { UsageError } from "../errors.ts";
import {
  checkEnding,
  checkEngine,
  checkRequest,
  checkRetention,
  checkStatusPage,
  checkTemplate,
} from "./checks.ts";
import { subjectOf, type Purpose, resolveConnection, resolveDatabase } from "./database.ts";
import { type Filters, filtersOf } from "./filters.ts";
import { type Findings, isUnread } from "./findings.ts";
import { type Place, resolvePlaces } from "./place.ts";
import { configText } from "../remote/config-source.ts";
import { configFileSecrets, environmentSecrets } from "../remote/rclone-secrets.ts";
import { resolveRecipients } from "./recipients.ts";

/**
 * One backup job, everything resolved: what a run needs to know and nothing left to ask the settings' text. Of several
 * databases it is what they have in common, and `jobOf` makes the job of each.
 */
export interface Job {
  readonly engine: Engine;
  readonly settings: Settings;
  readonly request: DumpRequest;
  /** What has been asked of the server already; left out: nothing. */
  readonly facts?: Facts;
  /** What stands between its dump and its upload. */
  readonly filters: Filters;
  /** Where the backup goes: each place gets it whole, and none is above another. */
  readonly places: readonly [Place, ...Place[]];
  readonly template: NameTemplate;
  readonly naming: NameContext;
  readonly retention: RetentionRules;
  readonly warnings: readonly string[];
  /** Every value to keep out of all output, in clear. */
  readonly secrets: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Resolves settings into a job.
 * @throws UsageError with every problem of the settings, alone and together
 */
export function resolveJob(engine: Engine, reading: Reading, env: Env, purpose: Purpose = "backup"): Job {
  const { settings } = reading;
  const findings: Findings = { problems: [...reading.problems], warnings: [...reading.warnings] };
  checkEngine(engine, settings, findings);
  const connection = resolveConnection(engine, settings, findings, purpose);
  const database = resolveDatabase(engine, settings, connection, findings, purpose);
  const places = resolvePlaces(settings, env, findings);
  const request: DumpRequest = {
    connection,
    database,
    mode: settings.backupMode,
    compression: settings.backupCompress,
    recipients: resolveRecipients(settings, findings, purpose),
    extraArgs: settings.dumpExtraArgs ?? [],
  };
  // What is asked of each of several databases is asked of one that stands for them.
  const each = settings.backupDatabases === null ? request : { ...request, database: "database" };
  checkRequest(engine, each, settings, findings);
  checkTemplate(settings, retentionOf(settings), findings);
  checkRetention(settings, retentionOf(settings), findings);
  checkStatusPage(settings, findings);
  const filters = filtersOf(engine, each, settings);
  const template = withoutExtension(settings.backupNameTemplate, filters.extension);
  const deciding = [
    "backupNameTemplate",
    "backupMode",
    "backupCompress",
    "backupExtension",
    "backupEncryptTo",
    "backupEncryptToFile",
  ] as const;
  const isRead = deciding.every((option) => !isUnread(findings, option));
  if (isRead && template === settings.backupNameTemplate) checkEnding(template, filters.extension, findings);
  const subject = subjectOf(engine, settings, connection, database);
  if (findings.problems.length > 0) throw new UsageError(findings.problems);
  return {
    engine,
    settings,
    request,
    filters,
    places,
    template,
    naming: {
      ...subject,
      engine: engine.name,
      extension: filters.extension,
      timeZone: settings.tz,
    },
    retention: retentionOf(settings),
    warnings: findings.warnings,
    secrets: [
      ...reading.secrets,
      ...(connection.password === null ? [] : [connection.password.reveal()]),
      ...connection.secretParams.map(([, value]) => value.reveal()),
      ...places.flatMap(({ remote, extraArgs, config }) => [
        ...remote.secrets,
        ...extraArgs.secrets,
        ...configFileSecrets(configText(config)),
      ]),
      ...environmentSecrets(env),
    ],
  };
}

function retentionOf(settings: Settings): RetentionRules {
  return {
    maxFiles: settings.retentionMaxFiles,
    maxDays: settings.retentionMaxDays,
    minFiles: settings.retentionMinFiles,
    keep: {
      last: settings.retentionKeepLast,
      hourly: settings.retentionKeepHourly,
      daily: settings.retentionKeepDaily,
      weekly: settings.retentionKeepWeekly,
      monthly: settings.retentionKeepMonthly,
      yearly: settings.retentionKeepYearly,
    },
    timeZone: settings.tz,
  };
}

/** The template without the extension that its names get anyway: `{db}.sql` means no `.sql.sql`. */
export function withoutExtension(template: NameTemplate, extension: string): NameTemplate {
  // `.sql.zst`: somebody may have written all of it, its beginning or its end.
  const parts = extension.split(/(?=\.)/);
  const endings = parts.flatMap((_, at) => [parts.slice(0, at + 1).join(""), parts.slice(at).join("")]);
  const longest = endings
    .toSorted((a, b) => b.length - a.length)
    .find((each) => template.text.endsWith(each));
  if (longest === undefined || longest === "") return template;
  const text = template.text.slice(0, -longest.length);
  return /(^|\/)\.{0,2}$/.test(text) ? template : compileTemplate(text);
}

/**
 * What a job's lock on one of its places stands for: two runs with the same one must not overlap. Engine, database,
 * place and template: two databases never share a lock, nor do two places. Not the host: who prunes may know none, and
 * the folder or the template of each job is its own anyway.
 */
export function lockKeyOf({ engine, naming, template }: Job, { key }: Place): string {
  return JSON.stringify([engine.name, subjectText(naming), key, template.text]);
}
