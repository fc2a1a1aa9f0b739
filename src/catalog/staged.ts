import { type NameContext, type NameTemplate, subjectText } from "./naming.ts";

const BACKUP_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** When a backup id was made, in ms (RFC 9562, 5.7: the first 48 bits); null when it is no UUIDv7. */
export function backupIdTimeMs(backupId: string): number | null {
  return BACKUP_ID.test(backupId) ? parseInt(backupId.slice(0, 8) + backupId.slice(9, 13), 16) : null;
}

/** What rclone's crypt can still hold: it makes 255 bytes of it, the most that file systems take (rclone's docs, crypt). */
const longestBytes = 143;
const idBytes = 36;
/** Of `.<name>.<id>.partial`, without name and id; and of the `~` and mark behind a name that was cut. */
const frameBytes = ".".length + ".".length + ".partial".length;
const markBytes = 9;

/** What a name on its way to another one tells. */
export interface StagedName {
  /** The name it was to get; null where it was too long to stand in the staged one. */
  readonly finalName: string | null;
  /** Of a cut name: the mark of its job. */
  readonly mark: string | null;
  /** The folder it stands in, with its slash; empty for none. */
  readonly folder: string;
  readonly backupId: string;
  /** When its run began. */
  readonly timeMs: number;
}

/** Tells the jobs that write into one folder apart, in eight hex digits. */
export function jobMark(template: NameTemplate, job: NameContext): string {
  const text = JSON.stringify([template.text, subjectText(job), job.engine, job.extension]);
  return Bun.hash.crc32(text).toString(16).padStart(8, "0");
}

/**
 * The name a file has beside its final one until it is whole: `a/b.sql` becomes `a/.b.sql.<backup id>.partial`.
 * It is no longer than the final name, or than 143 bytes: what is too long is cut from the name, and the job's mark
 * stands for what is gone.
 */
export function stagedName(finalName: string, backupId: string, mark: string): string {
  const base = finalName.lastIndexOf("/") + 1;
  const [folder, leaf] = [finalName.slice(0, base), finalName.slice(base)];
  const leafBytes = Buffer.byteLength(leaf);
  const roomBytes = Math.max(leafBytes, longestBytes) - frameBytes - idBytes;
  const name = leafBytes <= roomBytes ? leaf : `${cut(leaf, roomBytes - markBytes)}~${mark}`;
  return `${folder}.${name}.${backupId}.partial`;
}

/** At most so many bytes of a text, whole characters alone. */
function cut(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}

/** What a staged name tells; null for any other name. */
export function parseStaged(name: string): StagedName | null {
  const match = /^((?:.*\/)?)\.([^/]+)\.([^./]+)\.partial$/su.exec(name);
  const [, folder, base, backupId] = match ?? [];
  if (folder === undefined || base === undefined || backupId === undefined) return null;
  const timeMs = backupIdTimeMs(backupId);
  if (timeMs === null) return null;
  const mark = /~([0-9a-f]{8})$/.exec(base)?.[1] ?? null;
  // Only a name that left no room was cut: a shorter one may end like that by itself.
  const isCut = mark !== null && Buffer.byteLength(base) >= longestBytes - frameBytes - idBytes - 3;
  return { finalName: isCut ? null : folder + base, mark: isCut ? mark : null, folder, backupId, timeMs };
}
