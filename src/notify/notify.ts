import type { Secret } from "../config/secret.ts";
import type { Job } from "../job/job.ts";
import { isSkipped, type RunResult } from "../result.ts";
import { endingOf, notificationOf, notificationOfSkips } from "./message.ts";
import type { Ending, Notification } from "./notification.ts";
import { toldSkips } from "./past.ts";
import { limitAfter, type TellDoors } from "./telling.ts";
import { type Delivery, type NotifyDoors, sendNotification } from "./webhook.ts";

export type NotifyOn = "always" | "failure" | "success";

/** Who stops dbstash waits for it: after a signal the webhooks get this long in all. */
const lastNotificationMs = 5000;

/** Sends the run's notification where one is wanted; a skipped run has none. Never fails: a webhook that is down costs a warning. */
export async function notify(job: Job, doors: TellDoors, result: RunResult): Promise<void> {
  if (isSkipped(result)) return;
  const before = doors.past?.failures ?? null;
  if (!shouldNotify(job.settings.notifyOn, endingOf(result), before !== null)) return;
  await tell(job, doors, notificationOf(result, doors.host, before), result.signal !== null);
}

/** Tells that runs of the schedule are skipped again and again, unless success alone is to be told. Never fails. */
export async function notifyOfSkips(job: Job, doors: TellDoors): Promise<void> {
  if (job.settings.notifyOn === "success") return;
  const { engine, naming } = job;
  const about = { engine: engine.name, database: naming.database, host: doors.host, now: doors.notify.now() };
  await tell(job, doors, notificationOfSkips(about, toldSkips), false);
}

async function tell(job: Job, doors: TellDoors, notification: Notification, stopped: boolean): Promise<void> {
  const { log } = doors;
  const limit = limitAfter(doors.stop, stopped, lastNotificationMs);
  const urls = job.settings.notifyWebhookUrl ?? [];
  const told = await sendToAll(urls, notification, doors.notify, limit.signal).finally(() => limit.end());
  for (const [at, { delivered, attempts, problem }] of told.entries()) {
    const which = told.length === 1 ? {} : { webhook: `${at + 1} of ${told.length}` };
    if (delivered) log.debug("notification sent", { ...which, attempts });
    else
      log.warn("the notification could not be delivered", {
        ...which,
        attempts,
        error: problem ?? "unknown",
      });
  }
}

/** Sends a notification to each webhook, at the same time and each by itself. Never throws. */
export function sendToAll(
  urls: readonly Secret[],
  notification: Notification,
  doors: NotifyDoors,
  stop: AbortSignal,
): Promise<Delivery[]> {
  return Promise.all(urls.map((url) => sendNotification(url, notification, doors, stop)));
}

/**
 * Whether a run is to be told: a stored backup whose later step failed is told under every setting, and the first one
 * that is stored after failures to whom failures are told.
 */
export function shouldNotify(on: NotifyOn, ending: Ending, isAgain = false): boolean {
  return on === "always" || ending === "warning" || ending === on || (isAgain && ending === "success");
}
