import type { Problem, StopSignal } from "./errors.ts";
import type { EngineName } from "./kinds.ts";

/** What one run came to: a value that hooks, notifications, health, the log and the exit code read. */
export interface BackupResult {
  readonly backupId: string;
  readonly engine: EngineName;
  /** The database as `{db}` shows it: its name, or `all`. */
  readonly database: string;
  /** `success` when the backup is stored, also when a later step failed (see `warnings`). */
  readonly status: "success" | "failure";
  /** A code of `exitCodes`. */
  readonly exitCode: number;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** Bytes stored on the remote; null when nothing was, or nobody could look and an old rclone had counted. */
  readonly bytes: number | null;
  /** The backup's name below the remote's path; null before a name was made. */
  readonly fileName: string | null;
  /** Where it lies, for people: the remote without parameters, and the name. */
  readonly remotePath: string;
  /** The cause of a failure. */
  readonly error: Problem | null;
  /** Steps that failed after the backup was stored, or a verification that could not be carried out. */
  readonly warnings: readonly string[];
  /** The signal that ended the run early. */
  readonly signal: StopSignal | null;
}
