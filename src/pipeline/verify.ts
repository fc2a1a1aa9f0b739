import { type DumpFormat, headBytes, judgeEnd, tailBytes } from "../engine/format.ts";
import { DbstashError } from "../errors.ts";
import type { Job } from "../job.ts";
import type { RemoteFeatures } from "../remote/features.ts";
import type { Rclone } from "../remote/rclone.ts";
import { streamingCutoffBytes } from "../remote/upload.ts";

/** What reading a stored backup back has shown. */
export type Verdict =
  | {
      readonly outcome: "good";
      readonly bytes: number;
      /** What was compared, for the log. */ readonly how: string;
    }
  /** Proven bad: to be removed. */
  | { readonly outcome: "bad"; readonly reason: string }
  /** Could not be checked: to be kept. */
  | { readonly outcome: "unchecked"; readonly bytes: number; readonly reason: string };

/** What was streamed, as rclone counted it. */
export interface Streamed {
  readonly bytes: number;
  /** The count comes from an rclone that may count small and spooled streams twice. */
  readonly old: boolean;
}

/** What the end of a job's uncompressed stream is compared with; null where the format has no cheap end mark. */
export function expectedFormat({ engine, request }: Pick<Job, "engine" | "request">): DumpFormat | null {
  const format = engine.expectedFormat(request);
  if (format === null || format.stranger === "bad" || request.extraArgs.length === 0) return format;
  return { ...format, stranger: "good" };
}

/**
 * Checks a stored backup: its size on the remote is what was streamed, and its last bytes are the end of its format.
 * One call does both: a range that begins `tailBytes` before the expected end holds exactly that many bytes.
 * @param format null where the format has no cheap end mark: then size alone counts
 * @throws the signal's reason when it aborts
 */
export async function verifyStored(
  rclone: Rclone,
  path: string,
  streamed: Streamed,
  features: RemoteFeatures,
  format: DumpFormat | null,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    if (format === null || streamed.old) {
      const size = await rclone.size(path, signal);
      const verdict = judgeSize(size, streamed, features);
      if (verdict.outcome !== "good" || format === null) return verdict;
      return await verifyEnd(
        rclone,
        path,
        verdict.bytes,
        await rclone.read(path, ["--tail", String(tailBytes)], signal),
        format,
        signal,
      );
    }
    const offset = Math.max(0, streamed.bytes - tailBytes);
    const tail = await rclone.read(
      path,
      ["--offset", String(offset), "--count", String(2 * tailBytes)],
      signal,
    );
    if (tail.length !== streamed.bytes - offset)
      return judgeSize(await rclone.size(path, signal), streamed, features);
    return await verifyEnd(rclone, path, streamed.bytes, tail, format, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof DbstashError)) throw error;
    return { outcome: "unchecked", bytes: streamed.bytes, reason: error.message };
  }
}

/** rclone before 1.67 counts twice what it holds in memory or spools; its count is halved there, and only there. */
export function judgeSize(size: number | null, { bytes, old }: Streamed, features: RemoteFeatures): Verdict {
  if (size === null) return { outcome: "bad", reason: "it is not on the remote" };
  const half = bytes / 2;
  const twice = old && (!features.putStream || half < streamingCutoffBytes(features));
  if (size === bytes || (twice && size === half)) return { outcome: "good", bytes: size, how: "size" };
  return { outcome: "bad", reason: `it has ${size} bytes on the remote where ${bytes} were streamed` };
}

async function verifyEnd(
  rclone: Rclone,
  path: string,
  bytes: number,
  tail: Uint8Array,
  format: DumpFormat,
  signal: AbortSignal,
): Promise<Verdict> {
  if (judgeEnd(format, tail, null) === "whole")
    return { outcome: "good", bytes, how: `size and end of a ${format.title} file` };
  const head = await rclone.read(path, ["--count", String(headBytes)], signal);
  if (judgeEnd(format, tail, head) === "cut")
    return { outcome: "bad", reason: `its end is not the end of a ${format.title} file` };
  const unlike = `it has neither the beginning nor the end of a ${format.title} file`;
  if (format.stranger !== "good") return { outcome: "unchecked", bytes, reason: unlike };
  return { outcome: "good", bytes, how: `size alone: ${unlike}, as extra arguments may have asked for` };
}
