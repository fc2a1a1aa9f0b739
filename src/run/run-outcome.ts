import type { Redact } from "../config/secret.ts";
import {
  exitCodeOfRun,
  exitCodeOfSeveral,
  Interrupted,
  type Problem,
  shown,
  type StopSignal,
  toProblem,
} from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { BackupResult, RunResult, SeveralResult } from "../result.ts";
import { Outcome, type RunIdentity } from "./outcome.ts";

/** What has been found out about a run so far, over all of its backups and their tries, and the result it comes to. */
export class RunOutcome {
  readonly #job: Job;
  readonly #run: RunIdentity;
  readonly #redact: Redact;
  readonly #isSeveral: boolean;
  readonly #warnings: Problem[] = [];
  readonly #backups = new Map<string, BackupResult>();
  #databases: readonly string[] | null = null;
  #dumpBegan = false;
  #isSkipped = false;
  #failure: { readonly error: unknown } | null = null;

  /**
   * @param run the identity of its first try; of several databases the name counts for nothing
   * @param isSeveral whether each of several databases gets a backup of its own
   */
  constructor(job: Job, run: RunIdentity, redact: Redact, isSeveral: boolean) {
    this.#job = job;
    this.#run = run;
    this.#redact = redact;
    this.#isSeveral = isSeveral;
  }

  /** A dump is about to begin: from here on the post hook has something to hear of. */
  dumpBegins(): void {
    this.#dumpBegan = true;
  }

  get dumpBegan(): boolean {
    return this.#dumpBegan;
  }

  /**
   * A backup has ended, or was not even begun.
   * @param key whose it is: a later try of the same one takes its place
   */
  ended(key: string, result: BackupResult): void {
    this.#backups.set(key, result);
  }

  /** Whether the last try at one has failed. @param key as `ended` was given it */
  hasFailed(key: string): boolean {
    return this.#backups.get(key)?.status === "failure";
  }

  /** The databases that the server has, as far as they are to be backed up. */
  names(databases: readonly string[]): void {
    this.#databases = databases;
  }

  /** A database was dropped while the run was on: that its backup failed is no fault. @param key as `ended` was given it */
  dropped(key: string, database: string): void {
    this.#backups.delete(key);
    this.#databases = this.#databases?.filter((each) => each !== database) ?? null;
    this.warn({ message: `${database} was dropped before it could be backed up` });
  }

  /** A database was left to another run, which holds its lock. @returns the warning */
  skipped(database: string): string {
    this.#isSkipped = true;
    return this.warn({ message: `${database} was skipped: another run that backs it up holds its lock` });
  }

  /** Something that belongs to no backup, such as a hook, went wrong. @returns the warning, fit to be shown */
  warn(problem: Problem): string {
    const warning = shown(problem, this.#redact);
    this.#warnings.push(warning);
    return warning.message;
  }

  /** The run failed beside its backups, of whatever was thrown; the first cause counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** The result, as of now. */
  result(now: Date): RunResult {
    return this.#isSeveral ? this.#several(now) : this.#one(now);
  }

  #one(now: Date): BackupResult {
    const [made] = this.#backups.values();
    const backup = made ?? this.#unmade(now);
    const isStored = backup.status === "success";
    const late = isStored && this.#failure !== null ? [this.#shown(this.#failure.error)] : [];
    const added = [...this.#warnings, ...late];
    const warnings = [...backup.warnings, ...added.map(({ message }) => message)];
    const { startedAt } = this.#run;
    return {
      ...backup,
      exitCode: isStored
        ? exitCodeOfRun({ isStored, isWarned: warnings.length > 0, error: null })
        : backup.exitCode,
      startedAt,
      durationMs: now.getTime() - startedAt.getTime(),
      warnings,
      ...hintOf([backup.warningHint, ...added.map(({ hint }) => hint)]),
    };
  }

  #unmade(now: Date): BackupResult {
    const outcome = new Outcome(this.#job, this.#run, this.#redact);
    outcome.fail(this.#failure?.error);
    return outcome.result(now);
  }

  #several(now: Date): SeveralResult {
    const { engine, naming, places } = this.#job;
    const { backupId, startedAt } = this.#run;
    const backups = [...this.#backups.values()].toSorted((a, b) => (a.database < b.database ? -1 : 1));
    const [stored, failed] = [withStatus(backups, "success"), withStatus(backups, "failure")];
    const own = this.#failure === null ? null : this.#shown(this.#failure.error);
    // What breaks after all are stored (a lost guard) leaves them stored.
    const isLate = own !== null && stored.length > 0 && failed.length === 0;
    const added = [...this.#warnings, ...(isLate ? [own] : [])];
    const warnings = [...added.map(({ message }) => message), ...warningsOf(backups)];
    const isSkipped = own === null && backups.length === 0 && this.#isSkipped;
    const isNothing = own === null && backups.length === 0;
    const cause = isNothing ? nothingLeft : own;
    const error = isSkipped ? allHeld : isLate ? null : errorOfSeveral(cause, failed, backups.length);
    const signal =
      signalOf(this.#failure?.error) ?? failed.find((each) => each.signal !== null)?.signal ?? null;
    return {
      backupId,
      engine: engine.name,
      database: naming.database,
      status: error === null ? "success" : "failure",
      exitCode: exitCodeOfSeveral({
        signal: error === null ? null : signal,
        isFailed: error !== null,
        isSkipped,
        isWarned: warnings.length > 0,
      }),
      startedAt,
      durationMs: now.getTime() - startedAt.getTime(),
      bytes: stored.length === 0 ? null : stored.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
      remotePath: (places.find(({ remote }) => holdsOneOf(stored, remote.shown)) ?? places[0]).remote.shown,
      backups,
      databases: this.#databases,
      error,
      warnings,
      ...hintOf([...added.map(({ hint }) => hint), ...backups.map(({ warningHint }) => warningHint)]),
      signal: error === null ? null : signal,
    };
  }

  #shown(error: unknown): Problem {
    return shown(toProblem(error), this.#redact);
  }
}

function withStatus(backups: readonly BackupResult[], wanted: BackupResult["status"]): BackupResult[] {
  return backups.filter(({ status }) => status === wanted);
}

function signalOf(thrown: unknown): StopSignal | null {
  return thrown instanceof Interrupted ? thrown.signal : null;
}

/** The first hint there is. */
function hintOf(hints: readonly (string | undefined)[]): { readonly warningHint?: string } {
  const warningHint = hints.find((hint) => hint !== undefined);
  return warningHint === undefined ? {} : { warningHint };
}

function errorOfSeveral(own: Problem | null, failed: readonly BackupResult[], count: number): Problem | null {
  if (failed.length === 0) return own;
  const sentence = `${failed.length} of ${count} databases failed: ${reasonsOf(failed)}`;
  const hint = own?.hint ?? failed.find(({ error }) => error?.hint !== undefined)?.error?.hint;
  const message = own === null ? sentence : `${own.message}; ${sentence}`;
  return hint === undefined ? { message } : { message, hint };
}

/** All that there was to back up was dropped meanwhile: nothing is stored, and that is no success. */
const nothingLeft: Problem = { message: "no database was left to be backed up" };

const allHeld: Problem = {
  message: "every database is being backed up by another run, which holds its lock",
};

const mostReasons = 5;
const mostNames = 3;

function holdsOneOf(stored: readonly BackupResult[], place: string): boolean {
  return stored.some(({ places }) => places.some((each) => each.isStored && each.place === place));
}

/** What each backup's result warns of, those that warn alike together: a place that is out is out for all of them. */
function warningsOf(backups: readonly BackupResult[]): string[] {
  const all = backups.flatMap((backup) => backup.warnings.map((warning) => ({ backup, warning })));
  const groups = Map.groupBy(all, ({ warning }) => warning);
  return [...groups].map(([warning, each]) => `${namesOf(each.map(({ backup }) => backup))}: ${warning}`);
}

/** `shop, crm, stock and 36 more`. */
function namesOf(backups: readonly BackupResult[]): string {
  const names = backups.slice(0, mostNames).map(({ database }) => database);
  const rest = backups.length - names.length;
  return `${names.join(", ")}${rest === 0 ? "" : ` and ${rest} more`}`;
}

/** `shop, crm and 36 more: connection refused; stock: permission denied`: names that failed alike share their reason. */
function reasonsOf(failed: readonly BackupResult[]): string {
  const groups = Map.groupBy(failed, ({ error }) => error?.message ?? "");
  const told = [...groups].slice(0, mostReasons).map(([reason, each]) => `${namesOf(each)}: ${reason}`);
  const untold = groups.size - told.length;
  return [...told, ...(untold === 0 ? [] : [`and ${untold} more reasons`])].join("; ");
}
