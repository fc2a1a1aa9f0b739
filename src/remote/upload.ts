import type { RemoteFeatures } from "./features.ts";

const MiB = 1_048_576;
/** S3 takes at most 10,000 parts (AWS, "Multipart upload limits"); rclone's 5 MiB parts end at 48 GiB. */
const maxParts = 10_000;
const smallestChunk = 16 * MiB;
/** Room for growth since the last backup. */
const headroom = 1.5;

/** What the upload's flags depend on. */
export interface UploadChoice {
  readonly features: RemoteFeatures;
  /** Size of the previous backup; null for none. */
  readonly previousBytes: number | null;
  /** The folder was listed, so its bucket exists. */
  readonly listed: boolean;
  /** The user has set a chunk size, by flag, variable or config file. */
  readonly chunkSizeIsSet: boolean;
}

/**
 * Flags of `rclone rcat`. A stream may pause as long as the stall limit allows (`--timeout 0`);
 * a hash that rclone would compare with itself is not computed, and then `--size-only` must go with
 * `--ignore-checksum`, or the check falls back to modification times.
 */
export function uploadFlags({ features, previousBytes, listed, chunkSizeIsSet }: UploadChoice): string[] {
  return [
    "--stats=1s",
    "--stats-log-level=NOTICE",
    "--timeout=0",
    ...(features.hashIsEmpty ? ["--ignore-checksum", "--size-only"] : []),
    ...(features.kind === "local" ? ["--buffer-size", "0"] : []),
    ...(features.kind === "s3" ? ["--streaming-upload-cutoff", "16Mi"] : []),
    ...(chunkSizeIsSet ? [] : ["--s3-chunk-size", `${chunkMiB(previousBytes)}Mi`]),
    ...(listed ? ["--s3-no-check-bucket"] : []),
  ];
}

function chunkMiB(previousBytes: number | null): number {
  return Math.ceil(Math.max(smallestChunk, ((previousBytes ?? 0) * headroom) / maxParts) / MiB);
}

/** The cutoff below which rclone holds a stream in memory, in bytes (its own default but for S3). */
export function streamingCutoffBytes(features: RemoteFeatures): number {
  return features.kind === "s3" ? 16 * MiB : 100 * 1024;
}
