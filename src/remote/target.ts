import { basename, dirname } from "node:path/posix";
import type { ListingEntry } from "../catalog/catalog.ts";
import { type NameContext, nameReader, type NameTemplate } from "../catalog/naming.ts";
import { leafPatterns } from "../catalog/scope.ts";
import { jobMark, stagedName } from "../catalog/staged.ts";
import { DbstashError, type Problem, toProblem } from "../errors.ts";
import { together } from "../process/waiting.ts";
import type { RemoteFeatures } from "./features.ts";
import { type Rclone, TooMuchOutput } from "./rclone.ts";
import { joinRemote } from "./remote.ts";
/** What names the backups of a job. */
export interface BackupNaming extends NameContext {
  readonly template: NameTemplate;
}

/** Where one backup goes, as found at the start of its run. */
export interface Target {
  /** Below the remote's path. */
  readonly finalName: string;
  readonly finalPath: string;
  /** Where the upload writes: a staged name where the remote can rename, else the final one. */
  readonly uploadPath: string;
  readonly staged: boolean;
  /** True when nothing stood under the final name as the run began; another run may have come since. */
  readonly finalWasFree: boolean;
  /** The size of what stood under it then; null for nothing, and where that is not known. */
  readonly standingBytes: number | null;
  /** The template writes over an earlier backup on purpose. */
  readonly overwrites: boolean;
  /** Another machine's backup may get the same name while this one is made. */
  readonly isCoarse: boolean;
  /** Where what stands under the final name waits while it is replaced, on a remote that can hold two of a name. */
  readonly asidePath: string;
  readonly features: RemoteFeatures;
  /** The size of the newest earlier backup in the same folder; null where there is none. */
  readonly previousBytes: number | null;
  /** Null, or why the folder could not be listed. */
  readonly listProblem: Problem | null;
}

/**
 * Asks the remote, by one listing and one look at its features, whether and how a backup can be put there.
 * A refusal to list is an answer: credentials that may only write are a wise choice for backups.
 * @throws DbstashError when the final name is taken (unless the template means to overwrite), or the remote fails
 */
export async function prepareTarget(
  rclone: Rclone,
  name: string,
  backupId: string,
  naming: BackupNaming,
  signal: AbortSignal,
): Promise<Target> {
  const folderName = dirname(name) === "." ? "" : dirname(name);
  const { root } = rclone;
  const folder = joinRemote(root, folderName);
  const { template } = naming;
  const [features, listed] = await together(
    signal,
    (either) => rclone.features(folder, either),
    (either) => listedOrRefused(rclone, folder, leafPatterns(template, naming), either),
  );
  const entries = "entries" in listed ? listed.entries : [];
  const standing = entries.find((entry) => entry.path === basename(name));
  if (standing !== undefined && (standing.isFolder || template.isUnique))
    throw taken(name, takenHint(template, standing.isFolder));
  const finalPath = joinRemote(root, name);
  const mark = jobMark(template, naming);
  return {
    finalName: name,
    finalPath,
    uploadPath: features.move ? joinRemote(root, stagedName(name, backupId, mark)) : finalPath,
    asidePath: joinRemote(root, asideName(name, backupId)),
    staged: features.move,
    finalWasFree: standing === undefined && "entries" in listed,
    standingBytes: standing?.bytes ?? null,
    overwrites: !template.isUnique,
    isCoarse: template.isCoarse,
    features,
    previousBytes: newestBytes(entries, folderName, naming),
    listProblem: "problem" in listed ? listed.problem : null,
  };
}

/** Not a staged name: what waits there is a backup, and no later run may take it for a leftover. */
function asideName(name: string, backupId: string): string {
  const base = name.lastIndexOf("/") + 1;
  return `${name.slice(0, base)}.${name.slice(base)}.${backupId}.previous`;
}

async function listedOrRefused(
  rclone: Rclone,
  folder: string,
  patterns: readonly string[],
  signal: AbortSignal,
): Promise<{ entries: readonly ListingEntry[] } | { problem: Problem }> {
  try {
    return { entries: await rclone.list(folder, ["--no-modtime"], patterns, signal) };
  } catch (error) {
    // The reason of an abort is somebody else's: a database, too, says "access denied".
    if (signal.aborted || !(error instanceof DbstashError)) throw error;
    if (!isAnswered(error)) throw error;
    return { problem: toProblem(error) };
  }
}

/** Whether a listing that failed was an answer: a refusal, or more than can be held. Then a run goes on without it. */
export function isAnswered(error: DbstashError): boolean {
  return error instanceof TooMuchOutput || /denied|forbidden|\b403\b|not authorized/i.test(error.message);
}

/** Advice where two jobs meet under one name. */
export const ownPlaceHint =
  "another job writes the same names: give each job its own folder in RCLONE_REMOTE (--rclone-remote) or its own BACKUP_NAME_TEMPLATE (--backup-name-template)";

/** Advice where a name is taken by the same job. */
export const finerHint =
  "use a finer time token, such as {timestamp} or {uuid}, in BACKUP_NAME_TEMPLATE (--backup-name-template)";

/** What is told of a name that is taken. */
export function taken(name: string, hint: string): DbstashError {
  return new DbstashError(`${name} already exists on the remote and is left as it is`, hint);
}

function takenHint(template: NameTemplate, isFolder: boolean): string {
  if (!template.isCoarse && template.isUnique) return ownPlaceHint;
  return isFolder
    ? "a folder has this name; change BACKUP_NAME_TEMPLATE (--backup-name-template)"
    : finerHint;
}

function newestBytes(entries: readonly ListingEntry[], folder: string, naming: BackupNaming): number | null {
  const read = nameReader(naming.template, naming);
  const earlier = entries.flatMap((entry) => {
    const reading = entry.isFolder ? null : read(folder === "" ? entry.path : `${folder}/${entry.path}`);
    return reading === null ? [] : [{ timeMs: reading.timeMs ?? 0, bytes: entry.bytes }];
  });
  return earlier.toSorted((a, b) => b.timeMs - a.timeMs)[0]?.bytes ?? null;
}

/**
 * Looks again, before an upload straight to its final name ends, whether another machine's backup has come there:
 * what is renamed is looked at before the rename.
 * @returns null, or why this one must not be stored; null too where nobody can look
 */
export async function nameTaken(
  rclone: Rclone,
  { staged, isCoarse, finalPath, finalName }: Target,
  signal: AbortSignal,
): Promise<DbstashError | null> {
  if (staged || !isCoarse || !(await isTaken(rclone, finalPath, signal))) return null;
  return taken(finalName, finerHint);
}

/** Whether something stands under a name; where nobody can look, nothing is known to. */
export async function isTaken(rclone: Rclone, path: string, signal: AbortSignal): Promise<boolean> {
  const entry = await rclone.find(path, signal).catch(() => null);
  signal.throwIfAborted();
  return entry !== null;
}
