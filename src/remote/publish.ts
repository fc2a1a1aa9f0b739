import { basename, dirname } from "node:path/posix";
import type { ListingEntry } from "../catalog/catalog.ts";
import { DbstashError } from "../errors.ts";
import { type NameContext, type NameTemplate, nameReader, stagedName } from "../catalog/naming.ts";
import { together } from "../process/waiting.ts";
import type { RemoteFeatures } from "./features.ts";
import type { Rclone } from "./rclone.ts";
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
  readonly features: RemoteFeatures;
  /** The size of the newest earlier backup in the same folder; null where there is none. */
  readonly previousBytes: number | null;
  /** What stands in the final name's folder, without times; null where it could not be listed. */
  readonly listing: readonly ListingEntry[] | null;
  /** Null, or why the folder could not be listed. */
  readonly listProblem: string | null;
}

/**
 * Asks the remote, by one listing and one look at its features, whether and how a backup can be put there.
 * @throws DbstashError when the final name is taken (unless the template means to overwrite), or the remote fails
 */
export async function prepareTarget(
  rclone: Rclone,
  remotePath: string,
  name: string,
  backupId: string,
  naming: BackupNaming,
  signal: AbortSignal,
): Promise<Target> {
  const folderName = dirname(name) === "." ? "" : dirname(name);
  const folder = joinRemote(remotePath, folderName);
  const [features, listed] = await together(
    signal,
    (either) => rclone.features(folder, either),
    (either) =>
      rclone.list(folder, ["--no-modtime"], either).catch((error: unknown) => {
        // The reason of an abort is somebody else's: a database, too, says "access denied".
        if (either.aborted) throw error;
        // Credentials that may only write are a wise choice for backups.
        if (error instanceof DbstashError && /denied|forbidden|\b403\b|not authorized/i.test(error.message))
          return error.message;
        throw error;
      }),
  );
  const entries = typeof listed === "string" ? [] : listed;
  const standing = entries.find((entry) => entry.path === basename(name));
  if (standing !== undefined && (standing.isFolder || naming.template.isUnique)) {
    throw new DbstashError(
      `${name} already exists on the remote and is left as it is`,
      takenHint(naming.template, standing.isFolder),
    );
  }
  const finalPath = joinRemote(remotePath, name);
  return {
    finalName: name,
    finalPath,
    uploadPath: features.move ? joinRemote(remotePath, stagedName(name, backupId)) : finalPath,
    staged: features.move,
    finalWasFree: standing === undefined && typeof listed !== "string",
    features,
    previousBytes: newestBytes(entries, folderName, naming),
    listing: typeof listed === "string" ? null : listed,
    listProblem: typeof listed === "string" ? listed : null,
  };
}

/** Advice where two jobs meet under one name. */
export const ownPlaceHint =
  "another job writes the same names: give each job its own folder in RCLONE_REMOTE (--rclone-remote) or its own BACKUP_NAME_TEMPLATE (--backup-name-template)";

function takenHint(template: NameTemplate, isFolder: boolean): string {
  const isFine = template.segments
    .flat()
    .some((part) => "token" in part && /^(timestamp|ts|uuid)$/.test(part.token));
  if (isFine) return ownPlaceHint;
  return isFolder
    ? "a folder has this name; change BACKUP_NAME_TEMPLATE (--backup-name-template)"
    : "use a finer time token, such as {timestamp} or {uuid}, in BACKUP_NAME_TEMPLATE (--backup-name-template)";
}

function newestBytes(entries: readonly ListingEntry[], folder: string, naming: BackupNaming): number | null {
  const read = nameReader(naming.template, naming);
  const earlier = entries.flatMap((entry) => {
    const reading = entry.isFolder ? null : read(folder === "" ? entry.path : `${folder}/${entry.path}`);
    return reading === null ? [] : [{ timeMs: reading.timeMs ?? 0, bytes: entry.bytes }];
  });
  return earlier.toSorted((a, b) => b.timeMs - a.timeMs)[0]?.bytes ?? null;
}

/** How long a look at what a rename that failed has left may take, also when the run's own time is over. */
const lastLookMs = 5_000;

/**
 * Gives a staged upload its final name. When the rename fails but the backup stands there all the same
 * (the answer was lost), it is published.
 * @throws DbstashError when the backup does not stand under its final name
 */
export async function publish(
  rclone: Rclone,
  target: Target,
  bytes: number,
  signal: AbortSignal,
): Promise<void> {
  if (!target.staged) return;
  try {
    await rclone.move(target.uploadPath, target.finalPath, signal);
  } catch (error) {
    if (!target.finalWasFree) throw error;
    const there = await rclone.size(target.finalPath, AbortSignal.timeout(lastLookMs)).catch(() => null);
    if (there !== bytes) throw error;
  }
}

/** How far an upload came: it did not end well, or it did, or what it stored was read back and found bad. */
export type UploadEnd = "failed" | "stored" | "proven bad";

/**
 * Removes what this run uploaded and will not publish. An upload straight to the final name that failed has made
 * nothing there: what stands under it is another run's, and stays.
 * @returns null, or why something may be left behind
 */
export async function discard(
  rclone: Rclone,
  target: Target,
  end: UploadEnd,
  signal: AbortSignal,
): Promise<string | null> {
  const isOwn = target.staged || end === "proven bad" || (end === "stored" && target.finalWasFree);
  if (!isOwn && !target.finalWasFree) return null;
  try {
    if (isOwn) await rclone.remove(target.uploadPath, signal);
    else if ((await rclone.size(target.finalPath, signal)) !== null)
      return "a file stands there that may be another run's, so it is left as it is";
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
