import { MANIFEST_NAME } from "../catalog/catalog.ts";
import { missingFiles, type Manifest } from "../catalog/manifest.ts";
import { toProblem } from "../errors.ts";
import type { Rclone } from "../remote/rclone.ts";
import { bad, type Verdict } from "./verdict.ts";

/** More missing files than these are counted, not named. */
const namedFiles = 5;

/**
 * Judges a stored folder: every file of its manifest lies there with its size.
 * @param bytes of the whole backup, its manifest included
 * @throws as `verifyFile`
 */
export async function verifyFolder(
  rclone: Rclone,
  path: string,
  manifest: Manifest,
  bytes: number,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    const listing = await rclone.list(path, ["--recursive", "--no-modtime"], [], signal);
    const missing = missingFiles(manifest, listing);
    if (missing.length > 0) {
      const more = missing.length > namedFiles ? `; and ${missing.length - namedFiles} more` : "";
      return bad("size", missing.slice(0, namedFiles).join("; ") + more);
    }
    if (listing.some((entry) => !entry.isFolder && entry.bytes < 0))
      return {
        outcome: "unchecked",
        bytes,
        reason: { message: "the remote does not tell its files' sizes" },
      };
    return {
      outcome: "good",
      bytes,
      how: `${manifest.files.length} files, each with the size in ${MANIFEST_NAME}`,
    };
  } catch (error) {
    if (signal.aborted) throw error;
    return { outcome: "unchecked", bytes, reason: toProblem(error) };
  }
}
