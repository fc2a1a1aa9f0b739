import type { Redact } from "./config/secret.ts";
import { exitCodes, type Problem, toProblem } from "./errors.ts";
import type { Job } from "./job.ts";
import { Interrupted } from "./pipeline/limits.ts";
import type { Stored } from "./pipeline/pipeline.ts";
import { joinRemote } from "./remote/remote.ts";
import type { BackupResult } from "./result.ts";

/** What settles a run's name and times. */
export interface RunIdentity {
  readonly backupId: string;
  readonly startedAt: Date;
  /** The backup's name below the remote's path. */
  readonly fileName: string;
}

/** What has been found out about a run so far, and the result it comes to. */
export class Outcome {
  readonly #job: Job;
  readonly #run: RunIdentity;
  readonly #redact: Redact;
  readonly #warnings: string[] = [];
  #stored: Stored | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(job: Job, run: RunIdentity, redact: Redact) {
    this.#job = job;
    this.#run = run;
    this.#redact = redact;
  }

  /** The backup stands under its final name. */
  stored(stored: Stored): void {
    this.#stored = stored;
  }

  /** A later step failed, or the verification could not be carried out. */
  warn(message: string): void {
    this.#warnings.push(message);
  }

  /** The run failed, of whatever was thrown; the first cause counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** The result, as of now. */
  result(now: Date): BackupResult {
    const { engine, naming, rclone } = this.#job;
    const { backupId, startedAt, fileName } = this.#run;
    const isStored = this.#stored !== null;
    const thrown = this.#failure?.error;
    // A step after the store that throws (an unremovable folder, a lost guard) leaves the backup stored.
    const late = isStored && this.#failure !== null ? [toProblem(thrown).message] : [];
    const warnings = [...this.#warnings, ...late];
    const signal = !isStored && thrown instanceof Interrupted ? thrown.signal : null;
    return {
      backupId,
      engine: engine.name,
      database: naming.database,
      status: isStored ? "success" : "failure",
      exitCode: exitCodeOf(isStored, warnings.length > 0, signal),
      startedAt,
      durationMs: now.getTime() - startedAt.getTime(),
      bytes: this.#stored?.bytes ?? null,
      fileName,
      remotePath: joinRemote(rclone.remote.shown, fileName),
      error: isStored ? null : this.#redacted(toProblem(thrown)),
      warnings,
      signal,
    };
  }

  /** A tool's words may quote a secret, and the post hook and the notification pass them on. */
  #redacted({ message, hint }: Problem): Problem {
    const clear = { message: this.#redact(message) };
    return hint === undefined ? clear : { ...clear, hint: this.#redact(hint) };
  }
}

function exitCodeOf(stored: boolean, warned: boolean, signal: BackupResult["signal"]): number {
  if (stored) return warned ? exitCodes.incomplete.code : exitCodes.stored.code;
  if (signal === "SIGINT") return exitCodes.interrupted.code;
  return signal === "SIGTERM" ? exitCodes.terminated.code : exitCodes.failed.code;
}
