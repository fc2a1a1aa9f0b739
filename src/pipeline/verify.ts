import { MANIFEST_NAME } from "../catalog/catalog.ts";
import { missingFiles, type Manifest } from "../catalog/manifest.ts";
import type { Beginning } from "../engine/engine.ts";
import { type DumpFormat, headBytes, judgeEnd, tailBytes } from "../engine/format.ts";
import { DbstashError, type Problem, toProblem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { RemoteFeatures } from "../remote/features.ts";
import type { Rclone } from "../remote/rclone.ts";
import { sizeOf, untilSeen } from "../remote/look.ts";
import { streamingCutoffBytes } from "../remote/upload.ts";

/** Whether a stored backup is good, as far as reading it back has shown. */
export type Verdict =
  | {
      readonly outcome: "good";
      /** Null where nothing was compared and an old rclone's count is all that is known. */
      readonly bytes: number | null;
      /** What was compared, for the log. */
      readonly how: string;
    }
  /** Proven bad: to be removed. What is wrong with the content is so wherever it lies; its size may be right elsewhere. */
  | { readonly outcome: "bad"; readonly problem: Problem; readonly about: "size" | "end" | "content" }
  /** It is not there, whoever looks: nothing to be removed. */
  | { readonly outcome: "missing" }
  /** Could not be checked: to be kept. */
  | {
      readonly outcome: "unchecked";
      /** Null where an old rclone's count is all that is known. */
      readonly bytes: number | null;
      readonly reason: Problem;
    };

/** What was streamed, as rclone counted it. */
export interface Streamed {
  readonly bytes: number;
  /** The count comes from an rclone that may count small and spooled streams twice. */
  readonly mayCountTwice: boolean;
}

/** What of a job says how its stored files look. */
export type FileKind = Pick<Job, "engine" | "request" | "filters">;

/** More missing files than these are counted, not named. */
const namedFiles = 5;

/**
 * Judges a stored file: its size on the remote is what was streamed, its last bytes are the end of its format, and
 * there is something in it.
 * @throws the signal's reason when it aborts; whatever else keeps us from looking says nothing against the backup
 */
export async function verifyFile(
  rclone: Rclone,
  path: string,
  streamed: Streamed,
  features: RemoteFeatures,
  { engine, request, filters }: FileKind,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    const verdict = await verifyEnds(rclone, path, streamed, features, filters.endMark, signal);
    if (verdict.outcome !== "good" || engine.emptiness === null) return verdict;
    const problem = engine.emptiness(request, await readHead(rclone, path, signal));
    return problem === null ? verdict : { outcome: "bad", problem, about: "content" };
  } catch (error) {
    if (signal.aborted) throw error;
    return { outcome: "unchecked", bytes: knownBytes(streamed, features), reason: toProblem(error) };
  }
}

/** The size that a count stands for; null where an old rclone may have counted twice. */
export function knownBytes(streamed: Streamed, features: RemoteFeatures): number | null {
  return mayBeDouble(streamed, features) ? null : streamed.bytes;
}

/** rclone before 1.67 counts twice what it holds in memory or spools; its count is halved there, and only there. */
function mayBeDouble({ bytes, mayCountTwice }: Streamed, features: RemoteFeatures): boolean {
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
function isCountOf(size: number, { bytes }: Streamed, { wraps }: RemoteFeatures): boolean {
  return bytes === 2 * size || (wraps && (bytes === 3 * size || bytes === size + encryptedBytes(size)));
}

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
  features: RemoteFeatures,
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

/** Judges a size on the remote by what was streamed. */
export function judgeSize(size: number | null, streamed: Streamed, features: RemoteFeatures): Verdict {
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

/** A verdict of `bad`. */
export function bad(about: "size" | "end" | "content", message: string): Verdict & { outcome: "bad" } {
  return { outcome: "bad", problem: { message }, about };
}

/** The upload was called a success, and nothing is there: nothing must be removed either. */
export class NotThere extends DbstashError {
  override readonly name = "NotThere";

  constructor(name: string) {
    super(
      `${name} is not on the remote after its upload`,
      "see what RCLONE_EXTRA_ARGS (--rclone-extra-args), rclone.conf and RCLONE_* variables do with names",
    );
  }
}

/** What was uploaded is this run's own, and no backup. */
export class ProvenBad extends DbstashError {
  override readonly name = "ProvenBad";

  constructor({ problem: { message, hint }, about }: Verdict & { outcome: "bad" }) {
    super(about === "content" ? message : `the stored backup is not whole: ${message}`, hint);
  }
}
