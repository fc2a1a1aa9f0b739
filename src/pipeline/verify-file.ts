import type { Beginning } from "../engine/engine.ts";
import { type DumpFormat, headBytes, judgeEnd, tailBytes } from "../engine/format.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { sizeOf, untilSeen } from "../remote/look.ts";
import type { Rclone } from "../remote/rclone.ts";
import { type CountingFeatures, judgeSize, knownBytes, type Streamed } from "./counted.ts";
import { bad, type Verdict } from "./verdict.ts";

/** What of a job says how its stored files look. */
export type FileKind = Pick<Job, "engine" | "request" | "filters">;

/**
 * Judges a stored file: its size on the remote is what was streamed, its last bytes are the end of its format, and
 * there is something in it.
 * @throws the signal's reason when it aborts; whatever else keeps us from looking says nothing against the backup
 */
export async function verifyFile(
  rclone: Rclone,
  path: string,
  streamed: Streamed,
  features: CountingFeatures,
  { engine, request, filters }: FileKind,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    const verdict = await verifyEnds(rclone, path, streamed, features, filters.endMark, signal);
    if (verdict.outcome !== "good" || engine.emptiness === null || filters.isEncrypted) return verdict;
    const problem = engine.emptiness(request, await readHead(rclone, path, signal));
    return problem === null ? verdict : { outcome: "bad", problem, about: "content" };
  } catch (error) {
    if (signal.aborted) throw error;
    return { outcome: "unchecked", bytes: knownBytes(streamed, features), reason: toProblem(error) };
  }
}

/** How a file begins, where its end tells nothing. @returns null for a good beginning, else what is wrong */
export async function wrongBeginning(
  rclone: Rclone,
  path: string,
  beginning: Beginning,
  signal: AbortSignal,
): Promise<Problem | null> {
  const head = await readHead(rclone, path, signal);
  const isRight = beginning.bytes.every((byte, index) => head[index] === byte);
  return isRight ? null : { message: `it does not begin as ${beginning.title}` };
}

function readHead(rclone: Rclone, path: string, signal: AbortSignal): Promise<Uint8Array> {
  return rclone.read(path, ["--count", String(headBytes)], signal);
}

/**
 * Size and end. One call does both: a range that begins `tailBytes` before the expected end holds exactly that many
 * bytes.
 * @param format null where the format has no cheap end mark: then size alone counts
 */
async function verifyEnds(
  rclone: Rclone,
  path: string,
  streamed: Streamed,
  features: CountingFeatures,
  format: DumpFormat | null,
  signal: AbortSignal,
): Promise<Verdict> {
  if (format === null || streamed.mayCountTwice) {
    const verdict = judgeSize(await sizeOf(rclone, path, signal), streamed, features);
    if (verdict.outcome !== "good" || verdict.bytes === null || format === null) return verdict;
    const { bytes } = verdict;
    const flags = ["--tail", String(tailBytes)];
    const tail = await rclone.read(path, flags, signal);
    const due = Math.min(tailBytes, bytes);
    return tail.length === due
      ? verifyEnd(rclone, path, bytes, tail, format, signal)
      : verifyAgain(rclone, path, bytes, { flags, due }, format, signal);
  }
  const { bytes } = streamed;
  const offset = Math.max(0, bytes - tailBytes);
  const flags = ["--offset", String(offset), "--count", String(2 * tailBytes)];
  const tail = await rclone.read(path, flags, signal);
  const due = bytes - offset;
  if (tail.length === due) return verifyEnd(rclone, path, bytes, tail, format, signal);
  const verdict = judgeSize(await sizeOf(rclone, path, signal), streamed, features);
  if (verdict.outcome !== "good") return verdict;
  return verifyAgain(rclone, path, bytes, { flags, due }, format, signal);
}

/**
 * Of a file that has its size and gave less of its end: it may only now come to light, and a newer rclone reads what a
 * listing shows.
 * @param end how to read it, and how many bytes it has
 */
async function verifyAgain(
  rclone: Rclone,
  path: string,
  bytes: number,
  { flags, due }: { readonly flags: readonly string[]; readonly due: number },
  format: DumpFormat,
  signal: AbortSignal,
): Promise<Verdict> {
  const seen = await untilSeen(() => rclone.find(path, signal), signal).catch(() => {
    signal.throwIfAborted();
  });
  if (seen === null) return { outcome: "missing" };
  const tail = await rclone.read(path, flags, signal);
  if (tail.length === due) return verifyEnd(rclone, path, bytes, tail, format, signal);
  // Where a file may not be read, an old rclone gives nothing of it and calls that a success.
  const message = `the remote gave ${tail.length} bytes of its end instead of ${due}`;
  return { outcome: "unchecked", bytes, reason: { message } };
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
  const head = await readHead(rclone, path, signal);
  if (judgeEnd(format, tail, head) === "cut")
    return bad("end", `its end is not the end of a ${format.title} file`);
  const unlike = `it has neither the beginning nor the end of a ${format.title} file`;
  if (format.stranger !== "good") return { outcome: "unchecked", bytes, reason: { message: unlike } };
  return { outcome: "good", bytes, how: `size alone: ${unlike}, as extra arguments may have asked for` };
}
