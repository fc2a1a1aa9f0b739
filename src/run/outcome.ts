import type { Redact } from "../config/secret.ts";
import {
  errorOf,
  exitCodeOfRun,
  Interrupted,
  type Problem,
  shown,
  toProblem,
  withSentence,
} from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { Place } from "../job/place.ts";
import type { Logger } from "../logger.ts";
import { Damaged } from "../pipeline/verdict.ts";
import { joinRemote } from "../remote/remote.ts";
import { type BackupResult, type PlaceResult, type RunResult, summaryOf } from "../result.ts";

/** What settles a backup's name and times. */
export interface RunIdentity {
  readonly backupId: string;
  readonly startedAt: Date;
  /** The backup's name below each place's path. */
  readonly name: string;
}

/** What has been found out about a backup in one place so far. */
interface PlaceState {
  readonly place: Place;
  readonly warnings: Problem[];
  isStored: boolean;
  bytes: number | null;
  failure: { readonly error: unknown } | null;
}

/** What has been found out about one try at a backup so far, and the result it comes to. */
export class Outcome {
  readonly #job: Job;
  readonly #run: RunIdentity;
  readonly #redact: Redact;
  readonly #warnings: Problem[] = [];
  readonly #places: readonly PlaceState[];
  #failure: { readonly error: unknown } | null = null;

  constructor(job: Job, run: RunIdentity, redact: Redact) {
    this.#job = job;
    this.#run = run;
    this.#redact = redact;
    this.#places = job.places.map((place) => ({
      place,
      warnings: [],
      isStored: false,
      bytes: null,
      failure: null,
    }));
  }

  /** The backup stands in a place under its final name, with so many bytes; null where nobody can tell. */
  stored(place: Place, bytes: number | null): void {
    const state = this.#at(place);
    state.isStored = true;
    state.bytes = bytes;
  }

  /** It does not stand in a place, of whatever was thrown; the first cause counts. */
  missed(place: Place, error: unknown): void {
    this.#at(place).failure ??= { error };
  }

  /**
   * A later step failed, or the verification could not be carried out.
   * @param place where; left out for what concerns the whole run
   * @returns the warning, fit to be shown
   */
  warn(problem: Problem, place?: Place): string {
    const isNamed = place !== undefined && this.#job.places.length > 1;
    const warning = shown(isNamed ? withSentence(place.remote.shown, problem) : problem, this.#redact);
    if (place === undefined) this.#warnings.push(warning);
    else this.#at(place).warnings.push(warning);
    return warning.message;
  }

  /** The run failed, of whatever was thrown; the first cause counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** All that it failed of: one cause for all places, or each place's own. */
  get causes(): readonly unknown[] {
    if (this.#failure !== null) return [this.#failure.error];
    return this.#places.flatMap(({ failure }) => (failure === null ? [] : [failure.error]));
  }

  /** The result, as of now. */
  result(now: Date): BackupResult {
    const { engine, naming } = this.#job;
    const { backupId, startedAt, name } = this.#run;
    const first = this.#places.find(({ isStored }) => isStored);
    const isStored = first !== undefined;
    const thrown = this.#cause();
    // A stop ends the run, whatever other places have failed of.
    const interrupted = this.causes.find((cause) => cause instanceof Interrupted);
    // A step after the store that throws (a lost guard) leaves the backup stored.
    const late =
      isStored && this.#failure !== null ? [shown(toProblem(this.#failure.error), this.#redact)] : [];
    const ofPlaces = this.#places.flatMap((state) => [
      ...state.warnings,
      ...(isStored && !state.isStored ? [this.#lack(state)] : []),
    ]);
    const warnings = [...this.#warnings, ...ofPlaces, ...late];
    const warningHint = warnings.find(({ hint }) => hint !== undefined)?.hint;
    const places = this.#places.map((state) => this.#resultOf(state));
    return {
      backupId,
      engine: engine.name,
      database: naming.database,
      places,
      status: isStored ? "success" : "failure",
      exitCode: exitCodeOfRun({ isStored, isWarned: warnings.length > 0, error: interrupted ?? thrown }),
      startedAt,
      durationMs: now.getTime() - startedAt.getTime(),
      bytes: first?.bytes ?? null,
      fileName: name,
      remotePath: joinRemote((first?.place ?? this.#job.places[0]).remote.shown, name),
      // The post hook and the notification pass it on.
      error: isStored ? null : shown(toProblem(thrown), this.#redact),
      warnings: warnings.map(({ message }) => message),
      ...(warningHint === undefined ? {} : { warningHint }),
      signal: !isStored && interrupted !== undefined ? interrupted.signal : null,
    };
  }

  #at(place: Place): PlaceState {
    const state = this.#places.find((each) => each.place === place);
    if (state === undefined) throw new Error("a place that is none of this job's");
    return state;
  }

  /** What a run failed of that stored nothing: one cause for all, or each place's own. */
  #cause(): unknown {
    if (this.#failure !== null) return this.#failure.error;
    const failures = this.#places.flatMap(({ place, failure }) =>
      failure === null ? [] : [{ place, failure }],
    );
    const [first] = failures;
    const isOne = failures.length <= 1 && this.#job.places.length === 1;
    if (isOne || failures.every(({ failure: { error } }) => error instanceof Interrupted))
      return first?.failure.error;
    const problems = failures.map(({ place, failure }) =>
      shown(withSentence(place.remote.shown, toProblem(failure.error)), this.#redact),
    );
    const hint = problems.find((problem) => problem.hint !== undefined)?.hint;
    const message = `no place has the backup: ${problems.map((problem) => problem.message).join("; ")}`;
    return errorOf(hint === undefined ? { message } : { message, hint });
  }

  #lack({ place, failure }: PlaceState): Problem {
    const thrown = failure?.error ?? this.#failure?.error;
    const sentence = `${place.remote.shown} does not have this backup`;
    return thrown === undefined
      ? { message: sentence }
      : shown(withSentence(sentence, toProblem(thrown)), this.#redact);
  }

  #resultOf({ place, isStored, bytes, failure, warnings }: PlaceState): PlaceResult {
    const thrown = failure?.error ?? this.#failure?.error;
    return {
      place: place.remote.shown,
      isStored,
      isDamaged: thrown instanceof Damaged,
      bytes,
      remotePath: joinRemote(place.remote.shown, this.#run.name),
      error: isStored || thrown === undefined ? null : shown(toProblem(thrown), this.#redact),
      warnings: warnings.map(({ message }) => message),
    };
  }
}

/** The result of a backup that was not even begun. @param reason whatever was thrown, or keeps it from beginning */
export function unbegunResult(job: Job, run: RunIdentity, reason: unknown, redact: Redact): BackupResult {
  const outcome = new Outcome(job, run, redact);
  outcome.fail(reason);
  const result = outcome.result(run.startedAt);
  return { ...result, fileName: null, remotePath: job.places[0].remote.shown };
}

/** The run's last line: what became of it, for whoever reads nothing else. */
export function summarise(log: Logger, result: RunResult): void {
  const { message, fields } = summaryOf(result);
  if (message === "backup failed") log.error(message, fields);
  else if (message === "backup stored") log.info(message, fields);
  else log.warn(message, fields);
}

/** What became of one database of several: a line of its own, and not the run's last. */
export function summariseDatabase(log: Logger, result: BackupResult): void {
  const { message, fields } = summaryOf(result);
  const { exit_code: _, ...told } = fields;
  const said = message.replace("backup", "database");
  if (message === "backup failed") log.error(said, told);
  else if (message === "backup stored") log.info(said, told);
  else log.warn(said, told);
}
