import type { ListingEntry } from "./catalog.ts";
import { exitCodes, type Problem, toProblem } from "./errors.ts";
import { hookVariables, runHook } from "./hooks.ts";
import { tidyUp } from "./housekeeping.ts";
import type { Job } from "./job.ts";
import { formatName, newUuid } from "./naming.ts";
import { pipelineFor } from "./pipeline/choice.ts";
import { Interrupted, type Limits, startLimits } from "./pipeline/limits.ts";
import type { Stored } from "./pipeline/pipeline.ts";
import { Guard } from "./process/guard.ts";
import type { Libc } from "./process/libc.ts";
import { takeLock } from "./process/lock.ts";
import { KernelPipe } from "./process/pipe.ts";
import { openWorkshop, type Workshop } from "./process/workshop.ts";
import type { Progress } from "./progress.ts";
import { joinRemote } from "./remote/remote.ts";
import { Rclone } from "./remote/rclone.ts";
import { notify, type ReportDoors, summarise } from "./report.ts";
import type { BackupResult } from "./result.ts";

/** After a timeout or a signal the post hook still gets this long. */
const lastHookMs = 60_000;

/** The world as a run may touch it. */
export interface BackupDoors extends ReportDoors {
  readonly libc: Libc;
  readonly now: () => Date;
  /** The environment of dump tools and rclone: without dbstash's own settings. */
  readonly toolEnv: Readonly<Record<string, string>>;
  /** The environment of hooks: the user's own code, so all that dbstash was given. */
  readonly hookEnv: Readonly<Record<string, string>>;
  readonly tempRoot: string;
  readonly lockFolder: string;
  readonly progress: Progress;
}

/**
 * One run under the job's lock, so that no two runs of it overlap, in this process or another.
 * Where a lock can't be had the run goes on without; the scheduler keeps its own runs apart.
 */
export async function runExclusively(
  job: Job,
  doors: BackupDoors,
  interrupt: AbortSignal,
): Promise<BackupResult | "skipped"> {
  if (!job.settings.backupLock) return runOnce(job, doors, interrupt);
  const lock = takeLock(doors.libc, doors.lockFolder, job.lockKey);
  if (lock.kind === "held") {
    doors.log.warn("backup skipped: another run of this job holds the lock", {
      status: "skipped",
      exit_code: exitCodes.skipped.code,
    });
    return "skipped";
  }
  if (lock.kind === "unsupported")
    doors.log.warn("no lock against other processes can be had", { error: lock.reason });
  try {
    return await runOnce(job, doors, interrupt);
  } finally {
    if (lock.kind === "locked") lock.release();
  }
}

/**
 * One run, from the pre hook to the summary line. Never throws: whatever happens becomes the result.
 * @param interrupt a person's stop; obeyed until the end of input was given
 */
async function runOnce(job: Job, doors: BackupDoors, interrupt: AbortSignal): Promise<BackupResult> {
  const backupId = Bun.randomUUIDv7();
  const run = new Run(job, { ...doors, log: doors.log.with({ backup_id: backupId }) }, backupId, interrupt);
  const result = await run.execute();
  await notify(job, doors, result);
  summarise(doors.log.with({ backup_id: backupId }), result);
  return result;
}

/** What has been found out about a run so far. */
class Run {
  readonly #job: Job;
  readonly #doors: BackupDoors;
  readonly #backupId: string;
  readonly #interrupt: AbortSignal;
  readonly #startedAt: Date;
  readonly #name: string;
  readonly #warnings: string[] = [];
  #stored: Stored | null = null;
  #error: unknown = null;
  #failed = false;
  #dumped = false;

  constructor(job: Job, doors: BackupDoors, backupId: string, interrupt: AbortSignal) {
    this.#job = job;
    this.#doors = doors;
    this.#backupId = backupId;
    this.#interrupt = interrupt;
    this.#startedAt = doors.now();
    const uuid = newUuid(crypto.getRandomValues(new Uint8Array(4)));
    const stem = formatName(job.template, { ...job.naming, now: this.#startedAt, uuid });
    this.#name = stem + job.naming.extension;
  }

  async execute(): Promise<BackupResult> {
    const { log, progress } = this.#doors;
    const { backupTimeout, backupStallTimeout } = this.#job.settings;
    log.info("backup started", { file: this.#name });
    const limits = startLimits(backupTimeout, backupStallTimeout);
    try {
      await this.#withWorkshop(limits);
    } catch (error) {
      this.#fail(error);
    } finally {
      limits.end();
      progress.end();
    }
    return this.#result();
  }

  async #withWorkshop(limits: Limits): Promise<void> {
    const { libc, toolEnv, tempRoot } = this.#doors;
    const pipes = { first: new KernelPipe(libc), last: new KernelPipe(libc) };
    const guard = Guard.start(libc, [pipes.first.writeFd, pipes.last.writeFd]);
    let workshop: Workshop | null = null;
    try {
      workshop = openWorkshop(libc, guard, toolEnv, tempRoot);
      await this.#steps(workshop, pipes, limits);
    } finally {
      pipes.first.close();
      pipes.last.close();
      await (workshop === null ? guard.farewell() : workshop.close());
    }
  }

  /** The order of a run: pre hook, pipeline, retention (only after success), post hook. */
  async #steps(
    workshop: Workshop,
    pipes: { first: KernelPipe; last: KernelPipe },
    limits: Limits,
  ): Promise<void> {
    const { hookPreBackup, hookPostBackup } = this.#job.settings;
    const any = AbortSignal.any([this.#interrupt, limits.signal]);
    if (hookPreBackup !== null) await this.#hook("HOOK_PRE_BACKUP", hookPreBackup, workshop, any);
    try {
      await this.#store(workshop, pipes, limits, any);
    } catch (error) {
      this.#fail(error);
    }
    if (hookPostBackup === null || !this.#dumped) return;
    const late = any.aborted ? AbortSignal.timeout(lastHookMs) : limits.signal;
    try {
      await this.#hook("HOOK_POST_BACKUP", hookPostBackup, workshop, late, hookVariables(this.#result()));
    } catch (error) {
      this.#warn(toProblem(error).message);
    }
  }

  async #store(
    workshop: Workshop,
    pipes: { first: KernelPipe; last: KernelPipe },
    limits: Limits,
    any: AbortSignal,
  ): Promise<void> {
    const { libc, log, progress, now } = this.#doors;
    const job = this.#job;
    const rclone = new Rclone(job.rclone, workshop);
    let listing: readonly ListingEntry[] | null = null;
    let moved = 0;
    this.#dumped = true;
    limits.moved();
    const stored = await pipelineFor(job.request.mode).execute({
      job,
      backupId: this.#backupId,
      name: this.#name,
      libc,
      workshop,
      pipes,
      rclone,
      stop: { any, limit: limits.signal },
      log,
      onTarget: (target) => {
        listing = target.listing;
        progress.expect(target.previousBytes);
      },
      onBytes: (bytes) => {
        if (bytes === moved) return;
        moved = bytes;
        limits.moved();
        progress.moved(bytes);
      },
    });
    limits.rest();
    this.#stored = stored;
    if (stored.verdict.outcome === "unchecked") {
      this.#warn(`the stored backup could not be checked: ${stored.verdict.reason}`);
      return;
    }
    log.info(this.#job.settings.backupVerify ? "backup verified" : "backup not verified", {
      file: this.#name,
      compared: stored.verdict.how,
    });
    const written = { name: this.#name, bytes: stored.bytes };
    const problems = await tidyUp({ rclone, job, written, listing, now: now(), log, signal: limits.signal });
    for (const problem of problems) this.#warn(problem);
  }

  async #hook(
    title: string,
    command: string,
    workshop: Workshop,
    signal: AbortSignal,
    variables: Record<string, string> = {},
  ): Promise<void> {
    const env = {
      ...this.#doors.hookEnv,
      DBSTASH_BACKUP_ID: this.#backupId,
      DBSTASH_ENGINE: this.#job.engine.name,
      DBSTASH_DATABASE: this.#job.naming.database,
      ...variables,
    };
    await runHook({ title, command, env }, workshop, this.#doors.log, signal);
  }

  #warn(message: string): void {
    this.#warnings.push(message);
    this.#doors.log.warn(message);
  }

  /** The first cause counts. */
  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#error = error;
  }

  /** A tool's words may quote a secret, and the post hook and the notification pass them on. */
  #redacted({ message, hint }: Problem): Problem {
    const { redact } = this.#doors;
    return hint === undefined
      ? { message: redact(message) }
      : { message: redact(message), hint: redact(hint) };
  }

  #result(): BackupResult {
    const { engine, naming, rclone } = this.#job;
    const stored = this.#stored;
    const signal = stored === null && this.#error instanceof Interrupted ? this.#error.signal : null;
    // A step after the store that throws (an unremovable folder, a lost guard) leaves the backup stored.
    const late: readonly string[] = stored !== null && this.#failed ? [toProblem(this.#error).message] : [];
    const warnings = [...this.#warnings, ...late];
    return {
      backupId: this.#backupId,
      engine: engine.name,
      database: naming.database,
      status: stored === null ? "failure" : "success",
      exitCode: exitCodeOf(stored !== null, warnings.length > 0, signal),
      startedAt: this.#startedAt,
      durationMs: this.#doors.now().getTime() - this.#startedAt.getTime(),
      bytes: stored?.bytes ?? null,
      fileName: this.#name,
      remotePath: joinRemote(rclone.remote.shown, this.#name),
      error: stored === null ? this.#redacted(toProblem(this.#error)) : null,
      warnings,
      signal,
    };
  }
}

function exitCodeOf(stored: boolean, warned: boolean, signal: BackupResult["signal"]): number {
  if (stored) return warned ? exitCodes.incomplete.code : exitCodes.stored.code;
  if (signal === "SIGINT") return exitCodes.interrupted.code;
  return signal === "SIGTERM" ? exitCodes.terminated.code : exitCodes.failed.code;
}
