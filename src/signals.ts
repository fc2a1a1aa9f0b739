import { Interrupted } from "./pipeline/limits.ts";

/** SIGTERM and SIGINT, listened to from the first moment on: PID 1 without a listener is deaf to them. */
export interface Signals {
  /** Aborted by the first signal. */
  readonly first: AbortSignal;
  /** Aborted by the second one: no more waiting. */
  readonly second: AbortSignal;
}

/** Listens to the process's signals. */
export function listenToSignals(source: NodeJS.EventEmitter): Signals {
  const first = new AbortController();
  const second = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    source.on(name, () => (first.signal.aborted ? second : first).abort(new Interrupted(name)));
  }
  return { first: first.signal, second: second.signal };
}
