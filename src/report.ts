import type { Redact } from "./config/secret.ts";
import type { Job } from "./job.ts";
import type { Fields, Logger } from "./logger.ts";
import { notificationOf } from "./notify/message.ts";
import { type NotifyDoors, sendNotification, shouldNotify } from "./notify/notify.ts";
import type { BackupResult } from "./result.ts";

/** What telling of a run takes. */
export interface ReportDoors {
  readonly log: Logger;
  readonly redact: Redact;
  readonly notify: NotifyDoors;
  /** Aborted when somebody wants dbstash to stop. */
  readonly stop: AbortSignal;
  /** This machine's name, for the notification. */
  readonly host: string;
}

/** Who stops dbstash waits for it: after a signal a webhook gets this long in all. */
const lastNotificationMs = 5_000;

/** Sends the run's notification where one is wanted. Never fails: a webhook that is down costs a warning. */
export async function notify(job: Job, doors: ReportDoors, result: BackupResult): Promise<void> {
  const { notifyWebhookUrl, notifyOn } = job.settings;
  if (notifyWebhookUrl === null || !shouldNotify(notifyOn, result)) return;
  const limit = limitAfter(doors.stop, result.signal !== null);
  const { delivered, attempts, problem } = await sendNotification(
    notifyWebhookUrl,
    notificationOf(result, doors.host, doors.redact),
    doors.notify,
    limit.signal,
  ).finally(() => limit.end());
  if (delivered) doors.log.debug("notification sent", { attempts });
  else doors.log.warn("the notification could not be delivered", { attempts, error: problem ?? "unknown" });
}

/** A signal that fires when the time of a last notification, from the stop on, is over. */
function limitAfter(stop: AbortSignal, stopped: boolean): { signal: AbortSignal; end(): void } {
  const limit = new AbortController();
  let timer: Timer | undefined;
  const start = () => {
    timer = setTimeout(() => limit.abort(), lastNotificationMs);
  };
  if (stopped || stop.aborted) start();
  else stop.addEventListener("abort", start);
  return {
    signal: limit.signal,
    end() {
      stop.removeEventListener("abort", start);
      clearTimeout(timer);
    },
  };
}

/** The run's last line: what became of it, for whoever reads nothing else. */
export function summarise(log: Logger, result: BackupResult): void {
  const problem = result.error;
  const fields: Fields = {
    status: result.status,
    duration_ms: result.durationMs,
    bytes: result.bytes,
    remote_path: result.remotePath,
    exit_code: result.exitCode,
    ...(problem === null ? {} : { error: problem.message }),
    ...(problem?.hint === undefined ? {} : { hint: problem.hint }),
    ...(result.warnings.length === 0 ? {} : { warnings: result.warnings.length }),
    ...(problem === null && result.warnings.length > 0 ? { error: result.warnings.join("; ") } : {}),
  };
  if (problem !== null) log.error("backup failed", fields);
  else if (result.warnings.length > 0) log.warn("backup stored, but a later step failed", fields);
  else log.info("backup stored", fields);
}
