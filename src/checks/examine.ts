import type { Job } from "../job/job.ts";
import { type Place, placesInWords } from "../job/place.ts";
import type { RemoteDoors } from "../job/backups.ts";
import type { NotifyDoors } from "../notify/webhook.ts";
import { withWorkshop, type Workshop } from "../process/workshop.ts";
import { Rclone } from "../remote/rclone.ts";
import { attempt } from "./attempt.ts";
import { lookAtDatabase } from "./database.ts";
import { lookAtLockFolder, lookAtMetricsFile, lookAtWorkFolder } from "./folders.ts";
import { lookAtHooks } from "./hooks.ts";
import { bad, type CheckLine, ofAllPlaces, open, type Tell, well } from "./line.ts";
import { lookAtMessages } from "./message.ts";
import { lookAtPlace, newestBytes, type PlaceSight } from "./place.ts";
import { probePlace } from "./probe-file.ts";
import { lookAtRecipients } from "./recipients.ts";
import { lineOfRetention, linesOfRuns, type NextRun } from "./schedule.ts";
import { folderWarnings } from "./start.ts";
import { lookAtTools } from "./tools.ts";

/** The world as `check` may touch it. */
export interface CheckDoors extends RemoteDoors {
  readonly now: () => Date;
  /** What hooks are given. */
  readonly hookEnv: Readonly<Record<string, string>>;
  readonly lockFolders: readonly string[];
  readonly notify: NotifyDoors;
  /** This machine's name. */
  readonly host: string;
  /** Aborted when somebody wants dbstash to stop. */
  readonly signal: AbortSignal;
}

/** What is asked of a check. */
export interface CheckWish {
  /** A message is really sent. */
  readonly sends: boolean;
  /** The next runs of the schedule. */
  readonly runs: readonly NextRun[];
}

/**
 * Tries everything that a run will need, in its order, and tells each thing as soon as it is known. It stores nothing
 * but a probe of a few bytes, runs no hook, and takes the job's lock for a moment.
 * @throws the signal's reason
 */
export async function examine(job: Job, doors: CheckDoors, wish: CheckWish, tell: Tell): Promise<void> {
  const { signal } = doors;
  tell(well("settings", `${job.engine.title}: ${job.naming.database}, to ${placesInWords(job)}`));
  for (const warning of [...job.warnings, ...job.places.flatMap(({ remote }) => folderWarnings(remote))])
    tell(open("settings", warning));
  const sight = await withChildren(job, doors, tell);
  const found = sight?.found ?? null;
  for (const line of await lookAtWorkFolder(job, doors.libc, newestBytes(found), signal)) tell(line);
  tell(lookAtLockFolder(job, doors.libc, doors.lockFolders));
  for (const line of lookAtMetricsFile(job)) tell(line);
  for (const line of linesOfRuns(wish.runs)) tell(line);
  const backups = found === null ? null : [...found.values()].map(({ listed }) => listed.backups);
  tell(lineOfRetention(backups, job.retention, doors.now()));
  for (const line of await lookAtMessages(job, wish.sends ? doors : null, signal)) tell(line);
}

/** What takes other programs: tools, the database, the place, the hooks. @returns what was seen of the place; null for nothing */
async function withChildren(job: Job, doors: CheckDoors, tell: Tell): Promise<PlaceSight | null> {
  const { backupUmask } = job.settings;
  const tried = await attempt(doors.signal, () =>
    withWorkshop(doors, backupUmask, [], doors.warn, (workshop) => useChildren(job, doors, workshop, tell)),
  );
  if (tried.kind === "done") return tried.value;
  // Without a shell or a temp folder no tool of a run can be started either.
  tell(bad("temp folder", tried.problem));
  return null;
}

async function useChildren(
  job: Job,
  doors: CheckDoors,
  workshop: Workshop,
  tell: Tell,
): Promise<PlaceSight | null> {
  const { libc, hookEnv, signal } = doors;
  for (const line of await lookAtTools(job, workshop, signal)) tell(line);
  for (const line of await lookAtRecipients(job, workshop, signal)) tell(line);
  for (const line of await lookAtDatabase({ job, libc, workshop, signal })) tell(line);
  const sights: PlaceSight[] = [];
  const ofPlaces: CheckLine[][] = [];
  for (const place of job.places) {
    const lines: CheckLine[] = [];
    ofPlaces.push(lines);
    const made = await attempt(signal, () => new Rclone(place, workshop));
    // That rclone is missing is told among the tools.
    const tellOfPlace: Tell = job.places.length === 1 ? tell : (line) => void lines.push(line);
    if (made.kind === "done") sights.push(await usePlace(job, place, doors, made.value, tellOfPlace));
  }
  for (const line of ofAllPlaces(ofPlaces)) tell(line);
  for (const line of await lookAtHooks(job.settings, hookEnv, workshop, signal)) tell(line);
  return sights[0] ?? null;
}

async function usePlace(
  job: Job,
  place: Place,
  { tempRoot, now, signal }: CheckDoors,
  rclone: Rclone,
  tell: Tell,
): Promise<PlaceSight> {
  const sight = await lookAtPlace(job, place, rclone, tempRoot, signal);
  for (const line of sight.lines) tell(line);
  const { features } = sight;
  if (features !== null) await probePlace({ job, place, rclone, features, now: now(), signal }, tell);
  return sight;
}
