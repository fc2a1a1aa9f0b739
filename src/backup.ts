import type { ListingEntry } from "./catalog.ts";
import { DbstashError, toProblem } from "./errors.ts";
import { hookVariables, runHook } from "./hooks.ts";
import { tidyUp } from "./housekeeping.ts";
import type { Job } from "./job.ts";
import { formatName, newUuid } from "./naming.ts";
import { Outcome } from "./outcome.ts";
import { pipelineFor } from "./pipeline/choice.ts";
import { type Limits, startLimits } from "./pipeline/limits.ts";
import { Guard } from "./process/guard.ts";
import type { Libc } from "./process/libc.ts";
import { takeLock } from "./process/lock.ts";
import { KernelPipe } from "./process/pipe.ts";
import { openWorkshop, type Workshop } from "./process/workshop.ts";
import type { Progress } from "./progress.ts";
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
  readonly lockFolders: readonly string[];
  readonly progress: Progress;
}

/**
 * One run, from the pre hook to the summary line. Never throws: whatever happens becomes the result.
 * @param interrupt a person's stop; obeyed until the end of input was given
 */
export async function runOnce(job: Job, doors: BackupDoors, interrupt: AbortSignal): Promise<BackupResult> {
  const backupId = Bun.randomUUIDv7();
  const log = doors.log.with({ backup_id: backupId });
  const own = { ...doors, log };
  const result = await new Run(job, own, backupId, interrupt).execute();
  await notify(job, own, result);
  summarise(log, result);
  return result;
}

/** The steps of one run, in their order. */
class Run {
  readonly #job: Job;
  readonly #doors: BackupDoors;
  readonly #backupId: string;
  readonly #interrupt: AbortSignal;
  readonly #name: string;
  readonly #outcome: Outcome;
  #dumped = false;

  constructor(job: Job, doors: BackupDoors, backupId: string, interrupt: AbortSignal) {
    this.#job = job;
    this.#doors = doors;
    this.#backupId = backupId;
    this.#interrupt = interrupt;
    const startedAt = doors.now();
    const uuid = newUuid(crypto.getRandomValues(new Uint8Array(4)));
    const stem = formatName(job.template, { ...job.naming, now: startedAt, uuid });
    this.#name = stem + job.naming.extension;
    this.#outcome = new Outcome(job, { backupId, startedAt, fileName: this.#name }, doors.redact);
  }

  async execute(): Promise<BackupResult> {
    const { log, progress, now } = this.#doors;
    const { backupTimeout, backupStallTimeout } = this.#job.settings;
    log.info("backup started", { file: this.#name });
    const limits = startLimits(backupTimeout, backupStallTimeout);
    try {
      await this.#withWorkshop(limits);
    } catch (error) {
      this.#outcome.fail(error);
    } finally {
      limits.end();
      progress.end();
    }
    return this.#outcome.result(now());
  }

  async #withWorkshop(limits: Limits): Promise<void> {
    const { libc, toolEnv, tempRoot } = this.#doors;
    const pipes = { first: new KernelPipe(libc), last: new KernelPipe(libc) };
    let guard: Guard | null = null;
    let workshop: Workshop | null = null;
    try {
      guard = Guard.start(libc, [pipes.first.writeFd, pipes.last.writeFd]);
      workshop = openWorkshop(libc, guard, toolEnv, tempRoot);
      await this.#steps(workshop, pipes, limits);
    } finally {
      pipes.first.close();
      pipes.last.close();
      await (workshop === null ? guard?.farewell() : workshop.close());
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
    const releaseName = this.#claimName();
    try {
      await this.#store(workshop, pipes, limits, any);
    } catch (error) {
      this.#outcome.fail(error);
    } finally {
      releaseName();
      limits.rest();
    }
    if (hookPostBackup === null || !this.#dumped) return;
    const stop = any.aborted ? lastHookSignal() : any;
    const variables = hookVariables(this.#outcome.result(this.#doors.now()));
    try {
      await this.#hook("HOOK_POST_BACKUP", hookPostBackup, workshop, stop, variables);
    } catch (error) {
      const { message } = toProblem(error);
      this.#warn(error === stop.reason ? `HOOK_POST_BACKUP was ended: ${message}` : message);
    }
  }

  /** Two jobs that write the same names and start in the same second would both find the name free. */
  #claimName(): () => void {
    const { libc, lockFolders } = this.#doors;
    const lock = takeLock(libc, lockFolders, JSON.stringify([this.#job.targetKey, this.#name]));
    if (lock.kind === "held")
      throw new DbstashError(
        `another job writes ${this.#name} at this moment`,
        "give each job a folder or a BACKUP_NAME_TEMPLATE (--backup-name-template) of its own",
      );
    return lock.kind === "locked" ? () => lock.release() : () => undefined;
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
    any.throwIfAborted();
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
      onLastByte: () => limits.rest(),
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
    this.#outcome.stored(stored);
    if (stored.verdict.outcome === "unchecked") {
      this.#warn(`the stored backup could not be checked: ${stored.verdict.reason}`);
      return;
    }
    log.info(this.#job.settings.backupVerify ? "backup verified" : "backup not verified", {
      file: this.#name,
      compared: stored.verdict.how,
    });
    const written = { name: this.#name, bytes: stored.bytes };
    const problems = await tidyUp({ rclone, job, written, listing, now: now(), log, signal: any });
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
    this.#outcome.warn(message);
    this.#doors.log.warn(message);
  }
}

function lastHookSignal(): AbortSignal {
  const controller = new AbortController();
  const reason = new DbstashError(`it took longer than ${lastHookMs / 1000} s`);
  setTimeout(() => controller.abort(reason), lastHookMs);
  return controller.signal;
}
