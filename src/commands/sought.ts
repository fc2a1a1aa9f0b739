import type { Backup } from "../catalog/catalog.ts";
import { globals, readSubject, subjectText } from "../catalog/naming.ts";
import type { Job } from "../job/job.ts";
import { type Found, selectedOf } from "../job/looks.ts";

/** A backup that is to be looked at in each place. */
export interface Sought {
  /** Whose it is, as `Found` has it. */
  readonly key: string;
  readonly name: string;
  /** What is said of a place that does not have it. */
  readonly missing: string;
}

/**
 * The newest backup of each database that the job names, whichever place has it; one that has none is sought, too.
 * @param found what lies in each place that could be listed
 */
export function newestOf(job: Job, found: readonly Found[]): Sought[] {
  const selected = found.map((each) => selectedOf(job, each));
  const keys = new Set([...expectedOf(job), ...selected.flatMap((each) => [...each.keys()])]);
  if (keys.size === 0) return [{ key: "", name: "", missing: none }];
  return [...keys].toSorted().map((key) => {
    const backups = selected.flatMap((each) => each.get(key)?.listed.backups.slice(0, 1) ?? []);
    const newest = backups.reduce<Backup | null>(
      (best, each) =>
        best === null || (each.timeMs ?? -Infinity) > (best.timeMs ?? -Infinity) ? each : best,
      null,
    );
    const isSeveral = job.settings.backupDatabases !== null;
    if (newest === null)
      return { key, name: "", missing: isSeveral ? `${readSubject(key)?.database ?? key}: ${none}` : none };
    return { key, name: newest.name, missing: `${newest.name}: it is not there` };
  });
}

const none = "there is no backup of this job on the remote";

/** The backup of this name, whose ever it is. */
export function named(name: string, found: readonly Found[]): Sought[] {
  const missing = `${name}: there is no such backup of this job; list shows those there are`;
  for (const each of found)
    for (const [key, { listed }] of each)
      if ([...listed.backups, ...listed.unfinished].some((backup) => backup.name === name))
        return [{ key, name, missing: found.length === 1 ? missing : `${name}: it is not there` }];
  return [{ key: "", name, missing }];
}

/** Whose backups must be there: what a pattern stands for only the server knows. */
function expectedOf({ settings, naming }: Job): string[] {
  const { backupDatabases: selection } = settings;
  if (selection === null) return [subjectText(naming)];
  const names = selection.included.flatMap(({ wanted }) => (typeof wanted === "string" ? [wanted] : []));
  return [
    ...(selection.hasGlobals ? [subjectText(globals)] : []),
    ...names.map((database) => subjectText({ database })),
  ];
}
