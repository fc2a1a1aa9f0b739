import type { RemoteFeatures } from "../remote/features.ts";
import { streamingCutoffBytes } from "../remote/upload.ts";
import { bad, type Verdict } from "./verdict.ts";

/** What of a remote decides how an old rclone counts. */
export type CountingFeatures = Pick<RemoteFeatures, "wraps" | "putStream" | "kind">;

/** What was streamed, as rclone counted it. */
export interface Streamed {
  readonly bytes: number;
  /** The count comes from an rclone that may count small and spooled streams twice. */
  readonly mayCountTwice: boolean;
}

/** The size that a count stands for; null where an old rclone may have counted twice. */
export function knownBytes(streamed: Streamed, features: CountingFeatures): number | null {
  return mayBeDouble(streamed, features) ? null : streamed.bytes;
}

/** rclone before 1.67 counts twice what it holds in memory or spools; its count is halved there, and only there. */
function mayBeDouble({ bytes, mayCountTwice }: Streamed, features: CountingFeatures): boolean {
  return (
    mayCountTwice && (features.wraps || !features.putStream || bytes / 2 < streamingCutoffBytes(features))
  );
}

const cryptHeadBytes = 32;
const cryptBlockBytes = 65_536;
const cryptTagBytes = 16;

/** What rclone's crypt makes of so many bytes (its docs, "File encryption"). */
function encryptedBytes(bytes: number): number {
  return cryptHeadBytes + bytes + cryptTagBytes * Math.ceil(bytes / cryptBlockBytes);
}

/**
 * Whether rclone before 1.67 may have come to this count by a file of this size: on its way through crypt it counts
 * what it reads and what it makes of it, and through chunker it counts up to three times.
 */
function isCountOf(size: number, { bytes }: Streamed, { wraps }: CountingFeatures): boolean {
  return bytes === 2 * size || (wraps && (bytes === 3 * size || bytes === size + encryptedBytes(size)));
}

/** Judges a size on the remote by what was streamed. */
export function judgeSize(size: number | null, streamed: Streamed, features: CountingFeatures): Verdict {
  const { bytes } = streamed;
  if (size === null) return { outcome: "missing" };
  if (size < 0)
    return {
      outcome: "unchecked",
      bytes: knownBytes(streamed, features),
      reason: { message: "the remote does not tell its size" },
    };
  const isDouble = mayBeDouble(streamed, features);
  if (size === bytes || (isDouble && isCountOf(size, streamed, features)))
    return { outcome: "good", bytes: size, how: "size" };
  if (isDouble && features.wraps) {
    const message = `it has ${size} bytes, and what this rclone counted, ${bytes}, tells nothing of that`;
    return {
      outcome: "unchecked",
      bytes: size,
      reason: { message, hint: "rclone 1.67 and later count well" },
    };
  }
  return bad("size", `it has ${size} bytes on the remote where ${bytes} were streamed`);
}
