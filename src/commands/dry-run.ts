import { listingScope, nameExample } from "../catalog/scope.ts";
import { writeRfc3339, zoneOffsets } from "../catalog/local-time.ts";
import { formatName } from "../catalog/naming.ts";
import { rulesInWords } from "../catalog/rules-in-words.ts";
import type { Reading } from "../config/config.ts";
import type { Redact } from "../config/secret.ts";
import { timetableOf } from "../daemon/scheduler.ts";
import { wantedOf } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import type { Place } from "../job/place.ts";
import { exampleOf } from "../job/several.ts";
import { findAuthorities } from "../process/ca-bundle.ts";
import { endsInLocalFolder } from "../remote/completed-config.ts";
import { joinRemote } from "../remote/remote.ts";
import { table } from "./table.ts";

/** So many runs of a schedule are shown. */
const shownRuns = 3;

/** What a run would do, secrets masked. Names are those of the JSON document. */
interface Forecast {
  readonly engine: string;
  readonly database: string;
  readonly settings: readonly { readonly variable: string; readonly value: string; readonly from: string }[];
  readonly command: string;
  readonly places: readonly {
    readonly remote: string;
    readonly kind: "local folder" | "remote";
    readonly rclone_config: string;
  }[];
  /** A cron expression, or `once`. */
  readonly schedule: string;
  readonly time_zone: string;
  readonly next_runs: readonly { readonly time: string; readonly name: string }[];
  readonly retention: { readonly rules: string; readonly folder: string; readonly names: string };
  readonly warnings: readonly string[];
}

/** What a dry run is made of. */
export interface DryRunParts {
  readonly job: Job;
  readonly reading: Reading;
  /** One run now, whatever the schedule. */
  readonly isOnce: boolean;
  readonly warnings: readonly string[];
  readonly redact: Redact;
  readonly now: Date;
  readonly toolEnv: Readonly<Record<string, string>>;
}

/** Tells what a run would do, as a table, or as one JSON document with `LOG_FORMAT=json`. Starts and asks nothing. */
export function dryRun(parts: DryRunParts): string {
  const forecast = forecastOf(parts);
  return parts.job.settings.logFormat === "json"
    ? `${JSON.stringify(forecast, null, 2)}\n`
    : forecastInWords(forecast);
}

function forecastOf({ job, reading, isOnce, warnings, redact, now, toolEnv }: DryRunParts): Forecast {
  const { engine, naming, template, settings } = job;
  const [{ remote }] = job.places;
  return {
    engine: engine.name,
    database: naming.database,
    settings: reading.shown.map(({ variable, value, from }) => ({
      variable,
      value: placesOf(job, variable) ?? redact(value),
      from,
    })),
    // Ours, and without secrets by construction: a password that is a word of it would only maim it.
    command: commandLine(exampleOf(job), toolEnv),
    places: job.places.map((place) => ({
      remote: place.remote.shown,
      kind: endsInLocalFolder(place.config, place.remote, toolEnv) ? "local folder" : "remote",
      rclone_config: configInWords(place),
    })),
    schedule: isOnce || settings.backupSchedule.kind === "once" ? "once" : settings.backupSchedule.expression,
    time_zone: settings.tz,
    next_runs: nextRuns(job, isOnce, now),
    retention: {
      rules: rulesInWords(job.retention),
      folder: joinRemote(remote.shown, listingScope(template, wantedOf(job)).folder),
      names: nameExample(template, { ...naming, ...wantedOf(job) }),
    },
    warnings,
  };
}

/** The next times of the schedule, and the name of each one's backup. */
export function nextRuns(
  job: Job,
  isOnce: boolean,
  now: Date,
): { readonly time: string; readonly name: string }[] {
  const { template, naming, settings } = exampleOf(job);
  const { backupSchedule: schedule, backupOnStart, tz } = settings;
  const times: Date[] = [];
  if (isOnce || schedule.kind === "once") times.push(now);
  else {
    if (backupOnStart) times.push(now);
    const timetable = timetableOf(schedule.expression, tz);
    for (let next = timetable(now); next !== null && times.length < shownRuns; next = timetable(next))
      times.push(next);
  }
  const offsetAt = zoneOffsets(tz);
  return times.map((at) => ({
    time: writeRfc3339(at.getTime(), offsetAt),
    name: formatName(template, { ...naming, now: at, uuid: "…" }) + naming.extension,
  }));
}

/** What a setting of places shows of them. */
function placesOf({ places }: Job, variable: string): string | null {
  const [{ remote }, ...others] = places;
  if (variable === "RCLONE_REMOTE") return remote.shown;
  return variable === "RCLONE_EXTRA_REMOTES" ? others.map((place) => place.remote.shown).join(" ") : null;
}

function commandLine(
  { engine, request, filters, settings }: Job,
  env: Readonly<Record<string, string>>,
): string {
  const outputDir = request.mode === "stream" ? null : `${settings.backupTempDir}/…`;
  const paths = { privateDir: "…", outputDir, ...findAuthorities(env) };
  return [engine.dumpCommand(request, paths), ...filters.commands(paths)]
    .map((command) => [command.tools[0] ?? "", ...command.args].map(shellWord).join(" "))
    .join(" | ");
}

function configInWords({ config, remote }: Place): string {
  if (config.kind === "inPlace") return config.path;
  if (config.kind === "copied") return "a private copy";
  return remote.standsAlone ? "none" : "none but the environment";
}

function forecastInWords(forecast: Forecast): string {
  const { settings, command, places, schedule, time_zone: zone, next_runs: runs, retention } = forecast;
  const section = (title: string, text: string): string => `${title}\n${text.replace(/^(?=.)/gm, "  ")}\n`;
  const rows = settings.map(({ variable, value, from }) => [variable, oneLine(value), from]);
  return [
    section("Settings", table([["VARIABLE", "VALUE", "FROM"], ...rows])),
    section("Command", `${oneLine(command)}\n`),
    section(
      "Places",
      table(
        places.map(({ remote, kind, rclone_config: config }) => [
          remote,
          kind,
          `rclone's configuration: ${config}`,
        ]),
      ),
    ),
    section(
      schedule === "once" ? "A run now" : `Next runs, by ${schedule} in ${zone}`,
      table(runs.map(({ time, name }) => [forPeople(time), name])),
    ),
    section("Retention", `${retention.rules}\nin ${retention.folder}, names like ${retention.names}\n`),
    ...(forecast.warnings.length === 0
      ? []
      : [section("Warnings", forecast.warnings.map((warning) => `${warning}\n`).join(""))]),
    "dry run: nothing was run\n",
  ].join("");
}

/** A time as people read it, without milliseconds: `2026-02-08 02:00:00 +01:00`. */
export function forPeople(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} ${time.slice(23)}`;
}

/** A value of several lines stays in its row. */
function oneLine(value: string): string {
  return value.replaceAll("\n", "\\n");
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
