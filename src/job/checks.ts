import { type Span, spans } from "../catalog/calendar.ts";
import { isRetentionOn, type RetentionRules } from "../catalog/retention.ts";
import type { NameTemplate } from "../catalog/naming.ts";
import { named, type OptionName, options, type Settings } from "../config/options.ts";
import { holdsUrlPassword } from "../config/secret.ts";
import type { DumpRequest, Engine } from "../engine/engine.ts";
import { findConflicts } from "../engine/flags.ts";
import type { Findings } from "./findings.ts";

/** `ENGINE` changes nothing: it must name this executable's engine. */
export function checkEngine(engine: Engine, settings: Settings, { problems }: Findings): void {
  if (settings.engine === null || settings.engine === engine.name) return;
  problems.push({
    message: `${named("engine")} is ${settings.engine}, but this executable backs up ${engine.name}`,
    hint: `use dbstash-${settings.engine}, or leave the setting out`,
  });
}

/** Whether the engine can do what is asked of it, and what of it has no effect or another one than meant. */
export function checkRequest(
  engine: Engine,
  request: DumpRequest,
  settings: Settings,
  { problems, warnings }: Findings,
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
  if (settings.backupExtension?.endsWith(".age") === true) {
    problems.push({
      message: `${named("backupExtension")} ends in .age, which says that age has encrypted the file`,
      hint:
        request.recipients === null
          ? "set BACKUP_ENCRYPT_TO (--backup-encrypt-to), which adds it, or leave it out"
          : "leave it out: it is added at the end",
    });
  }
  const words = request.extraArgs.flatMap((word) => [word, unescaped(word)]);
  if (words.some((word) => engine.passwordFlag.test(word) || holdsPassword(word))) {
    problems.push({
      message: `${named("dumpExtraArgs")} holds a password, which everyone on this machine could read in the process list`,
      hint: "set DB_PASSWORD (--db-password), DB_PASSWORD_FILE or DB_URI (--db-uri) instead",
    });
  }
  const review = engine.review(request);
  problems.push(...review.problems);
  warnings.push(...review.warnings);
  for (const conflict of findConflicts(request.extraArgs, engine.conflictingFlags(request))) {
    const message = `${named("dumpExtraArgs")} has ${conflict.flag}: ${conflict.consequence}`;
    if (conflict.refusal === null) warnings.push(message);
    else problems.push({ message, hint: conflict.refusal });
  }
}

/** Whether a word of a command line holds a password in a URL, or is a flag for one, also shortened as MySQL takes it. */
function holdsPassword(word: string): boolean {
  return holdsUrlPassword(word) || /^--pass(?!word-[a-z])/i.test(word);
}

/** As a URI is read, where any character may be percent-encoded. */
function unescaped(word: string): string {
  return word.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Endings that say what is in a file, each with the setting that makes such files. */
const knownEndings: readonly (readonly [ending: RegExp, option: OptionName, what: string])[] = [
  [/\.age$/, "backupEncryptTo", "age encrypts"],
  [/\.(gz|tgz)$/, "backupCompress", "gzip compresses"],
  [/\.zst$/, "backupCompress", "zstd compresses"],
  [/\.(bz2|xz|zip)$/, "backupCompress", "gzip and zstd compress"],
  [/\.tar$/, "backupMode", "tar makes one"],
  [/\.(sql|dump|archive|rdb)$/, "backupExtension", "takes the place of the job's own"],
];

/**
 * A name that says what the file is not: `{db}.sql.gz` of a job that compresses nothing.
 * @param extension what the job's files end in; empty for folders
 */
export function checkEnding({ text }: NameTemplate, extension: string, { problems }: Findings): void {
  const ending = /(?:\.(?:sql|dump|archive|rdb|tar|tgz|gz|zst|bz2|xz|zip|age))+$/.exec(text)?.[0];
  const known = knownEndings.find(([pattern]) => ending !== undefined && pattern.test(ending));
  if (ending === undefined || known === undefined || ending === extension) return;
  const [, option, what] = known;
  const stored = extension === "" ? "is a folder" : `ends in ${extension}`;
  problems.push({
    message: `${named("backupNameTemplate")} ends in ${ending}, but what this job stores ${stored}`,
    hint: `leave the ending out, the right one is added; ${named(option)}: ${what}`,
  });
}

/** Whether names of the template keep jobs, and backups, apart. */
export function checkTemplate(
  { backupNameTemplate: template, backupDatabases, backupMinPercent }: Settings,
  retention: RetentionRules,
  { problems, warnings }: Findings,
): void {
  if (backupDatabases !== null && !template.hasDb) {
    problems.push({
      message: `${named("backupNameTemplate")} must hold {db} with ${named("backupDatabases")}, so that each database has names of its own`,
    });
  } else if (isRetentionOn(retention) && !template.hasDb) {
    problems.push({
      message: `${named("backupNameTemplate")} must hold {db} when retention is on, so that no other job's backups are taken for this one's`,
    });
  }
  if (!template.isUnique && backupMinPercent > 0) {
    problems.push({
      message: `${named("backupMinPercent")} has nothing to compare with: by ${named("backupNameTemplate")} every backup overwrites the one before it`,
      hint: "use a time token, such as {timestamp}, in BACKUP_NAME_TEMPLATE",
    });
  }
  if (!template.isUnique) {
    warnings.push(
      `${named("backupNameTemplate")} has no time token: every backup overwrites the one before it`,
    );
  }
}

/** Each limit, and the rule by calendar that says the nearest to it. */
const limits = [
  ["retentionMaxFiles", "maxFiles", "retentionKeepLast"],
  ["retentionMaxDays", "maxDays", "retentionKeepDaily"],
] as const;

const keepOptions = {
  last: "retentionKeepLast",
  hourly: "retentionKeepHourly",
  daily: "retentionKeepDaily",
  weekly: "retentionKeepWeekly",
  monthly: "retentionKeepMonthly",
  yearly: "retentionKeepYearly",
} as const satisfies Record<Span, OptionName>;

/** Whether the rules of retention can hold together. */
export function checkRetention(settings: Settings, rules: RetentionRules, { problems }: Findings): void {
  const { maxFiles, minFiles, keep } = rules;
  if (maxFiles > 0 && minFiles > maxFiles) {
    problems.push({
      message: `${named("retentionMinFiles")} is ${minFiles}, but ${named("retentionMaxFiles")} keeps at most ${maxFiles}`,
      hint: "so many of the newest stay anyway: leave RETENTION_MIN_FILES out, or raise RETENTION_MAX_FILES",
    });
  }
  const span = spans.find((each) => keep[each] > 0);
  if (span === undefined) return;
  for (const [option, limit, other] of limits.filter(([, limit]) => rules[limit] > 0)) {
    const [old, better] = [options[option].variable, options[other].variable];
    problems.push({
      message: `${named(option)} can't stand beside ${named(keepOptions[span])}: one removes what the other keeps`,
      hint:
        settings[other] > 0
          ? `leave ${old} out: ${better}=${settings[other]} is there`
          : `use ${better}=${rules[limit]} in place of ${old}`,
    });
  }
}

/** Whether there is a server that can show the page. */
export function checkStatusPage(
  { statusPage, healthPort, backupSchedule }: Settings,
  { problems, warnings }: Findings,
): void {
  if (!statusPage) return;
  if (healthPort === 0) {
    problems.push({
      message: `${named("statusPage")} asks for a page, but ${named("healthPort")} is 0: there is no server that shows it`,
      hint: "give HEALTH_PORT a port such as 8080, or leave STATUS_PAGE out",
    });
  } else if (backupSchedule.kind === "once") {
    warnings.push(
      `${named("statusPage")} has no effect where ${named("backupSchedule")} is once: only a schedule has a server`,
    );
  }
}
