import type { Backup } from "../catalog/catalog.ts";
import { nameExample } from "../catalog/scope.ts";
import { isRetentionOn, planOfRun, type RetentionRules } from "../catalog/retention.ts";
import { errorOf, exitCodes, sentenceOf, withSentence } from "../errors.ts";
import type { ListedDatabase } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import { listSubjects, type PlaceLook, seePlaces } from "../job/looks.ts";
import type { Answer, LookDoors } from "./answer.ts";
import { type Fate, type PlacedBackup, rowsAsJson, rowsAsTable, rowsOf } from "./listed-rows.ts";

/**
 * Lists the job's backups, of every database that its template could have written, in each of its places.
 * @returns exit code 0, or 3 where one place of several could not be listed
 * @throws DbstashError where none can, and the signal's reason
 */
export async function listJob(job: Job, doors: LookDoors, isJson: boolean): Promise<Answer> {
  const now = doors.now();
  const looks = await seePlaces(job, doors, async (rclone, { place }) => {
    const found = await listSubjects(rclone, job, doors.signal);
    return [...found.values()].map((each) => ({
      ...each,
      backups: backupsIn(each, place.remote.shown, now),
    }));
  });
  const seen = looks.flatMap((look) => (look.kind === "seen" ? [look] : []));
  for (const problem of problemsOf(looks)) doors.warn(problem);
  const rows = rowsOf(seen.flatMap(({ value }) => value.flatMap(({ backups }) => backups)));
  const code = seen.length === looks.length ? exitCodes.stored.code : exitCodes.incomplete.code;
  if (isJson) return { code, text: rowsAsJson(rows, job.places.length) };
  const places = seen.map(({ place }) => place.remote.shown);
  const hasDatabases = job.settings.backupDatabases !== null;
  const text =
    rows.length > 0
      ? rowsAsTable(rows, { now, hasDatabases, places: job.places.length })
      : `no backups of this job in ${places.join(", ")} (looked for names like ${exampleOf(job)})\n`;
  return { code, text: text + seen.flatMap(({ value }) => value.map(othersInWords)).join("") };
}

/** Why places could not be listed. @throws DbstashError where none could */
function problemsOf(looks: readonly PlaceLook<unknown>[]) {
  const failed = looks.flatMap((look) => (look.kind === "failed" ? [look] : []));
  const [first] = failed;
  if (first === undefined) return [];
  if (looks.length === 1) throw errorOf(first.problem);
  const told = failed.map(({ place, problem }) => withSentence(place.remote.shown, problem));
  if (failed.length < looks.length) return told;
  throw errorOf(withSentence("no place can be listed", joined(told)));
}

function joined(problems: readonly { readonly message: string; readonly hint?: string }[]) {
  const hint = problems.find((problem) => problem.hint !== undefined)?.hint;
  const message = problems.map((problem) => sentenceOf(problem, (text) => text)).join("; ");
  return { message, words: message, ...(hint === undefined ? {} : { hint }) };
}

function backupsIn({ job, listed }: ListedDatabase, place: string, now: Date): PlacedBackup[] {
  const fates = fatesOf(listed.backups, job.retention, now);
  return listed.backups.map((backup) => ({
    database: job.naming.database,
    name: backup.name,
    timeMs: backup.timeMs,
    bytes: backup.bytes,
    place,
    fate: fates?.get(backup) ?? null,
  }));
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

function exampleOf({ template, naming, settings }: Job): string {
  return nameExample(template, settings.backupDatabases === null ? naming : { ...naming, database: null });
}

/** A line on those that only the extension keeps out of the list. */
function othersInWords({ listed }: ListedDatabase): string {
  const { count, names } = listed.otherExtension;
  return count === 0
    ? ""
    : `not listed: ${count} of this name with another extension or mode, such as ${names[0]}\n`;
}
