import { DbstashError } from "../errors.ts";

/** What may end a run before its time. */
export interface StopSignals {
  /** Anything: a person's signal or a limit. Obeyed until the end of input was given. */
  readonly stop: AbortSignal;
  /** The limits alone. Obeyed to the end. */
  readonly limit: AbortSignal;
}

/** The clocks of one run: the whole run's limit, and the limit on standing still. */
export interface Limits {
  readonly signal: AbortSignal;
  /** Starts the stall clock. */
  begin(): void;
  /** Shows the stall clock that bytes have moved. */
  moved(): void;
  /** The stall clock stops for good: from here on nothing can be seen to move. */
  rest(): void;
  /** No clock of this run goes off any more. */
  end(): void;
}

/** Starts the clock of the whole run; both limits in milliseconds, 0 for none. */
export function startLimits(timeoutMs: number, stallTimeoutMs: number): Limits {
  const controller = new AbortController();
  const abort = (message: string, hint: string) => controller.abort(new DbstashError(message, hint));
  const timer =
    timeoutMs === 0
      ? undefined
      : setTimeout(
          () =>
            abort(
              `the run took longer than ${seconds(timeoutMs)}`,
              "BACKUP_TIMEOUT (--backup-timeout) sets this limit",
            ),
          timeoutMs,
        );
  let stall: Timer | undefined;
  let resting = stallTimeoutMs === 0;
  const restart = (): void => {
    clearTimeout(stall);
    if (resting || controller.signal.aborted) return;
    stall = setTimeout(
      () =>
        abort(
          `not one byte moved for ${seconds(stallTimeoutMs)}`,
          "BACKUP_STALL_TIMEOUT (--backup-stall-timeout) sets this limit",
        ),
      stallTimeoutMs,
    );
  };
  return {
    signal: controller.signal,
    begin: restart,
    moved: restart,
    rest() {
      resting = true;
      clearTimeout(stall);
    },
    end() {
      clearTimeout(timer);
      clearTimeout(stall);
    },
  };
}

/** A limit in time as a signal. */
export interface TimeLimit {
  readonly signal: AbortSignal;
  /** It does not go off any more. */
  end(): void;
}

/** Goes off after so long; 0 for never. @param reason what it then says */
export function timeLimit(ms: number, reason: DbstashError): TimeLimit {
  const controller = new AbortController();
  const timer = ms === 0 ? undefined : setTimeout(() => controller.abort(reason), ms);
  return { signal: controller.signal, end: () => clearTimeout(timer) };
}

/** Goes off so long after another signal has, and at once when `giveUp` does; until then it ends nothing. */
export function graceAfter(
  stop: AbortSignal,
  ms: number,
  giveUp: AbortSignal,
  reason: DbstashError,
): TimeLimit {
  const controller = new AbortController();
  let timer: Timer | undefined;
  const start = (): void => {
    timer = setTimeout(() => controller.abort(reason), ms);
  };
  const now = (): void => controller.abort(giveUp.reason);
  if (stop.aborted) start();
  else stop.addEventListener("abort", start, { once: true });
  if (giveUp.aborted) now();
  else giveUp.addEventListener("abort", now, { once: true });
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      stop.removeEventListener("abort", start);
      giveUp.removeEventListener("abort", now);
    },
  };
}

/** `45 s`, `30 min`: a limit as messages tell it. */
export function seconds(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;
}
