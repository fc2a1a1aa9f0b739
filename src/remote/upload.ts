import type { RemoteFeatures } from "./features.ts";

const MiB = 1_048_576;
/** S3 takes at most 10,000 parts (AWS, "Multipart upload limits"); rclone's 5 MiB parts end at 48 GiB. */
const maxParts = 10_000;
const smallestChunk = 16 * MiB;
/** Room for growth since the last backup. */
const headroom = 1.5;

/** Of an upload in one piece nothing is asked again: a right to read is not needed, and the size is looked at later. */
const s3Flags = ["--streaming-upload-cutoff", "16Mi", "--s3-no-check-bucket", "--s3-no-head"];

/** What the upload's flags depend on. */
export interface UploadChoice {
  readonly features: RemoteFeatures;
  /** Size of the previous backup; null for none. */
  readonly previousBytes: number | null;
  /** The user has set a chunk size, by flag, variable or config file. */
  readonly chunkSizeIsSet: boolean;
}

/**
 * Flags of `rclone rcat`. A stream may pause as long as the stall limit allows (`--timeout 0`);
 * a hash that rclone would compare with itself is not computed, and then `--size-only` must go with
 * `--ignore-checksum`, or the check falls back to modification times.
 */
export function uploadFlags({ features, previousBytes, chunkSizeIsSet }: UploadChoice): string[] {
  return [
    "--stats=1s",
    "--stats-log-level=NOTICE",
    "--timeout=0",
    ...(features.hashIsEmpty ? ["--ignore-checksum", "--size-only"] : []),
    ...(features.kind === "local" ? ["--buffer-size", "0"] : []),
    // No bucket is ever created, and asking for one takes a right that storing does not need.
    ...(features.kind === "s3" ? s3Flags : []),
    ...(chunkSizeIsSet ? [] : ["--s3-chunk-size", `${chunkMiB(previousBytes)}Mi`]),
  ];
}

function chunkMiB(previousBytes: number | null): number {
  return Math.ceil(Math.max(smallestChunk, ((previousBytes ?? 0) * headroom) / maxParts) / MiB);
}

/** The cutoff below which rclone holds a stream in memory, in bytes (its own default but for S3). */
export function streamingCutoffBytes(features: Pick<RemoteFeatures, "kind">): number {
  return features.kind === "s3" ? 16 * MiB : 100 * 1024;
}
