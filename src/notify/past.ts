import type { RunResult } from "../result.ts";

/** Runs that failed, one after the other. */
export interface Failures {
  readonly count: number;
  /** When the first of them began. */
  readonly since: Date;
}

/** From so many skipped runs in a row on it is no coincidence. */
export const toldSkips = 4;

/** What the runs of a schedule came to, as far as a message about the next one depends on it. */
export class Past {
  #failures: Failures | null = null;
  #skips = 0;

  /** The failures since the last stored backup; null where there are none. */
  get failures(): Failures | null {
    return this.#failures;
  }

  /** A run has ended. */
  finished({ status, startedAt }: Pick<RunResult, "status" | "startedAt">): void {
    this.#skips = 0;
    if (status === "success") this.#failures = null;
    else
      this.#failures = { count: (this.#failures?.count ?? 0) + 1, since: this.#failures?.since ?? startedAt };
  }

  /** A run was skipped. @returns whether that is to be told: of a row only its fourth one */
  skipped(): boolean {
    this.#skips += 1;
    return this.#skips === toldSkips;
  }
}
