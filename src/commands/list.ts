import type { Backup } from "../catalog/catalog.ts";
import { isRetentionOn, planOfRun, type RetentionRules } from "../catalog/retention.ts";
import { exitCodes } from "../errors.ts";
import { humanBytes } from "../human.ts";
import { findBackups, type FoundBackups } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import type { Answer, LookDoors } from "./answer.ts";

/** What a run now would do with a backup. */
export interface Fate {
  readonly nextRun: "keep" | "remove";
  readonly reason: string;
}

/** Lists the job's backups. @throws DbstashError where the place can't be listed, and the signal's reason */
export async function listJob(job: Job, doors: LookDoors, isJson: boolean): Promise<Answer> {
  const found = await findBackups(job, job.places[0], doors, doors.signal);
  const now = doors.now();
  const fates = fatesOf(found.backups, job.retention, now);
  const text = isJson ? backupsAsJson(found, fates) : backupsAsTable(found, fates, now);
  return { code: exitCodes.stored.code, text };
}

/** What a run now would do with each backup, its own new one counted; null without retention. */
export function fatesOf(
  backups: readonly Backup[],
  rules: RetentionRules,
  now: Date,
): ReadonlyMap<Backup, Fate> | null {
  if (!isRetentionOn(rules)) return null;
  const { keep, remove } = planOfRun(backups, rules, now);
  const fate =
    (nextRun: Fate["nextRun"]) =>
    ({ entry, reason }: { entry: Backup; reason: string }): [Backup, Fate] => [entry, { nextRun, reason }];
  return new Map([...keep.map(fate("keep")), ...remove.map(fate("remove"))]);
}

/**
 * Backups as JSON: an array of name, bytes and time (RFC 3339, null where it is not known); with retention on also
 * what a run now would do, and why.
 */
export function backupsAsJson({ backups }: FoundBackups, fates: ReadonlyMap<Backup, Fate> | null): string {
  const rows = backups.map((backup) => {
    const { name, bytes, timeMs } = backup;
    const fate = fates?.get(backup);
    const time = timeMs === null ? null : new Date(timeMs).toISOString();
    return {
      name,
      bytes,
      time,
      ...(fate === undefined ? {} : { next_run: fate.nextRun, reason: fate.reason }),
    };
  });
  return `${JSON.stringify(rows, null, 2)}\n`;
}

/**
 * Backups as a table for people: name, size, age, and with retention on what a run now would do; and a line on those
 * that only the extension keeps out of it.
 */
export function backupsAsTable(
  { backups, otherExtension, remote, example }: FoundBackups,
  fates: ReadonlyMap<Backup, Fate> | null,
  now: Date,
): string {
  const { count, names } = otherExtension;
  const others =
    count === 0
      ? ""
      : `not listed: ${count} of this name with another extension or mode, such as ${names[0]}\n`;
  if (backups.length === 0)
    return `no backups of this job in ${remote} (looked for names like ${example})\n${others}`;
  const rows = backups.map((backup) => {
    const { name, bytes, timeMs } = backup;
    const age = timeMs === null ? "unknown" : humanAge(now.getTime() - timeMs);
    const fate = fates?.get(backup);
    return [name, humanBytes(bytes), age, ...(fate === undefined ? [] : [`${fate.nextRun}: ${fate.reason}`])];
  });
  const head = ["NAME", "SIZE", "AGE", ...(fates === null ? [] : ["A RUN NOW WOULD"])];
  return table([head, ...rows], [1]) + others;
}

/** Rows as lines with their columns below each other. @param right columns that end, not begin, below each other */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widthOf = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = rows[0]?.map((_, column) => widthOf(column)) ?? [];
  const cell = (text: string, column: number): string =>
    right.includes(column) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return rows.map((row) => `${row.map(cell).join("  ").trimEnd()}\n`).join("");
}

/** An age in its one or two largest units: `45 s`, `12 min`, `5 h`, `3 d 4 h`. */
export function humanAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86_400].map(Math.floor) as [
    number,
    number,
    number,
  ];
  if (days > 0) return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
  if (hours > 0) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
