import { type CatalogueJob, type ListingEntry, stems } from "./catalog.ts";
import { listingScope } from "./scope.ts";
import { type AnyNameContext, type Subject, subjectReader, subjectText } from "./naming.ts";
import { jobMark, parseStaged, type StagedName } from "./staged.ts";

/** Whose backups are told apart: those of every database of an engine, by one template. */
export interface DatabasesJob extends AnyNameContext, Pick<CatalogueJob, "template" | "kind"> {
  /** How files of roles and tablespaces end; null where there are none. */
  readonly globalsExtension: string | null;
}

/** What a listing holds of one of them. */
export interface DatabaseListing {
  readonly subject: Subject;
  /** Relative to the folder in which a job of it alone would have listed them, as `catalogue` wants them. */
  readonly entries: readonly ListingEntry[];
}

/** An entry, and its name below the remote's path. */
interface NamedEntry extends ListingEntry {
  readonly name: string;
}

/**
 * Sorts one listing of all databases (`listingScope` of the database null) by database. There are those of whose names
 * at least one is in the listing, whole or staged; what is alike but for its extension, and folders that they share, go
 * with them. Keys are those of `subjectText`.
 */
export function databasesOf(
  listing: readonly ListingEntry[],
  job: DatabasesJob,
): ReadonlyMap<string, DatabaseListing> {
  const { folder } = listingScope(job.template, { ...job, database: null });
  const found = new Map<string, { subject: Subject; entries: NamedEntry[] }>();
  const rest: NamedEntry[] = [];
  const ownerOf = ownersOf(job);
  for (const each of listing) {
    const entry = { ...each, name: folder === "" ? each.path : `${folder}/${each.path}` };
    const subject = ownerOf(entry);
    if (subject === null) {
      rest.push(entry);
      continue;
    }
    // A backup of all databases in one is another job's.
    if (subject.scope === "all") continue;
    const key = subjectText(subject);
    const known = found.get(key);
    if (known === undefined) found.set(key, { subject, entries: [entry] });
    else known.entries.push(entry);
  }
  const subjects = [...found.values()].map(({ subject }) => subject);
  const alikeOf = alikesOf(job, subjects);
  for (const entry of rest) for (const key of alikeOf(entry)) found.get(key)?.entries.push(entry);
  return new Map([...found].map(([key, { subject, entries }]) => [key, below(job, subject, entries)]));
}

/** What names are exactly those of a database: its backup's, or what was staged for one. */
function ownersOf(job: DatabasesJob): (entry: NamedEntry) => Subject | null {
  const read = subjectReader(job.template, job);
  const { globalsExtension } = job;
  const readGlobals =
    globalsExtension === null ? null : subjectReader(job.template, { ...job, extension: globalsExtension });
  const depth = job.template.segments.length;
  const isGlobals = (subject: Subject | null): boolean => subject?.scope === "globals";
  return ({ name, isFolder }) => {
    const staged = isFolder ? null : parseStaged(name);
    const whole = staged?.finalName ?? name;
    const ofGlobals = isFolder ? null : (readGlobals?.(whole) ?? null);
    if (isGlobals(ofGlobals)) return ofGlobals;
    const segments = whole.split("/");
    const isInside = isFolder || segments.length > depth;
    if (staged === null && isInside !== (job.kind === "folder")) return null;
    const subject = read(staged === null ? segments.slice(0, depth).join("/") : whole);
    return isGlobals(subject) ? null : subject;
  };
}

/** To which of these databases an entry belongs that is no backup of theirs. */
function alikesOf(job: DatabasesJob, subjects: readonly Subject[]): (entry: NamedEntry) => Iterable<string> {
  const keys = subjects.map(subjectText);
  const known = new Set(keys);
  const depth = job.template.segments.length;
  const marks = new Map(subjects.map((subject) => [jobMark(job.template, contextOf(job, subject)), subject]));
  // Of each folder that the template makes, and of the name itself.
  const readers = job.template.segments.map((_, index) => {
    const template = { ...job.template, segments: job.template.segments.slice(0, index + 1) };
    const hasDb = template.segments.flat().some((part) => "token" in part && part.token === "db");
    return { hasDb, read: subjectReader(template, { ...job, extension: "" }) };
  });
  const ofCut = ({ mark, folder }: StagedName): string[] => {
    const subject = marks.get(mark ?? "");
    return subject !== undefined && folder.split("/").length === depth ? [subjectText(subject)] : [];
  };
  return ({ name, isFolder }) => {
    const leftover = parseStaged(name);
    if (leftover !== null) return leftover.finalName === null ? ofCut(leftover) : [];
    const segments = name.split("/");
    const top = readers[Math.min(segments.length, depth) - 1];
    if (top === undefined) return [];
    const head = segments.slice(0, depth).join("/");
    if (isFolder && segments.length < depth && !top.hasDb) return keys;
    const candidates = segments.length < depth ? [head] : stems(head);
    const texts = candidates.map(top.read).map((hit) => (hit === null ? "" : subjectText(hit)));
    return new Set(texts.filter((text) => known.has(text)));
  };
}

/** The names of one database, as its own job reads them. */
function contextOf({ globalsExtension, ...job }: DatabasesJob, subject: Subject): CatalogueJob {
  if (subject.scope !== "globals") return { ...job, ...subject };
  return { ...job, ...subject, kind: "file", extension: globalsExtension ?? "" };
}

function below(job: DatabasesJob, subject: Subject, entries: readonly NamedEntry[]): DatabaseListing {
  const { folder } = listingScope(job.template, contextOf(job, subject));
  const start = folder === "" ? 0 : folder.length + 1;
  const isBelow = ({ name }: NamedEntry): boolean => folder === "" || name.startsWith(`${folder}/`);
  return {
    subject,
    entries: entries.filter(isBelow).map(({ name, bytes, isFolder, modTimeMs }) => ({
      path: name.slice(start),
      bytes,
      isFolder,
      modTimeMs,
    })),
  };
}
