import type { Secret } from "../config/secret.ts";
import type { Settings } from "../config/options.ts";
import type { Problem } from "../errors.ts";
import type { EngineName } from "../kinds.ts";
import { notificationOfSettings } from "./message.ts";
import { sendToAll } from "./notify.ts";
import { sendPing } from "./ping.ts";
import { pingMistake, pingOfSettings } from "./ping-services.ts";
import { webhookMistake } from "./platforms.ts";
import { limitAfter } from "./telling.ts";
import type { NotifyDoors } from "./webhook.ts";

/** After a signal nobody waits for it any longer than this. */
const lastMs = 3000;

/** Settings that keep a run from beginning. */
export interface WrongSettings {
  readonly engine: EngineName;
  /** What was to be backed up; null where that is not known. */
  readonly database: string | null;
  /** What could be read of them. */
  readonly settings: Settings;
  /** What is wrong, fit to be shown. */
  readonly problems: readonly Problem[];
  /** A process that its container starts again and again must not send a message a minute; a ping is told once. */
  readonly isOnce: boolean;
}

/** What telling of them takes. */
export interface WrongSettingsDoors {
  readonly notify: NotifyDoors;
  readonly stop: AbortSignal;
  readonly host: string;
}

/**
 * Tells of settings that keep a run from beginning, as far as the settings for that can be used: by a ping, and in once
 * mode by a message. Never fails.
 * @returns why somebody could not be told, as sentences
 */
export async function tellOfWrongSettings(
  wrong: WrongSettings,
  doors: WrongSettingsDoors,
): Promise<string[]> {
  const { engine, database, settings, problems, isOnce } = wrong;
  const { notifyWebhookUrl, notifyOn, pingUrl, dryRun } = settings;
  if (dryRun) return [];
  const { notify, stop, host } = doors;
  const notification = notificationOfSettings({ engine, database, host, now: notify.now() }, problems);
  const limit = limitAfter(stop, false, lastMs);
  const isGood = (mistake: (url: string) => unknown) => (url: Secret) => mistake(url.reveal()) === null;
  const webhooks = isOnce && notifyOn !== "success" ? (notifyWebhookUrl ?? []) : [];
  const pings = pingUrl === null ? [] : [pingUrl];
  const told = await Promise.all([
    sendToAll(webhooks.filter(isGood(webhookMistake)), notification, notify, limit.signal),
    ...pings
      .filter(isGood(pingMistake))
      .map((url) =>
        sendPing(url, pingOfSettings(notification, problems), notify, { stop: limit.signal, enough: stop }),
      ),
  ]).finally(() => limit.end());
  return told.flat().flatMap((delivery) => delivery?.problem ?? []);
}
