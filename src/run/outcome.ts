import type { Redact } from "../config/secret.ts";
import { exitCodeOfRun, Interrupted, type Problem, shown, toProblem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { Logger } from "../logger.ts";
import { joinRemote } from "../remote/remote.ts";
import { type BackupResult, summaryOf } from "../result.ts";

/** What settles a run's name and times. */
export interface RunIdentity {
  readonly backupId: string;
  readonly startedAt: Date;
  /** The backup's name below the remote's path. */
  readonly name: string;
}

/** What has been found out about a run so far, and the result it comes to. */
export class Outcome {
  readonly #job: Job;
  readonly #run: RunIdentity;
  readonly #redact: Redact;
  readonly #warnings: Problem[] = [];
  #dumpBegan = false;
  #isStored = false;
  #bytes: number | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(job: Job, run: RunIdentity, redact: Redact) {
    this.#job = job;
    this.#run = run;
    this.#redact = redact;
  }

  /** The dump is about to begin: from here on the post hook has something to hear of. */
  dumpBegins(): void {
    this.#dumpBegan = true;
  }

  get dumpBegan(): boolean {
    return this.#dumpBegan;
  }

  /** The backup stands under its final name, with so many bytes; null where nobody can tell. */
  stored(bytes: number | null): void {
    this.#isStored = true;
    this.#bytes = bytes;
  }

  /** A later step failed, or the verification could not be carried out. @returns the warning, fit to be shown */
  warn(problem: Problem): string {
    const warning = shown(problem, this.#redact);
    this.#warnings.push(warning);
    return warning.message;
  }

  /** The run failed, of whatever was thrown; the first cause counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** The result, as of now. */
  result(now: Date): BackupResult {
    const { engine, naming, rclone } = this.#job;
    const { backupId, startedAt, name } = this.#run;
    const isStored = this.#isStored;
    const thrown = this.#failure?.error;
    // A step after the store that throws (a lost guard) leaves the backup stored.
    const late = isStored && this.#failure !== null ? [shown(toProblem(thrown), this.#redact)] : [];
    const warnings = [...this.#warnings, ...late];
    const warningHint = warnings.find(({ hint }) => hint !== undefined)?.hint;
    return {
      backupId,
      engine: engine.name,
      database: naming.database,
      status: isStored ? "success" : "failure",
      exitCode: exitCodeOfRun({ isStored, isWarned: warnings.length > 0, error: thrown }),
      startedAt,
      durationMs: now.getTime() - startedAt.getTime(),
      bytes: this.#bytes,
      fileName: name,
      remotePath: joinRemote(rclone.remote.shown, name),
      // The post hook and the notification pass it on.
      error: isStored ? null : shown(toProblem(thrown), this.#redact),
      warnings: warnings.map(({ message }) => message),
      ...(warningHint === undefined ? {} : { warningHint }),
      signal: !isStored && thrown instanceof Interrupted ? thrown.signal : null,
    };
  }
}

/** The run's last line: what became of it, for whoever reads nothing else. */
export function summarise(log: Logger, result: BackupResult): void {
  const { message, fields } = summaryOf(result);
  if (message === "backup failed") log.error(message, fields);
  else if (message === "backup stored") log.info(message, fields);
  else log.warn(message, fields);
}
