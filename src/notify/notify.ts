import type { Job } from "../job/job.ts";
import type { Logger } from "../logger.ts";
import type { BackupResult } from "../result.ts";
import { notificationOf, endingOf } from "./message.ts";
import { type NotifyDoors, sendNotification } from "./webhook.ts";

export type NotifyOn = "always" | "failure" | "success";

/** What telling of a run takes. */
export interface TellDoors {
  readonly log: Logger;
  readonly notify: NotifyDoors;
  /** Aborted when somebody wants dbstash to stop. */
  readonly stop: AbortSignal;
  /** This machine's name, for the notification. */
  readonly host: string;
}

/** Who stops dbstash waits for it: after a signal a webhook gets this long in all. */
const lastNotificationMs = 5_000;

/** Sends the run's notification where one is wanted. Never fails: a webhook that is down costs a warning. */
export async function notify(job: Job, doors: TellDoors, result: BackupResult): Promise<void> {
  const { notifyWebhookUrl, notifyOn } = job.settings;
  if (notifyWebhookUrl === null || !shouldNotify(notifyOn, result)) return;
  const limit = limitAfter(doors.stop, result.signal !== null);
  const { delivered, attempts, problem } = await sendNotification(
    notifyWebhookUrl,
    notificationOf(result, doors.host),
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

/** Whether a result is to be told: a stored backup whose later step failed is told under every setting. */
export function shouldNotify(on: NotifyOn, result: BackupResult): boolean {
  const ending = endingOf(result);
  return on === "always" || ending === "warning" || ending === on;
}
