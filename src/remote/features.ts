import * as v from "valibot";

/** What a remote can do, as far as dbstash builds on it. */
export interface RemoteFeatures {
  /** It can rename: a backup is written under a staged name first. */
  readonly move: boolean;
  /** It takes a stream of unknown length; else rclone spools the whole dump to local disk. */
  readonly putStream: boolean;
  /** rclone has no hash from the server to compare with. */
  readonly hashIsEmpty: boolean;
  readonly kind: "local" | "s3" | "other";
  /** It can hold two files of one name, so that a rename replaces nothing (Google Drive). */
  readonly duplicates: boolean;
  /** It puts what it gets into another remote in a form of its own (crypt, chunker, compress). */
  readonly wraps: boolean;
  /** Names that differ by upper and lower case alone are one to it. */
  readonly foldsCase: boolean;
}

/** rclone's local backend (backend/local/local.go): it renames, takes streams, and its hashes are rclone's own. */
const localFeatures: RemoteFeatures = {
  move: true,
  putStream: true,
  hashIsEmpty: true,
  kind: "local",
  duplicates: false,
  wraps: false,
  foldsCase: false,
};

/** rclone's S3 backend (backend/s3/s3.go): it can't rename, and a multipart upload has no hash of the whole. */
const s3Features: RemoteFeatures = {
  move: false,
  putStream: true,
  hashIsEmpty: true,
  kind: "s3",
  duplicates: false,
  wraps: false,
  foldsCase: false,
};

/**
 * What need not be asked: backends that can do the same whoever runs the server, and wrap no other one.
 * @param backend as `type` in rclone.conf names it
 */
export function knownFeatures(backend: string | null): RemoteFeatures | null {
  if (backend === "local") return localFeatures;
  return backend === "s3" ? s3Features : null;
}

const featuresSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    String: v.string(),
    Hashes: v.optional(v.nullable(v.array(v.string())), []),
    Features: v.object({
      Move: v.optional(v.boolean(), false),
      PutStream: v.optional(v.boolean(), false),
      DuplicateFiles: v.optional(v.boolean(), false),
      WrapFs: v.optional(v.boolean(), false),
      CaseInsensitive: v.optional(v.boolean(), false),
    }),
  }),
);

/** Reads what `rclone backend features` prints. */
export function parseFeatures(text: string): RemoteFeatures {
  const { String: title, Hashes, Features } = v.parse(featuresSchema, text);
  const kind = title.startsWith("Local file system")
    ? "local"
    : /^S3 (bucket|root)/.test(title)
      ? "s3"
      : "other";
  // On local disk and for S3's multipart uploads rclone compares its own hash with itself, or with nothing.
  const hashIsEmpty = kind !== "other" || (Hashes ?? []).length === 0;
  const { Move: move, PutStream: putStream, DuplicateFiles: duplicates, WrapFs: wraps } = Features;
  return {
    move,
    putStream,
    hashIsEmpty,
    kind,
    duplicates,
    wraps,
    foldsCase: Features.CaseInsensitive,
  };
}
