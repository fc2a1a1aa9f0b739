import { type Backup, MANIFEST_NAME } from "../catalog.ts";
import { type DumpFormat, headBytes } from "../engine/format.ts";
import { DbstashError, exitCodes, toProblem } from "../errors.ts";
import { listBackups } from "../housekeeping.ts";
import type { Job } from "../job.ts";
import { missingFiles, readManifest } from "../manifest.ts";
import { Interrupted } from "../pipeline/limits.ts";
import { tarFormat } from "../pipeline/tar.ts";
import { type Verdict, verifyStored } from "../pipeline/verify.ts";
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
  { tool: "gzip", extension: ".gz", magic: [0x1f, 0x8b] },
  { tool: "zstd", extension: ".zst", magic: [0x28, 0xb5, 0x2f, 0xfd] },
] as const;

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

async function check(rclone: Rclone, job: Job, backup: Backup, signal: AbortSignal): Promise<Verdict> {
  const path = joinRemote(job.rclone.remote.path, backup.name);
  if (job.request.mode === "directory") return checkFolder(rclone, path, backup, signal);
  if (backup.bytes === 0) return { outcome: "bad", reason: "it is empty" };
  const format = expectedFormat(job);
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
  const compressed = compressedForms.find(({ extension }) => backup.name.endsWith(extension));
  const head = await rclone.read(path, ["--count", String(headBytes)], signal);
  if (compressed !== undefined && !compressed.magic.every((byte, index) => head[index] === byte))
    return { outcome: "bad", reason: `it does not begin as a ${compressed.tool} file` };
  const nothing = job.engine.emptiness(job.request, head);
  if (nothing !== null) return { outcome: "bad", reason: nothing.message };
  if (format !== null) return verdict;
  const how =
    compressed === undefined
      ? "size alone: this kind of file has no end to tell it by"
      : `size and beginning alone: only reading all of it tells more, as ${compressed.tool} -t does`;
  return { ...verdict, how };
}

/** Null where the end tells nothing about the dump: a compressed stream's, or a format's without an end mark. */
function expectedFormat({ engine, request }: Job): DumpFormat | null {
  if (["gzip", "zstd"].includes(request.compression.kind)) return null;
  const format = request.mode === "tar" ? tarFormat : engine.expectedFormat(request);
  // Nothing but extra arguments makes a whole dump begin otherwise.
  return format === null || request.extraArgs.length > 0 ? format : { ...format, fixed: true };
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

function report(name: string, verdict: Verdict): VerifyReport {
  switch (verdict.outcome) {
    case "good":
      return { code: exitCodes.stored.code, text: `${name}: good (${verdict.bytes} bytes; ${verdict.how})` };
    case "bad":
      return bad(`${name}: bad: ${verdict.reason}`);
    case "unchecked":
      return unchecked(`${name}: could not be checked: ${verdict.reason}`);
  }
}

function bad(text: string): VerifyReport {
  return { code: exitCodes.failed.code, text };
}

function unchecked(text: string): VerifyReport {
  return { code: exitCodes.incomplete.code, text };
}
