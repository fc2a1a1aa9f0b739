import { type Backup, MANIFEST_NAME } from "../catalog.ts";
import type { Beginning } from "../engine/engine.ts";
import { headBytes } from "../engine/format.ts";
import { DbstashError, exitCodes, toProblem } from "../errors.ts";
import { listBackups } from "../housekeeping.ts";
import type { Job } from "../job.ts";
import { missingFiles, readManifest } from "../manifest.ts";
import { Interrupted } from "../pipeline/limits.ts";
import { tarFormat } from "../pipeline/tar.ts";
import { expectedFormat, type Verdict, verifyStored } from "../pipeline/verify.ts";
import type { Rclone } from "../remote/rclone.ts";
import { joinRemote } from "../remote/remote.ts";
import { type RemoteDoors, withRclone } from "./remote-access.ts";

/** What `verify` found: for the terminal, and the process's exit code. */
export interface VerifyReport {
  readonly code: number;
  readonly text: string;
}

/** How compressed files begin (RFC 1952, 2.3.1; RFC 8878, 3.1.1). */
const compressedForms = [
  {
    extension: ".gz",
    title: "a gzip file",
    bytes: Uint8Array.of(0x1f, 0x8b),
    reader: "gzip -t",
  },
  {
    extension: ".zst",
    title: "a zstd file",
    bytes: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
    reader: "zstd -t",
  },
] satisfies (Beginning & { extension: string })[];

/** More missing files than these are counted, not named. */
const namedFiles = 5;

/**
 * Checks one stored backup of the job against what the remote shows of it: a file by its end, a folder by its manifest.
 * @param name below the remote's path, as `list` shows it; null for the newest
 * @returns exit code 0 for a good one, 1 for one proven bad or not there, 3 where it could not be checked
 * @throws the signal's reason when it aborts
 */
export async function verifyBackup(
  job: Job,
  doors: RemoteDoors,
  name: string | null,
  signal: AbortSignal,
): Promise<VerifyReport> {
  try {
    return await withRclone(job, doors, async (rclone) => {
      const { backups, unfinished } = await listBackups(rclone, job, signal);
      const wanted = name?.replace(/\/+$/, "") ?? null;
      const backup = wanted === null ? backups[0] : backups.find((each) => each.name === wanted);
      if (backup !== undefined) return report(backup.name, await check(rclone, job, backup, signal));
      if (wanted === null) return bad("there is no backup of this job on the remote");
      return unfinished.some((folder) => folder.name === wanted)
        ? bad(`${wanted}: bad: it has no ${MANIFEST_NAME}, so the run that wrote it did not finish`)
        : bad(`${wanted}: there is no such backup of this job; list shows those there are`);
    });
  } catch (error) {
    if (error instanceof Interrupted || !(error instanceof DbstashError)) throw error;
    const { message, hint } = toProblem(error);
    return unchecked(`could not be checked: ${message}${hint === undefined ? "" : ` (${hint})`}`);
  }
}

/** `partly`: nothing is wrong with what was looked at, which is not enough to call all of it good. */
type Finding = Verdict | { readonly outcome: "partly"; readonly bytes: number; readonly how: string };

async function check(rclone: Rclone, job: Job, backup: Backup, signal: AbortSignal): Promise<Finding> {
  const path = joinRemote(job.rclone.remote.path, backup.name);
  if (job.request.mode === "directory") return checkFolder(rclone, path, backup, signal);
  if (backup.bytes === 0) return { outcome: "bad", reason: "it is empty" };
  // A compressed stream's end tells nothing about the dump.
  const packed = ["gzip", "zstd"].includes(job.request.compression.kind);
  const format = packed ? null : job.request.mode === "tar" ? tarFormat : expectedFormat(job);
  const verdict = await verifyStored(
    rclone,
    path,
    { bytes: backup.bytes, old: false },
    // Asked for by the halved counts of old rclones alone; nothing was counted here.
    { move: false, putStream: true, hashIsEmpty: true, kind: "other" },
    format,
    signal,
  );
  if (verdict.outcome !== "good") return verdict;
  const beginning =
    compressedForms.find(({ extension }) => backup.name.endsWith(extension)) ??
    job.engine.beginning(job.request);
  const head = await rclone.read(path, ["--count", String(headBytes)], signal);
  if (beginning !== null && !beginning.bytes.every((byte, index) => head[index] === byte))
    return { outcome: "bad", reason: `it does not begin as ${beginning.title}` };
  const nothing = job.engine.emptiness(job.request, head);
  if (nothing !== null) return { outcome: "bad", reason: nothing.message };
  if (format !== null) return verdict;
  const how =
    beginning === null
      ? "size alone: a cut would not show"
      : `only its beginning was looked at, a cut would not show: rclone cat … | ${beginning.reader} reads all`;
  return { outcome: "partly", bytes: verdict.bytes, how };
}

async function checkFolder(
  rclone: Rclone,
  path: string,
  backup: Backup,
  signal: AbortSignal,
): Promise<Verdict> {
  const listing = await rclone.list(path, ["--recursive", "--no-modtime"], signal);
  const manifest = readManifest(
    new TextDecoder().decode(await rclone.read(joinRemote(path, MANIFEST_NAME), [], signal)),
  );
  const missing = missingFiles(manifest, listing);
  if (missing.length === 0) {
    const how = `${manifest.files.length} files, each with the size in ${MANIFEST_NAME}`;
    return { outcome: "good", bytes: backup.bytes, how };
  }
  const rest = missing.length > namedFiles ? `; and ${missing.length - namedFiles} more` : "";
  return { outcome: "bad", reason: missing.slice(0, namedFiles).join("; ") + rest };
}

function report(name: string, finding: Finding): VerifyReport {
  switch (finding.outcome) {
    case "good":
      return { code: exitCodes.stored.code, text: `${name}: good (${finding.bytes} bytes; ${finding.how})` };
    case "partly":
      return {
        code: exitCodes.stored.code,
        text: `${name}: nothing wrong found (${finding.bytes} bytes; ${finding.how})`,
      };
    case "bad":
      return bad(`${name}: bad: ${finding.reason}`);
    case "unchecked":
      return unchecked(`${name}: could not be checked: ${finding.reason}`);
  }
}

function bad(text: string): VerifyReport {
  return { code: exitCodes.failed.code, text };
}

function unchecked(text: string): VerifyReport {
  return { code: exitCodes.incomplete.code, text };
}
