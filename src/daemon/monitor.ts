import type { Backup } from "../catalog/catalog.ts";
import type { Job } from "../job/job.ts";
import type { EngineName } from "../kinds.ts";
import type { BackupResult } from "../result.ts";
import type { Timetable } from "./scheduler.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What the long-lived process knows about itself, as plain facts. */
export interface HealthState {
  readonly engine: EngineName;
  readonly database: string;
  readonly startedAt: Date;
  /** The last stored backup, of this process or read back from the remote; null when none is known. */
  readonly lastSuccess: Date | null;
  /** How the last finished run ended; a skipped one leaves it as it was. */
  readonly lastStatus: "success" | "failure" | "pending";
  readonly running: boolean;
  readonly nextRun: Date | null;
  /** By when the next success is due: the first scheduled time after the last one (or the start), and `graceMs`. */
  readonly expectedBy: Date | null;
  readonly lastDurationMs: number | null;
  readonly lastBytes: number | null;
  /** Runs of this process by how they ended. */
  readonly runs: { readonly success: number; readonly failure: number; readonly skipped: number };
}

/** What the process knows about its runs, kept for the health server. */
export class Monitor {
  readonly #job: Job;
  readonly #timetable: Timetable;
  readonly #startedAt: Date;
  readonly #runs = { success: 0, failure: 0, skipped: 0 };
  #lastSuccess: Date | null = null;
  /** Up to when the last success counts: a name with the date alone says no more than the day. */
  #covered: Date;
  #lastStatus: HealthState["lastStatus"] = "pending";
  #lastDurationMs: number | null = null;
  #lastBytes: number | null = null;
  #on = 0;
  next: Date | null = null;

  constructor(job: Job, timetable: Timetable, startedAt: Date) {
    this.#job = job;
    this.#timetable = timetable;
    this.#startedAt = startedAt;
    this.#covered = startedAt;
  }

  get running(): boolean {
    return this.#on > 0;
  }

  begin(): void {
    this.#on += 1;
  }

  end(): void {
    this.#on -= 1;
  }

  finished(outcome: BackupResult | "skipped"): void {
    if (outcome === "skipped") {
      this.#runs.skipped += 1;
      return;
    }
    this.#runs[outcome.status] += 1;
    this.#lastStatus = outcome.status;
    this.#lastDurationMs = outcome.durationMs;
    if (outcome.status === "failure") return;
    this.#lastSuccess = outcome.startedAt;
    this.#covered = outcome.startedAt;
    this.#lastBytes = outcome.bytes;
  }

  /** A backup found on the remote; one that this process has made since knows better. */
  recalled({ timeMs, latestMs, bytes }: Backup, now: Date): void {
    if (timeMs === null || this.#lastSuccess !== null) return;
    this.#lastSuccess = new Date(timeMs);
    this.#covered = new Date(Math.min(latestMs ?? timeMs, now.getTime()));
    this.#lastBytes = bytes;
  }

  state(): HealthState {
    const due = this.#timetable(this.#covered);
    const following = due === null ? null : this.#timetable(due);
    const intervalMs = due === null || following === null ? Infinity : following.getTime() - due.getTime();
    return {
      engine: this.#job.engine.name,
      database: this.#job.naming.database,
      startedAt: this.#startedAt,
      lastSuccess: this.#lastSuccess,
      lastStatus: this.#lastStatus,
      running: this.running,
      nextRun: this.next,
      expectedBy: due === null ? null : new Date(due.getTime() + graceMs(intervalMs, this.#lastDurationMs)),
      lastDurationMs: this.#lastDurationMs,
      lastBytes: this.#lastBytes,
      runs: { ...this.#runs },
    };
  }
}

/**
 * How long after its scheduled time a success may take before it is overdue: the time between two runs, up to an hour,
 * so that one lost run of a close schedule shows soon; and twice the last run, so that a growing database is no alarm.
 */
export function graceMs(intervalMs: number, lastDurationMs: number | null): number {
  return Math.max(Math.min(intervalMs, HOUR_MS), 2 * (lastDurationMs ?? 0), MINUTE_MS);
}
