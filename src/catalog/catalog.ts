import { type NameContext, nameReader, type NameReading, type NameTemplate } from "./naming.ts";
import { type BackupKind, listingScope } from "./scope.ts";
import { jobMark, parseStaged, type StagedName } from "./staged.ts";

/** The file at the top of a backup folder, uploaded last: a folder without it is no backup. */
export const MANIFEST_NAME = "dbstash.json";

/** One line of a listing; `path` is relative to the folder that was listed. */
export interface ListingEntry {
  readonly path: string;
  readonly bytes: number;
  readonly isFolder: boolean;
  /** Null where the listing was taken without times. A folder's is not looked at. */
  readonly modTimeMs: number | null;
}

/** Whose backups are looked for. */
export interface CatalogueJob extends NameContext {
  readonly template: NameTemplate;
  readonly kind: BackupKind;
}

/** One backup of the job. */
export interface Backup {
  /** Below the remote's path, without a trailing slash. */
  readonly name: string;
  /** From the name where the template tells the time, else when the file (of a folder: its manifest) was written. */
  readonly timeMs: number | null;
  /** The last moment the name can stand for; see `NameReading`. */
  readonly latestMs: number | null;
  /** A file's size; of a folder the sum of what the listing shows in it. */
  readonly bytes: number;
}

/** A file that a run was writing and did not finish, or is writing now. */
export interface StagedFile {
  readonly name: string;
  readonly backupId: string;
  /** When its run began. */
  readonly timeMs: number;
}

/** A folder that a run was filling and did not finish, or is filling now. */
export interface UnfinishedFolder {
  readonly name: string;
  /** The latest moment its run can have begun, by its name, else its newest file's time; null when neither is known. */
  readonly timeMs: number | null;
}

/** What a listing holds for a job; names are below the remote's path. */
export interface Catalogue {
  /** Newest first; those without a time last. */
  readonly backups: readonly Backup[];
  /** This job's staged files, of any age; a live run's own is among them. */
  readonly staged: readonly StagedFile[];
  /** Folders with this job's name but without a manifest. */
  readonly unfinished: readonly UnfinishedFolder[];
  /** Same stem, but another extension or kind: told to people, and left alone. `names` holds up to five of them. */
  readonly otherExtension: { readonly count: number; readonly names: readonly string[] };
}

const EXAMPLES = 5;

/**
 * Sorts the listing of `listingScope(…).folder` into what belongs to the job. Foreign entries, other databases' backups
 * and whatever the template could not have written appear nowhere.
 */
export function catalogue(listing: readonly ListingEntry[], job: CatalogueJob): Catalogue {
  const { folder: scope } = listingScope(job.template, job);
  const entries = listing.map((entry) => ({
    ...entry,
    name: scope === "" ? entry.path : `${scope}/${entry.path}`,
  }));
  const read = nameReader(job.template, job);
  const readStem = nameReader(job.template, { ...job, extension: "" });
  const ownMark = jobMark(job.template, job);
  const depth = job.template.segments.length - 1;
  const isOwnCut = ({ mark, folder }: StagedName): boolean =>
    mark === ownMark && folder.split("/").length - 1 === depth;
  const backups: Backup[] = [];
  const staged: StagedFile[] = [];
  const unfinished: UnfinishedFolder[] = [];
  const others: string[] = [];
  const add = (name: string, bytes: number, reading: NameReading, modTimeMs: number | null): void => {
    backups.push({
      name,
      bytes,
      timeMs: reading.timeMs ?? modTimeMs,
      latestMs: reading.latestMs ?? modTimeMs,
    });
  };
  const addOther = (name: string): void => {
    if (stems(name).some((stem) => readStem(stem) !== null)) others.push(name);
  };

  for (const { name, bytes, isFolder, modTimeMs } of entries) {
    if (isFolder) continue;
    const leftover = parseStaged(name);
    const reading = read(leftover?.finalName ?? name);
    if (leftover !== null) {
      const isOwn = leftover.finalName === null ? isOwnCut(leftover) : reading !== null;
      if (isOwn) staged.push({ name, backupId: leftover.backupId, timeMs: leftover.timeMs });
    } else if (reading !== null && job.kind === "file") add(name, bytes, reading, modTimeMs);
    else addOther(name);
  }
  for (const [name, { bytes, manifest, newestMs }] of foldersOf(entries)) {
    const reading = read(name);
    if (reading === null || job.kind !== "folder") addOther(name);
    else if (manifest !== null) add(name, bytes, reading, manifest.modTimeMs);
    else unfinished.push({ name, timeMs: reading.latestMs ?? newestMs });
  }
  backups.sort((a, b) => (b.timeMs ?? -Infinity) - (a.timeMs ?? -Infinity) || (a.name < b.name ? 1 : -1));
  return {
    backups,
    staged,
    unfinished,
    otherExtension: { count: others.length, names: others.slice(0, EXAMPLES) },
  };
}

/** What could be a name's stem: itself, and itself without one to three extensions (`.archive.gz.zst`). */
export function stems(name: string): string[] {
  const found = [name];
  while (found.length <= 3) {
    const longer = found.at(-1) ?? name;
    const shorter = longer.replace(/\.[A-Za-z0-9]+$/, "");
    if (shorter === longer) break;
    found.push(shorter);
  }
  return found;
}

/**
 * Folders that a template has made and that hold nothing any more, the deepest first: with times in their names that
 * are over, and nothing in the listing but what was removed.
 * @param listing of `listingScope(…).folder`; @param removed names below the remote's path, of files and of folders
 * @param beforeMs only folders whose last possible moment lies before
 */
export function emptiedFolders(
  listing: readonly ListingEntry[],
  removed: ReadonlySet<string>,
  job: CatalogueJob,
  beforeMs: number,
): string[] {
  const { folder: scope } = listingScope(job.template, job);
  const below = (path: string): string => (scope === "" ? path : `${scope}/${path}`);
  const readers = job.template.segments
    .slice(0, -1)
    .map((_, index) =>
      nameReader(
        { ...job.template, segments: job.template.segments.slice(0, index + 1) },
        { ...job, extension: "" },
      ),
    );
  const needed = new Set<string>();
  for (const { path, isFolder } of listing) {
    const name = below(path);
    if (!isFolder && !isWithin(name, removed)) for (const folder of foldersAbove(name)) needed.add(folder);
  }
  const isEmptied = (name: string): boolean => {
    const reading = readers[name.split("/").length - 1]?.(name) ?? null;
    const isOver = reading?.latestMs != null && reading.latestMs < beforeMs;
    return isOver && !needed.has(name);
  };
  const folders = listing.filter(({ isFolder }) => isFolder).map(({ path }) => below(path));
  return folders.filter(isEmptied).toSorted((a, b) => b.length - a.length);
}

/** Whether a name, or a folder that it lies in, is one of these. */
function isWithin(name: string, names: ReadonlySet<string>): boolean {
  return names.has(name) || foldersAbove(name).some((folder) => names.has(folder));
}

/** The folders that a name lies in, the innermost first. */
function foldersAbove(name: string): string[] {
  const folders: string[] = [];
  for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1))
    folders.push(name.slice(0, end));
  return folders;
}

interface Folder {
  bytes: number;
  manifest: ListingEntry | null;
  newestMs: number | null;
}

/** Every folder of a listing with what lies below it; bucket stores show some by their files alone. */
function foldersOf(entries: readonly (ListingEntry & { readonly name: string })[]): Map<string, Folder> {
  const folders = new Map<string, Folder>();
  const folderAt = (name: string): Folder => {
    const folder = folders.get(name) ?? { bytes: 0, manifest: null, newestMs: null };
    folders.set(name, folder);
    return folder;
  };
  for (const entry of entries) {
    if (entry.isFolder) {
      folderAt(entry.name);
      continue;
    }
    for (let end = entry.name.lastIndexOf("/"); end > 0; end = entry.name.lastIndexOf("/", end - 1)) {
      const folder = folderAt(entry.name.slice(0, end));
      folder.bytes += Math.max(0, entry.bytes);
      folder.newestMs =
        entry.modTimeMs === null ? folder.newestMs : Math.max(folder.newestMs ?? 0, entry.modTimeMs);
      if (entry.name.slice(end + 1) === MANIFEST_NAME) folder.manifest = entry;
    }
  }
  return folders;
}
