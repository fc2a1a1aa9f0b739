import { DbstashError } from "../errors.ts";

/** How long one of several places may take to answer: the others' dump waits for it. */
export const answerLimitMs = 20_000;

/** What may end a run before its time. */
export interface StopSignals {
  /** Anything: a person's signal or a limit. Obeyed until the end of input was given. */
  readonly stop: AbortSignal;
  /** The limits alone. Obeyed to the end. */
  readonly limit: AbortSignal;
}

/** The stall clock of one backup: its limit on standing still. */
export interface StallClock {
  readonly signal: AbortSignal;
  /** Starts it. */
  begin(): void;
  /** Shows it that bytes have moved. */
  moved(): void;
  /** It stops for good: from here on nothing can be seen to move. */
  rest(): void;
}

/** A stall clock, which `begin` starts. @param limitMs 0 for none */
export function stallClock(limitMs: number): StallClock {
  const controller = new AbortController();
  const reason = new DbstashError(
    `not one byte moved for ${seconds(limitMs)}`,
    "BACKUP_STALL_TIMEOUT (--backup-stall-timeout) sets this limit",
  );
  let stall: Timer | undefined;
  let resting = limitMs === 0;
  const restart = (): void => {
    clearTimeout(stall);
    if (resting || controller.signal.aborted) return;
    stall = setTimeout(() => controller.abort(reason), limitMs);
  };
  return {
    signal: controller.signal,
    begin: restart,
    moved: restart,
    rest() {
      resting = true;
      clearTimeout(stall);
    },
  };
}

/** The limit of a whole run, whose clock starts now. @param limitMs 0 for none */
export function runLimit(limitMs: number): TimeLimit {
  const hint = "BACKUP_TIMEOUT (--backup-timeout) sets this limit";
  return timeLimit(limitMs, new DbstashError(`the run took longer than ${seconds(limitMs)}`, hint));
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
