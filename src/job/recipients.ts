import { type Stats, statSync } from "node:fs";
import { named, type Settings } from "../config/options.ts";
import { recipientsIn } from "../config/recipients.ts";
import { DbstashError } from "../errors.ts";
import { readReadable } from "../remote/config-source.ts";
import type { Purpose } from "./database.ts";
import { type Findings, isUnread, problemOf } from "./findings.ts";

/** Write permission of the group or of everybody (chmod(2)). */
const othersMayWrite = 0o022;

/**
 * Whom backups are encrypted to, by both settings together: one that vanished would be a backup that somebody can't
 * read. The text of the file as it is now counts, whatever becomes of the file.
 * @returns null where nothing is encrypted; none for a look at what is stored, which needs the names' ending alone
 */
export function resolveRecipients(
  { backupEncryptTo, backupEncryptToFile, backupMode }: Settings,
  findings: Findings,
  purpose: Purpose,
): readonly string[] | null {
  const { problems } = findings;
  const isAsked =
    backupEncryptTo !== null ||
    backupEncryptToFile !== null ||
    isUnread(findings, "backupEncryptTo") ||
    isUnread(findings, "backupEncryptToFile");
  if (!isAsked) return null;
  if (backupMode === "directory")
    problems.push({
      message: `${named(backupEncryptTo === null ? "backupEncryptToFile" : "backupEncryptTo")} can't encrypt a folder, which BACKUP_MODE=directory makes`,
      hint: "BACKUP_MODE=tar stores the same folder as one file, which is encrypted",
    });
  const recipients = new Set(backupEncryptTo ?? []);
  if (backupEncryptToFile !== null && purpose === "backup") {
    try {
      for (const recipient of read(backupEncryptToFile)) recipients.add(recipient);
    } catch (error) {
      problems.push(problemOf("backupEncryptToFile", error));
    }
  }
  return [...recipients];
}

/** @throws DbstashError as the rest of a sentence that names the setting */
function read(path: string): readonly string[] {
  const status = statusOf(path);
  if (status?.isFile() === true && (status.mode & othersMayWrite) !== 0)
    throw new DbstashError(
      `names ${path}, which others may write to: they could have backups encrypted to themselves`,
      `chmod go-w ${path}`,
    );
  // A named pipe would keep us waiting.
  if (status !== null && !status.isFile() && !status.isDirectory())
    throw new DbstashError(`names ${path}, which is no file`);
  const text = readReadable(path);
  try {
    return recipientsIn(text);
  } catch (error) {
    if (!(error instanceof DbstashError)) throw error;
    throw new DbstashError(`names ${path}, which ${error.message}`, error.hint);
  }
}

/** Null where it can't be had: who reads the file says why. */
function statusOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
