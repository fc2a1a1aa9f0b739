import { readFileSync } from "node:fs";
import { DbstashError, Interrupted, type StopSignal } from "./errors.ts";

/** SIGTERM, SIGINT and SIGHUP, listened to from the first moment on: PID 1 without a listener is deaf to them. */
export interface Signals {
  /** Aborted by the first signal. */
  readonly first: AbortSignal;
  /** Aborted by the second one: no more waiting. */
  readonly second: AbortSignal;
}

/**
 * Listens to the process's signals; not to SIGHUP, a terminal that is closed, where whoever started dbstash had it
 * ignored, as nohup does.
 * @param status what `/proc/self/status` says of this process
 */
export function listenToSignals(source: NodeJS.EventEmitter, status: string = ownStatus()): Signals {
  const first = new AbortController();
  const second = new AbortController();
  const listen = (name: StopSignal) =>
    source.on(name, () => (first.signal.aborted ? second : first).abort(new Interrupted(name)));
  listen("SIGINT");
  listen("SIGTERM");
  if (!ignoresHangup(status)) listen("SIGHUP");
  return { first: first.signal, second: second.signal };
}

/** Whether SIGHUP, number 1, is in the mask of ignored signals: its lowest bit (proc_pid_status(5), SigIgn). */
function ignoresHangup(status: string): boolean {
  return /^SigIgn:\s*[0-9a-f]*[13579bdf]$/m.test(status);
}

function ownStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    // No /proc: then nobody has said that it is to be ignored.
    return "";
  }
}

/** The last resort: errors that nobody caught, which would end the process between two steps of a run. */
export class Uncaught {
  #report: (error: DbstashError) => void;
  readonly #listeners = new Set<(error: DbstashError) => void>();

  /** @param report tells a person of an error, in one line */
  constructor(source: NodeJS.EventEmitter, report: (error: DbstashError) => void) {
    this.#report = report;
    const take = (thrown: unknown): void => {
      const words = thrown instanceof Error ? thrown.message : String(thrown);
      const error = new DbstashError("internal error", "this is a fault of dbstash itself", words);
      this.#report(error);
      for (const tell of this.#listeners) tell(error);
    };
    source.on("uncaughtException", take);
    source.on("unhandledRejection", take);
  }

  /** From here on, how a person is told. */
  reportBy(report: (error: DbstashError) => void): void {
    this.#report = report;
  }

  /** Tells of every further error, until the function it returns is called. */
  listen(tell: (error: DbstashError) => void): () => void {
    this.#listeners.add(tell);
    return () => void this.#listeners.delete(tell);
  }
}
