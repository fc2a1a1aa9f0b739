import { MANIFEST_NAME } from "../catalog/catalog.ts";
import { isRetentionOn } from "../catalog/retention.ts";
import { type Problem, toProblem } from "../errors.ts";
import { type Listed, listBackups } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import { untilSeen } from "../remote/look.ts";
import type { Rclone } from "../remote/rclone.ts";

/** What a listing of the job's backups tells of the one just stored. */
export type StoredSight =
  | {
      readonly kind: "seen";
      /** Null for a folder: its files were compared one by one. */
      readonly bytes: number | null;
      /** For retention: one listing serves both. */
      readonly listed: Listed;
    }
  | { readonly kind: "missing"; readonly name: string }
  /** Nobody could look. */
  | { readonly kind: "unknown"; readonly problem: Problem }
  /** Nobody wanted to. */
  | { readonly kind: "skipped" };

/** What a look needs. */
export interface StoredLook {
  readonly job: Job;
  readonly rclone: Rclone;
  /** The backup's final name. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/**
 * Looks whether a backup stands under its final name: a rename, too, may be said to be done and not be. It takes the
 * right to list alone. Never throws: a backup that was published stands, whoever could look at it. With
 * `BACKUP_VERIFY=false` only housekeeping has a need to see it.
 */
export async function lookAtStored({ job, rclone, name, signal }: StoredLook): Promise<StoredSight> {
  const isFolder = job.request.mode === "directory";
  const { backupVerify, backupMinPercent } = job.settings;
  const look = async (): Promise<StoredSight | null> => {
    const listed = await listBackups(rclone, job, signal);
    const backup = listed.backups.find((each) => each.name === name);
    if (backup === undefined && backupVerify) return null;
    return { kind: "seen", bytes: isFolder || !backupVerify ? null : (backup?.bytes ?? null), listed };
  };
  try {
    return (
      (await untilSeen(look, signal)) ?? {
        kind: "missing",
        name: isFolder ? `${name}/${MANIFEST_NAME}` : name,
      }
    );
  } catch (error) {
    const isWanted = backupVerify || backupMinPercent > 0 || isRetentionOn(job.retention);
    return isWanted ? { kind: "unknown", problem: toProblem(error) } : { kind: "skipped" };
  }
}
