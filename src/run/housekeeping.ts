import { type CatalogueJob, emptiedFolders, MANIFEST_NAME } from "../catalog/catalog.ts";
import { days, isRetentionOn, plan, type RetentionRules } from "../catalog/retention.ts";
import { type Problem, toProblem, withSentence } from "../errors.ts";
import type { Listed } from "../job/backups.ts";
import type { Logger } from "../logger.ts";
import type { Rclone } from "../remote/rclone.ts";
import { joinRemote } from "../remote/remote.ts";
import type { StoredSight } from "./look-at-stored.ts";

/** A leftover this old belongs to no run that still lives. */
const leftoverAgeMs = 24 * 60 * 60 * 1000;

/** More emptied folders than these are left to the next run: each costs a process. */
const mostFolders = 20;

/** What removing takes. */
export interface Removal {
  readonly rclone: Rclone;
  /** Whose backups they are. */
  readonly target: CatalogueJob;
  readonly now: Date;
  readonly log: Pick<Logger, "debug">;
  readonly signal: AbortSignal;
}

/** What a run's housekeeping needs: one database's backups in one place. */
export interface Housekeeping extends Removal {
  readonly rules: RetentionRules;
  /** The backup just written. */
  readonly name: string;
  /** The listing in which it was seen. */
  readonly sight: StoredSight;
  readonly log: Logger;
}

/** What is to go, by name below the remote's path. */
export interface Rubbish {
  readonly backups: readonly string[];
  readonly staged: readonly string[];
  readonly unfinished: readonly string[];
}

/** What was removed. */
export interface Cleared extends Rubbish {
  /** Date folders that were empty then. */
  readonly folders: readonly string[];
}

/**
 * Applies retention and removes this job's leftovers of dead runs. Only called after a stored and verified backup,
 * which is never among what goes.
 * @returns what went wrong with retention, and that it braked; leftovers that can't be removed are a line of the log
 */
export async function tidyUp(parts: Housekeeping): Promise<Problem[]> {
  const { rules, log, sight } = parts;
  if (sight.kind !== "seen") return [];
  const { rubbish, brake } = choose(parts, sight.listed);
  const problems = brake === null ? [] : [brake];
  try {
    const { folders } = await clear(parts, sight.listed, rubbish);
    for (const folder of folders) log.info("removed an empty folder", { folder });
    return problems;
  } catch (error) {
    const problem = toProblem(error);
    if (isRetentionOn(rules)) return [...problems, withSentence("retention failed", problem)];
    log.warn("what earlier runs left unfinished could not be removed", { error: problem });
    return [];
  }
}

function choose(
  { rules, name, now, log }: Housekeeping,
  found: Listed,
): { readonly rubbish: Rubbish; readonly brake: Problem | null } {
  const isOn = isRetentionOn(rules);
  if (isOn && found.otherExtension.count > 0) {
    log.info("backups of this name with another extension are left alone", {
      count: found.otherExtension.count,
      examples: found.otherExtension.names.join(", "),
    });
  }
  const policy = { ...rules, written: name, brakes: true };
  const { remove: doomed, keep, braked } = plan(found.backups, policy, now);
  for (const { entry, reason } of keep.filter((decision) => isOn && decision.entry.timeMs === null))
    log.info("backup kept", { file: entry.name, reason });
  const old = now.getTime() - leftoverAgeMs;
  const staged = found.staged.filter(({ timeMs }) => timeMs < old).map((file) => file.name);
  const unfinished = found.unfinished
    .filter(({ timeMs }) => timeMs !== null && timeMs < old)
    .map((folder) => folder.name);
  for (const { entry, reason } of doomed) log.info("removing a backup", { file: entry.name, reason });
  for (const file of [...staged, ...unfinished])
    log.info("removing what an earlier run left unfinished", { file });
  const rubbish = { backups: doomed.map(({ entry }) => entry.name), staged, unfinished };
  return { rubbish, brake: braked === 0 ? null : brakeInWords(braked, rules.maxDays) };
}

function brakeInWords(count: number, maxDays: number): Problem {
  const which = count === 1 ? "1 backup older than that stays" : `${count} backups older than that stay`;
  return {
    message: `retention removed nothing by age: the last backup before this one is older than ${days(maxDays)}, after a long outage or by a clock that jumped; ${which}`,
    hint: "see that the clock is right and the new backup good; then prune removes them (prune --dry-run shows which)",
  };
}

/**
 * Removes what is to go, and the date folders in which nothing is left then.
 * @param listed where it was found
 * @returns what was removed: all of it, and those folders
 * @throws DbstashError when something can't be removed, and the signal's reason
 */
export async function clear(parts: Removal, listed: Listed, rubbish: Rubbish): Promise<Cleared> {
  await remove(parts, rubbish);
  const gone = new Set([...rubbish.backups, ...rubbish.staged]);
  return { ...rubbish, folders: await removeEmptied(parts, listed, gone) };
}

async function remove({ rclone, target, signal }: Removal, rubbish: Rubbish): Promise<void> {
  const { backups, staged, unfinished } = rubbish;
  const { root } = rclone;
  const isFolder = target.kind === "folder";
  // A folder that is removed half way must count as a backup no more.
  const first = isFolder ? backups.map((name) => joinRemote(name, MANIFEST_NAME)) : backups;
  await rclone.removeAll(root, [...first, ...staged], signal);
  for (const folder of isFolder ? [...backups, ...unfinished] : unfinished)
    await rclone.removeFolder(joinRemote(root, folder), signal);
}

/** Date folders in which nothing is left go too; one that holds what the listing did not show stays. */
async function removeEmptied(
  { rclone, target, now, log, signal }: Removal,
  { entries }: Listed,
  removed: ReadonlySet<string>,
): Promise<string[]> {
  const gone: string[] = [];
  const emptied = emptiedFolders(entries, removed, target, now.getTime() - leftoverAgeMs);
  for (const folder of emptied.slice(0, mostFolders)) {
    try {
      await rclone.removeEmptyFolder(joinRemote(rclone.root, folder), signal);
      gone.push(folder);
    } catch (error) {
      signal.throwIfAborted();
      log.debug("a folder was left as it is", { folder, error: toProblem(error) });
    }
  }
  return gone;
}
