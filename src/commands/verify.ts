import { type Backup, MANIFEST_NAME } from "../catalog/catalog.ts";
import { readManifest } from "../catalog/manifest.ts";
import type { Redact } from "../config/secret.ts";
import { DbstashError, exitCodeOfVerdict, Interrupted, shown, toProblem } from "../errors.ts";
import { listBackups, type RemoteDoors, withRclone } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import { type Verdict, verifyFile, verifyFolder, wrongBeginning } from "../pipeline/verify.ts";
import type { Rclone } from "../remote/rclone.ts";
import { joinRemote } from "../remote/remote.ts";

/** What `verify` found: for the terminal, and the process's exit code. */
export interface VerifyReport {
  readonly code: number;
  readonly text: string;
}

/**
 * Checks one stored backup of the job against what the remote shows of it: a file by its end, a folder by its manifest.
 * @param name below the remote's path, as `list` shows it; null for the newest
 * @returns exit code 0 for a good one, 1 for one proven bad or not there, 3 where it could not be checked
 * @throws the signal's reason when it aborts
 */
export async function verifyBackup(
  job: Job,
  doors: RemoteDoors,
  redact: Redact,
  name: string | null,
  signal: AbortSignal,
): Promise<VerifyReport> {
  try {
    return await withRclone(job, doors, async (rclone) => {
      const { backups, unfinished } = await listBackups(rclone, job, signal);
      const wanted = name?.replace(/\/+$/, "") ?? null;
      const backup = wanted === null ? backups[0] : backups.find((each) => each.name === wanted);
      if (backup !== undefined) return report(backup.name, await check(rclone, job, backup, signal), redact);
      if (wanted === null) return bad("there is no backup of this job on the remote");
      return unfinished.some((folder) => folder.name === wanted)
        ? bad(`${wanted}: bad: it has no ${MANIFEST_NAME}, so the run that wrote it did not finish`)
        : bad(`${wanted}: there is no such backup of this job; list shows those there are`);
    });
  } catch (error) {
    if (error instanceof Interrupted || !(error instanceof DbstashError)) throw error;
    const { message, hint } = shown(toProblem(error), redact);
    return unchecked(`could not be checked: ${message}${hint === undefined ? "" : ` (${hint})`}`);
  }
}

/** `partly`: nothing is wrong with what was looked at, which is not enough to call all of it good. */
type Finding = Verdict | { readonly outcome: "partly"; readonly bytes: number | null; readonly how: string };

async function check(rclone: Rclone, job: Job, backup: Backup, signal: AbortSignal): Promise<Finding> {
  const path = joinRemote(job.rclone.remote.path, backup.name);
  if (job.request.mode === "directory") {
    const text = new TextDecoder().decode(await rclone.read(joinRemote(path, MANIFEST_NAME), [], signal));
    return verifyFolder(rclone, path, readManifest(text), backup.bytes, signal);
  }
  if (backup.bytes === 0) return { outcome: "bad", problem: { message: "it is empty" }, about: "size" };
  const streamed = { bytes: backup.bytes, mayCountTwice: false };
  // Asked for by the halved counts of old rclones alone; nothing was counted here.
  const features = {
    move: false,
    putStream: true,
    hashIsEmpty: true,
    kind: "other",
    duplicates: false,
  } as const;
  const verdict = await verifyFile(rclone, path, streamed, features, job, signal);
  if (verdict.outcome !== "good") return verdict;
  const { endMark, beginning } = job.filters;
  const problem = beginning === null ? null : await wrongBeginning(rclone, path, beginning, signal);
  if (problem !== null) return { outcome: "bad", problem, about: "content" };
  if (endMark !== null) return verdict;
  const how =
    beginning === null
      ? "size alone: a cut would not show"
      : `only its beginning was looked at, a cut would not show: rclone cat … | ${beginning.reader} reads all`;
  return { outcome: "partly", bytes: verdict.bytes, how };
}

function report(name: string, finding: Finding, redact: Redact): VerifyReport {
  switch (finding.outcome) {
    case "good":
      return good(`${name}: good (${finding.bytes} bytes; ${finding.how})`);
    case "partly":
      return good(`${name}: nothing wrong found (${finding.bytes} bytes; ${finding.how})`);
    case "missing":
      return bad(`${name}: it is not on the remote any more`);
    case "bad":
      return bad(`${name}: bad: ${shown(finding.problem, redact).message}`);
    case "unchecked":
      return unchecked(`${name}: could not be checked: ${shown(finding.reason, redact).message}`);
  }
}

function good(text: string): VerifyReport {
  return { code: exitCodeOfVerdict("good"), text };
}

function bad(text: string): VerifyReport {
  return { code: exitCodeOfVerdict("bad"), text };
}

function unchecked(text: string): VerifyReport {
  return { code: exitCodeOfVerdict("unchecked"), text };
}
