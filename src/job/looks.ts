import { subjectText } from "../catalog/naming.ts";
import { isSelected } from "../config/selection.ts";
import { DbstashError, Interrupted, type Problem, toProblem } from "../errors.ts";
import type { Workshop } from "../process/workshop.ts";
import type { Rclone } from "../remote/rclone.ts";
import { listBackups, type ListedDatabase, listDatabases, type RemoteDoors, withRclone } from "./backups.ts";
import type { Job } from "./job.ts";
import type { Place } from "./place.ts";

/** What a look at one place came to. */
export type PlaceLook<T> =
  | { readonly kind: "seen"; readonly place: Place; readonly value: T }
  | { readonly kind: "failed"; readonly place: Place; readonly problem: Problem };

/** Where a look is: the place, its number among the job's, and what its children are started with. */
export interface Spot {
  readonly place: Place;
  readonly at: number;
  readonly workshop: Workshop;
}

/** Whose backups a listing holds, and which; keys are those of `subjectText`. */
export type Found = ReadonlyMap<string, ListedDatabase>;

/**
 * Looks at each place of a job, one after the other.
 * @returns in the order of the settings; where `use` fails, as of a place that can't be listed, why
 * @throws the signal's reason, and what is no expected failure
 */
export async function seePlaces<T>(
  job: Job,
  doors: RemoteDoors,
  use: (rclone: Rclone, spot: Spot) => Promise<T>,
): Promise<PlaceLook<T>[]> {
  const looks: PlaceLook<T>[] = [];
  for (const [at, place] of job.places.entries()) {
    try {
      const value = await withRclone(job, place, doors, (rclone, workshop) =>
        use(rclone, { place, at, workshop }),
      );
      looks.push({ kind: "seen", place, value });
    } catch (error) {
      if (error instanceof Interrupted || !(error instanceof DbstashError)) throw error;
      looks.push({ kind: "failed", place, problem: toProblem(error) });
    }
  }
  return looks;
}

/**
 * Lists a place, by one rclone process. Of a job of one database there is always that one.
 * @param isTimed as for `listBackups`
 */
export async function listSubjects(
  rclone: Rclone,
  job: Job,
  signal: AbortSignal,
  isTimed = false,
): Promise<Found> {
  if (job.settings.backupDatabases !== null) return listDatabases(rclone, job, signal, isTimed);
  const listed = await listBackups(rclone, job, signal, isTimed);
  return new Map([[subjectText(job.naming), { job, listed }]]);
}

/** Of what was found, what the job's patterns name: the backups of others are shown, and that is all. */
export function selectedOf({ settings, engine }: Job, found: Found): Found {
  const { backupDatabases: selection } = settings;
  if (selection === null) return found;
  return new Map(
    [...found].filter(([, { job }]) => {
      const { database: name, scope } = job.naming;
      if (scope === "globals") return selection.hasGlobals;
      return isSelected(selection, { name, isApart: engine.ownDatabases.includes(name) });
    }),
  );
}
