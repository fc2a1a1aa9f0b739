import { type Catalogue, catalogue, type CatalogueJob, type ListingEntry } from "../catalog/catalog.ts";
import { listingPatterns, listingScope, type Wanted } from "../catalog/scope.ts";
import { databasesOf } from "../catalog/databases.ts";
import type { NameTemplate } from "../catalog/naming.ts";
import type { Warn } from "../errors.ts";
import { withWorkshop, type Workshop, type WorkshopDoors } from "../process/workshop.ts";
import { Rclone } from "../remote/rclone.ts";
import { joinRemote } from "../remote/remote.ts";
import type { Turns } from "../remote/turns.ts";
import type { Job } from "./job.ts";
import type { Place } from "./place.ts";
import { databasesJob, jobOf } from "./several.ts";

/** What reading a remote needs of the world. */
export interface RemoteDoors extends WorkshopDoors {
  /** Takes a warning, such as that of something left behind. */
  readonly warn: Warn;
  /** Shared with others that use the same configuration at the same time; left out where nobody does. */
  readonly turns?: Turns;
}

/**
 * Lends an rclone for a while, outside a run; its processes and private files end with the loan.
 * @throws DbstashError when rclone is missing or the temp folder can't be written to, and whatever `use` throws
 */
export async function withRclone<T>(
  job: Job,
  place: Place,
  doors: RemoteDoors,
  use: (rclone: Rclone, workshop: Workshop) => Promise<T>,
): Promise<T> {
  return withWorkshop(doors, job.settings.backupUmask, [], doors.warn, (workshop) =>
    use(new Rclone(place, workshop, undefined, doors.turns), workshop),
  );
}

/** A job's backups as the catalogue wants it told. */
export function catalogueJob(job: Job): CatalogueJob {
  const kind = job.request.mode === "directory" ? "folder" : "file";
  return { ...job.naming, template: job.template, kind };
}

/** Whose names a job looks for: those of its database, or of any where it has several. */
export function wantedOf(job: Job): Wanted & Pick<CatalogueJob, "kind"> {
  const { kind } = catalogueJob(job);
  return job.settings.backupDatabases === null
    ? { ...job.naming, kind }
    : { engine: job.engine.name, database: null, kind };
}

/** A catalogue, and the listing it was made of. */
export interface Listed extends Catalogue {
  readonly entries: readonly ListingEntry[];
}

/**
 * Lists what a job's template could have written: one rclone process, without times unless names tell none.
 * @param isTimed when files were written is wanted, whatever names tell
 */
export async function listBackups(
  rclone: Rclone,
  job: Job,
  signal: AbortSignal,
  isTimed = false,
): Promise<Listed> {
  const target = catalogueJob(job);
  const entries = await listed(rclone, job.template, target, { signal, isTimed });
  return { ...catalogue(entries, target), entries };
}

/** The backups of one of several databases. */
export interface ListedDatabase {
  /** The job of it alone. */
  readonly job: Job;
  readonly listed: Listed;
}

/**
 * Lists what a job of several databases could have written for any of them, by one rclone process. Keys are those of
 * `subjectText`. A database is there where at least one name is its own, of a backup or of a staged file.
 * @param isTimed as for `listBackups`
 */
export async function listDatabases(
  rclone: Rclone,
  job: Job,
  signal: AbortSignal,
  isTimed = false,
): Promise<ReadonlyMap<string, ListedDatabase>> {
  const target = databasesJob(job);
  const entries = await listed(rclone, job.template, { ...target, database: null }, { signal, isTimed });
  const found = [...databasesOf(entries, target)].map(([key, { subject, entries: own }]) => {
    const one = jobOf(job, subject);
    return [key, { job: one, listed: { ...catalogue(own, catalogueJob(one)), entries: own } }] as const;
  });
  return new Map(found);
}

function listed(
  rclone: Rclone,
  template: NameTemplate,
  target: Wanted & Pick<CatalogueJob, "kind">,
  { signal, isTimed }: { readonly signal: AbortSignal; readonly isTimed: boolean },
): Promise<ListingEntry[]> {
  const scope = listingScope(template, target);
  const flags = [
    ...(scope.needsModTimes || isTimed ? [] : ["--no-modtime"]),
    ...(scope.recursive ? ["--recursive", "--max-depth", String(scope.depth)] : []),
  ];
  const folder = joinRemote(rclone.root, scope.folder);
  return rclone.list(folder, flags, listingPatterns(template, target), signal);
}
