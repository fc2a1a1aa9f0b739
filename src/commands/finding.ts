import { type Backup, MANIFEST_NAME } from "../catalog/catalog.ts";
import { readManifest } from "../catalog/manifest.ts";
import type { Redact } from "../config/secret.ts";
import { DbstashError, exitCodeOfVerdict, Interrupted, type Problem, shown, toProblem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { ReadingRoom } from "../pipeline/read-through.ts";
import type { Verdict } from "../pipeline/verdict.ts";
import { verifyAll } from "../pipeline/verify-all.ts";
import { verifyFile, wrongBeginning } from "../pipeline/verify-file.ts";
import { verifyFolder } from "../pipeline/verify-folder.ts";
import type { Rclone } from "../remote/rclone.ts";
import { joinRemote } from "../remote/remote.ts";

/** `partly`: nothing is wrong with what was looked at, which is not enough to call all of it good. */
export type Finding =
  | Verdict
  | { readonly outcome: "partly"; readonly bytes: number | null; readonly how: string };

/**
 * Looks at one stored backup.
 * @throws the signal's reason when it aborts; whatever else keeps us from looking says nothing against the backup
 */
export async function findingOf(
  rclone: Rclone,
  job: Job,
  backup: Backup,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    return await check(rclone, job, backup, signal);
  } catch (error) {
    if (error instanceof Interrupted || !(error instanceof DbstashError)) throw error;
    return { outcome: "unchecked", bytes: backup.bytes, reason: toProblem(error) };
  }
}

/** Reads all of a backup with which nothing was found wrong. @throws the signal's reason when it aborts */
export async function lookDeeper(
  finding: Finding,
  room: ReadingRoom,
  job: Job,
  { name, bytes }: Backup,
  signal: AbortSignal,
): Promise<Finding> {
  if (finding.outcome !== "good" && finding.outcome !== "partly") return finding;
  const { layers } = job.filters;
  const found = await verifyAll(room, joinRemote(room.rclone.root, name), bytes, layers, signal);
  return found.outcome === "good" && layers?.unknown != null
    ? { outcome: "partly", bytes: found.bytes, how: found.how }
    : found;
}

async function check(rclone: Rclone, job: Job, backup: Backup, signal: AbortSignal): Promise<Finding> {
  const path = joinRemote(rclone.root, backup.name);
  if (job.request.mode === "directory") {
    const text = new TextDecoder().decode(await rclone.read(joinRemote(path, MANIFEST_NAME), [], signal));
    return verifyFolder(rclone, path, readManifest(text), backup.bytes, signal);
  }
  if (backup.bytes === 0) return { outcome: "bad", problem: { message: "it is empty" }, about: "size" };
  const streamed = { bytes: backup.bytes, mayCountTwice: false };
  // Asked for by the halved counts of old rclones alone; nothing was counted here.
  const features = { putStream: true, kind: "other", wraps: false } as const;
  const verdict = await verifyFile(rclone, path, streamed, features, job, signal);
  if (verdict.outcome !== "good") return verdict;
  const { endMark, beginning } = job.filters;
  const problem = beginning === null ? null : await wrongBeginning(rclone, path, beginning, signal);
  if (problem !== null) return { outcome: "bad", problem, about: "content" };
  if (endMark !== null) return verdict;
  const how =
    beginning === null
      ? "size alone: a cut would not show"
      : `only its beginning was looked at, a cut would not show: ${beginning.reader} reads all`;
  return { outcome: "partly", bytes: verdict.bytes, how };
}

/** The exit code of a look at one backup. */
export function exitCodeOfFinding({ outcome }: Finding): number {
  switch (outcome) {
    case "good":
    case "partly":
      return exitCodeOfVerdict("good");
    case "missing":
    case "bad":
      return exitCodeOfVerdict("bad");
    case "unchecked":
      return exitCodeOfVerdict("unchecked");
  }
}

/** What was found of a backup, as the rest of a line that names it. */
export function findingInWords(finding: Finding, redact: Redact): string {
  switch (finding.outcome) {
    case "good":
      return `good (${finding.bytes} bytes; ${finding.how})`;
    case "partly":
      return `nothing wrong found (${finding.bytes} bytes; ${finding.how})`;
    case "missing":
      return "it is not on the remote any more";
    case "bad":
      return `bad: ${shown(finding.problem, redact).message}`;
    case "unchecked":
      return uncheckedInWords(shown(finding.reason, redact));
  }
}

/** That nobody could tell, and why. @param problem fit to be shown */
export function uncheckedInWords({ message, hint }: Problem): string {
  return `could not be checked: ${message}${hint === undefined ? "" : ` (${hint})`}`;
}
