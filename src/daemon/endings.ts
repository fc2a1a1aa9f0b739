import type { Problem } from "../errors.ts";
import { type BackupResult, backupsOf, type RunResult } from "../result.ts";

/** What became of one database in one place. */
export interface Ending {
  readonly database: string;
  /** Its number among the places; null for all of them. */
  readonly place: number | null;
  readonly status: BackupResult["status"];
  /** The cause of a failure, fit to be shown. */
  readonly error: Problem | null;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly bytes: number | null;
  readonly name: string | null;
  /** Whether it stands there under that name, and is damaged. */
  readonly isDamaged: boolean;
}

/**
 * What became of each of a run's databases in each of its places; nothing of a run that did not come so far. What was
 * refused before a place had anything to do with it has failed in all of them.
 */
export function endingsOf(result: RunResult): Ending[] {
  return backupsOf(result).flatMap((backup): Ending[] => {
    const { database, startedAt, durationMs, fileName: name, places } = backup;
    const ending = { database, startedAt, durationMs, name };
    if (places.length === 0) {
      const { status, error } = backup;
      return [{ ...ending, place: null, status, error, bytes: null, isDamaged: false }];
    }
    return places.map(({ isStored, isDamaged, error, bytes }, place) => {
      const isSuccess = isStored && backup.status === "success";
      const cause = isSuccess ? null : (error ?? backup.error);
      return { ...ending, place, status: isSuccess ? "success" : "failure", error: cause, bytes, isDamaged };
    });
  });
}
