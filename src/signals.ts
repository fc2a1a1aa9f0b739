import { readFileSync } from "node:fs";
import { Interrupted } from "./pipeline/limits.ts";

/** SIGTERM, SIGINT and SIGHUP, listened to from the first moment on: PID 1 without a listener is deaf to them. */
export interface Signals {
  /** Aborted by the first signal. */
  readonly first: AbortSignal;
  /** Aborted by the second one: no more waiting. */
  readonly second: AbortSignal;
}

/**
 * Listens to the process's signals. SIGHUP, a terminal that is closed, counts as SIGTERM, unless whoever started
 * dbstash had it ignored, as nohup does.
 * @param status what `/proc/self/status` says of this process
 */
export function listenToSignals(source: NodeJS.EventEmitter, status: string = ownStatus()): Signals {
  const first = new AbortController();
  const second = new AbortController();
  const listen = (name: string, meaning: "SIGINT" | "SIGTERM") =>
    source.on(name, () => (first.signal.aborted ? second : first).abort(new Interrupted(meaning)));
  listen("SIGINT", "SIGINT");
  listen("SIGTERM", "SIGTERM");
  if (!ignoresHangup(status)) listen("SIGHUP", "SIGTERM");
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
