import { basename, dirname } from "node:path/posix";
import {
  type Catalogue,
  catalogue,
  type ListingEntry,
  listingScope,
  MANIFEST_NAME,
} from "../catalog/catalog.ts";
import { isRetentionOn, plan } from "../catalog/retention.ts";
import { toProblem } from "../errors.ts";
import { catalogueJob, listBackups } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import type { Logger } from "../logger.ts";
import type { Rclone } from "../remote/rclone.ts";
import { joinRemote } from "../remote/remote.ts";

/** A leftover this old belongs to no run that still lives. */
const leftoverAgeMs = 24 * 60 * 60 * 1000;

/** What a run's housekeeping needs. */
export interface Housekeeping {
  readonly rclone: Rclone;
  readonly job: Job;
  /** The backup just written. */
  readonly written: { readonly name: string; readonly bytes: number };
  /** What the run has listed already, in the folder of the name it wrote; null for nothing. */
  readonly listing: readonly ListingEntry[] | null;
  readonly now: Date;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Applies retention and removes this job's leftovers of dead runs. Only called after a stored and verified backup.
 * @returns what went wrong with retention, as sentences; leftovers that can't be removed are a line of the log
 */
export async function tidyUp(parts: Housekeeping): Promise<string[]> {
  const { job, now, log } = parts;
  const rules = job.retention;
  const isOn = isRetentionOn(rules);
  try {
    const found = await survey(parts, isOn);
    if (found === null) return [];
    if (isOn && found.otherExtension.count > 0) {
      log.info("backups of this name with another extension are left alone", {
        count: found.otherExtension.count,
        examples: found.otherExtension.names.join(", "),
      });
    }
    const { remove, keep } = plan(found.backups, { ...rules, written: parts.written.name }, now);
    for (const { entry, reason } of keep.filter((decision) => isOn && decision.entry.timeMs === null))
      log.info("backup kept", { file: entry.name, reason });
    const old = now.getTime() - leftoverAgeMs;
    const staged = found.staged.filter(({ timeMs }) => timeMs < old).map(({ name }) => name);
    const unfinished = found.unfinished
      .filter(({ timeMs }) => timeMs !== null && timeMs < old)
      .map(({ name }) => name);
    if (remove.length + staged.length + unfinished.length === 0) return [];
    const problem = await missing(parts);
    if (problem !== null) return [problem];
    for (const { entry, reason } of remove) log.info("removing a backup", { file: entry.name, reason });
    for (const name of [...staged, ...unfinished])
      log.info("removing what an earlier run left unfinished", { file: name });
    await removeBackups(
      parts,
      remove.map(({ entry }) => entry.name),
      staged,
      unfinished,
    );
    return [];
  } catch (error) {
    const { message } = toProblem(error);
    if (isOn) return [`retention failed: ${message}`];
    log.warn("what earlier runs left unfinished could not be removed", { error: message });
    return [];
  }
}

/** The catalogue to work on; null when there is nothing to do. */
async function survey(
  { rclone, job, written, listing, signal }: Housekeeping,
  isOn: boolean,
): Promise<Catalogue | null> {
  // Where the folder can't be listed, only a retention that was asked for has something to say.
  if (listing === null && !isOn) return null;
  const target = catalogueJob(job);
  const scope = listingScope(job.template, target);
  const timesMatter = isOn && scope.needsModTimes;
  if (listing !== null && !scope.recursive && !timesMatter) {
    // The run's first listing serves again: only the backup just written has joined it.
    const self = { path: basename(written.name), bytes: written.bytes, isFolder: false, modTimeMs: null };
    return catalogue([...listing.filter((entry) => entry.path !== self.path), self], target);
  }
  return listBackups(rclone, job, signal);
}

/**
 * Whether the backup just written stands under its final name: a rename may be said to be done and not be.
 * Asked only before something is removed, which costs one process, and by a listing: looking at the file itself
 * may take rights that retention does not need.
 * @returns null, or what is wrong as a sentence
 */
async function missing({ rclone, job, written, signal }: Housekeeping): Promise<string | null> {
  const isFolder = job.request.mode === "directory";
  const name = isFolder ? joinRemote(written.name, MANIFEST_NAME) : written.name;
  const folder = dirname(name) === "." ? "" : dirname(name);
  const entries = await rclone.list(
    joinRemote(job.rclone.remote.path, folder),
    ["--no-modtime", "--files-only"],
    signal,
  );
  const bytes = entries.find((entry) => entry.path === basename(name))?.bytes;
  if (bytes === undefined)
    return `${written.name} is not on the remote after its upload, so nothing was removed`;
  // An old rclone may have counted twice what it streamed, and only a check corrects that.
  if (isFolder || !job.settings.backupVerify || bytes < 0 || bytes === written.bytes) return null;
  return `${written.name} has ${bytes} bytes on the remote where ${written.bytes} were stored, so nothing was removed`;
}

async function removeBackups(
  { rclone, job, signal }: Housekeeping,
  backups: readonly string[],
  staged: readonly string[],
  unfinished: readonly string[],
): Promise<void> {
  const remote = job.rclone.remote.path;
  const isFolder = job.request.mode === "directory";
  // A folder that is removed half way must count as a backup no more.
  const first = isFolder ? backups.map((name) => joinRemote(name, MANIFEST_NAME)) : backups;
  await rclone.removeAll(remote, [...first, ...staged], signal);
  for (const folder of isFolder ? [...backups, ...unfinished] : unfinished)
    await rclone.removeFolder(joinRemote(remote, folder), signal);
}
