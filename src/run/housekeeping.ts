import { emptiedFolders, MANIFEST_NAME } from "../catalog/catalog.ts";
import { isRetentionOn, plan } from "../catalog/retention.ts";
import { type Problem, toProblem, withSentence } from "../errors.ts";
import { catalogueJob, type Listed } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
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
  readonly job: Job;
  readonly now: Date;
  readonly log: Pick<Logger, "info" | "debug">;
  readonly signal: AbortSignal;
}

/** What a run's housekeeping needs. */
export interface Housekeeping extends Removal {
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

/**
 * Applies retention and removes this job's leftovers of dead runs. Only called after a stored and verified backup,
 * which is never among what goes.
 * @returns what went wrong with retention; leftovers that can't be removed are a line of the log
 */
export async function tidyUp(parts: Housekeeping): Promise<Problem[]> {
  const { job, log, sight } = parts;
  const isOn = isRetentionOn(job.retention);
  if (sight.kind !== "seen") return [];
  try {
    await clear(parts, sight.listed, choose(parts, sight.listed));
    return [];
  } catch (error) {
    const problem = toProblem(error);
    if (isOn) return [withSentence("retention failed", problem)];
    log.warn("what earlier runs left unfinished could not be removed", { error: problem });
    return [];
  }
}

function choose({ job, name, now, log }: Housekeeping, found: Listed): Rubbish {
  const isOn = isRetentionOn(job.retention);
  if (isOn && found.otherExtension.count > 0) {
    log.info("backups of this name with another extension are left alone", {
      count: found.otherExtension.count,
      examples: found.otherExtension.names.join(", "),
    });
  }
  const { remove: doomed, keep } = plan(found.backups, { ...job.retention, written: name }, now);
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
  return { backups: doomed.map(({ entry }) => entry.name), staged, unfinished };
}

/**
 * Removes what is to go, and the date folders in which nothing is left then.
 * @param listed where it was found
 * @throws DbstashError when something can't be removed, and the signal's reason
 */
export async function clear(parts: Removal, listed: Listed, rubbish: Rubbish): Promise<void> {
  await remove(parts, rubbish);
  await removeEmptied(parts, listed, new Set([...rubbish.backups, ...rubbish.staged]));
}

async function remove({ rclone, job, signal }: Removal, rubbish: Rubbish): Promise<void> {
  const { backups, staged, unfinished } = rubbish;
  const { root } = rclone;
  const isFolder = job.request.mode === "directory";
  // A folder that is removed half way must count as a backup no more.
  const first = isFolder ? backups.map((name) => joinRemote(name, MANIFEST_NAME)) : backups;
  await rclone.removeAll(root, [...first, ...staged], signal);
  for (const folder of isFolder ? [...backups, ...unfinished] : unfinished)
    await rclone.removeFolder(joinRemote(root, folder), signal);
}

/** Date folders in which nothing is left go too; one that holds what the listing did not show stays. */
async function removeEmptied(
  { rclone, job, now, log, signal }: Removal,
  { entries }: Listed,
  removed: ReadonlySet<string>,
): Promise<void> {
  const folders = emptiedFolders(entries, removed, catalogueJob(job), now.getTime() - leftoverAgeMs);
  for (const folder of folders.slice(0, mostFolders)) {
    try {
      await rclone.removeEmptyFolder(joinRemote(rclone.root, folder), signal);
      log.info("removed an empty folder", { folder });
    } catch (error) {
      signal.throwIfAborted();
      log.debug("a folder was left as it is", { folder, error: toProblem(error) });
    }
  }
}
