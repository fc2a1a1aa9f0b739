import { exitCodes, type Problem, type StopSignal } from "./errors.ts";
import type { EngineName } from "./kinds.ts";

/** What became of a backup in one of its places. */
export interface PlaceResult {
  /** The place, as people may see it. */
  readonly place: string;
  readonly isStored: boolean;
  /** Whether it stands there, and reading all of it has shown that it is damaged: then it is not stored. */
  readonly isDamaged: boolean;
  /** Bytes stored there; null when nothing was, or nobody could look and an old rclone had counted. */
  readonly bytes: number | null;
  /** Where it lies there, for people: the place without parameters, and the name. */
  readonly remotePath: string;
  /** Why it is not there; null for a stored one. */
  readonly error: Problem | null;
  /** Steps that failed there after it was stored, or a verification that could not be carried out. */
  readonly warnings: readonly string[];
}

/** What a run or one of its backups came to: a value that hooks, notifications, health, the log and the exit code read. */
interface Ending {
  /** Of the backup, or of the run that makes several. */
  readonly backupId: string;
  readonly engine: EngineName;
  /** The database as `{db}` shows it: its name, or `all`; of several what `BACKUP_DATABASES` says. */
  readonly database: string;
  /** `success` when the backup is stored in a place, also when a later step failed (see `warnings`). */
  readonly status: "success" | "failure";
  /** A code of `exitCodes`. */
  readonly exitCode: number;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** Bytes stored, in the first place that has it; null when nothing was, or nobody could look and an old rclone had counted. */
  readonly bytes: number | null;
  /** Where it lies first, for people: the place without parameters, and the name of a single backup. */
  readonly remotePath: string;
  /** The cause of a failure. */
  readonly error: Problem | null;
  /** Steps that failed after the backup was stored, or a verification that could not be carried out. */
  readonly warnings: readonly string[];
  /** What to do about the first warning of which that is known. */
  readonly warningHint?: string;
  /** The signal that ended the run early. */
  readonly signal: StopSignal | null;
}

/** What one backup came to. */
export interface BackupResult extends Ending {
  /** In the order of the settings. */
  readonly places: readonly PlaceResult[];
  /** The backup's name below each place's path; null before a name was made. */
  readonly fileName: string | null;
}

/** What a run of several databases came to. */
export interface SeveralResult extends Ending {
  /** Of each database that was to be backed up, in the order of their names; what failed before a name was made, too. */
  readonly backups: readonly BackupResult[];
  /** The databases that the server has, as far as they are to be backed up; null where it could not be asked. */
  readonly databases: readonly string[] | null;
}

/** What one run came to. */
export type RunResult = BackupResult | SeveralResult;

/** The backups of a run: the one, or one of each database. */
export function backupsOf(result: RunResult): readonly BackupResult[] {
  return "backups" in result ? result.backups : [result];
}

/** The backups of a run that failed. */
export function failuresOf(result: RunResult): readonly BackupResult[] {
  return backupsOf(result).filter(({ status }) => status === "failure");
}

/** What a run's last line and its message to programs say, in the same words. */
export interface Summary {
  readonly message: "backup failed" | "backup skipped" | "backup stored, with warnings" | "backup stored";
  readonly fields: {
    readonly status: Ending["status"] | "skipped";
    /** Of several: how many there were to be, and how many of them failed. */
    readonly databases?: number;
    readonly failed?: number;
    readonly failed_names?: string;
    /** Of several: how many there are, and those that lack the backup. */
    readonly places?: number;
    readonly missed_places?: string;
    readonly duration_ms: number;
    readonly bytes: number | null;
    readonly remote_path: string;
    readonly exit_code: number;
    /** Of a failure its cause, of a stored backup its warnings. */
    readonly error?: Problem;
    readonly hint?: string;
    /** How many there are. */
    readonly warnings?: number;
  };
}

/** Whether other runs hold the locks of all that a run was to back up. */
export function isSkipped({ exitCode }: RunResult): boolean {
  return exitCode === exitCodes.skipped.code;
}

/** The summary of a run. */
export function summaryOf(result: RunResult): Summary {
  const { error, warnings } = result;
  const failed = isSkipped(result) ? "backup skipped" : "backup failed";
  const isWarned = warnings.length > 0;
  const hint = error === null ? result.warningHint : error.hint;
  const said = error ?? (isWarned ? { message: warnings.join("; ") } : null);
  return {
    message: error !== null ? failed : isWarned ? "backup stored, with warnings" : "backup stored",
    fields: {
      status: isSkipped(result) ? "skipped" : result.status,
      ...("backups" in result ? countsOf(result) : placesOf(result)),
      duration_ms: result.durationMs,
      bytes: result.bytes,
      remote_path: result.remotePath,
      exit_code: result.exitCode,
      ...(said === null ? {} : { error: said }),
      ...(hint === undefined ? {} : { hint }),
      ...(isWarned ? { warnings: warnings.length } : {}),
    },
  };
}

function placesOf({ places }: BackupResult): Pick<Summary["fields"], "places" | "missed_places"> {
  if (places.length < 2) return {};
  const missed = places.filter(({ isStored }) => !isStored).map(({ place }) => place);
  return {
    places: places.length,
    ...(missed.length === 0 ? {} : { missed_places: missed.join(", ") }),
  };
}

function countsOf(result: SeveralResult): Pick<Summary["fields"], "databases" | "failed" | "failed_names"> {
  const failed = failuresOf(result);
  return {
    databases: result.backups.length,
    failed: failed.length,
    ...(failed.length === 0 ? {} : { failed_names: failed.map(({ database }) => database).join(", ") }),
  };
}
