import type { ListingEntry } from "./catalog.ts";
import { DbstashError } from "../errors.ts";
import { type EngineName, engineNames } from "../kinds.ts";

/** What a backup folder holds, as its `dbstash.json` (see `MANIFEST_NAME`) tells it; uploaded last. */
export interface Manifest {
  readonly engine: EngineName;
  /** The database as `{db}` shows it: its name, or `all`. */
  readonly database: string;
  /** When the run began, RFC 3339. */
  readonly createdAt: string;
  /** The dump tool's own words about its version. */
  readonly tool: string;
  /** Every file of the backup but this one; paths relative to the folder, with slashes. */
  readonly files: readonly ManifestFile[];
}

/** A file of a backup folder. */
export interface ManifestFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 in hex, of the file while it was local; left out where it could not be made. */
  readonly sha256?: string;
}

/** The manifest as text, readable by people too. */
export function writeManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * Reads a manifest. Unknown members are left out, so that later versions may add some.
 * @throws DbstashError for anything that is none
 */
export function readManifest(text: string): Manifest {
  const value = parseJson(text);
  if (!isRecord(value)) throw notOne("it is no JSON object");
  const engine = engineNames.find((name) => name === value["engine"]);
  const { database, createdAt, tool, files } = value;
  if (engine === undefined) throw notOne("it names no engine");
  if (typeof database !== "string") throw notOne("it names no database");
  if (typeof createdAt !== "string" || Number.isNaN(Date.parse(createdAt))) throw notOne("it tells no time");
  if (typeof tool !== "string") throw notOne("it names no tool");
  if (!Array.isArray(files)) throw notOne("it lists no files");
  return { engine, database, createdAt, tool, files: files.map(readFile) };
}

/**
 * The sizes of whole backups, in bytes and in no order, as their manifests tell them; each its own text included.
 * @param texts manifests one behind the other, as `writeManifest` made them
 * @throws DbstashError for anything that is none
 */
export function manifestSizes(texts: string): number[] {
  // Of a manifest only the last line begins with a brace that closes.
  return texts
    .split(/(?<=^}\n)/m)
    .filter((text) => text !== "")
    .map((text) => {
      const { files } = readManifest(text);
      return files.reduce((sum, { bytes }) => sum + bytes, Buffer.byteLength(text));
    });
}

/**
 * What a backup folder lacks, as phrases that name the file; empty when it is whole. Further files are no lack, and
 * neither is a size that the remote does not tell.
 * @param listing everything below the folder, with paths relative to it
 */
export function missingFiles(manifest: Manifest, listing: readonly ListingEntry[]): string[] {
  const sizes = new Map(
    listing.filter((entry) => !entry.isFolder).map((entry) => [entry.path, entry.bytes] as const),
  );
  return manifest.files.flatMap(({ path, bytes }) => {
    const size = sizes.get(path);
    if (size === undefined) return [`${path} is missing`];
    return size === bytes || size < 0 ? [] : [`${path} has ${size} bytes where ${bytes} were written`];
  });
}

function readFile(value: unknown): Manifest["files"][number] {
  if (!isRecord(value)) throw notOne("a file in it is no object");
  const { path, bytes, sha256 } = value;
  if (typeof path !== "string" || path === "") throw notOne("a file in it has no path");
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0)
    throw notOne("a file in it has no size");
  if (sha256 === undefined) return { path, bytes };
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256))
    throw notOne("a file in it has a SHA-256 that is none");
  return { path, bytes, sha256 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notOne("it is no JSON");
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notOne(reason: string): DbstashError {
  return new DbstashError(`the folder's manifest can't be read: ${reason}`);
}
