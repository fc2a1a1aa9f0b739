import type { Notification } from "./notification.ts";
import type { Outgoing } from "./outgoing.ts";

/** Somebody who takes notifications by a webhook. */
export interface Platform {
  /** Its name, which is its prefix, too: `ntfy+https://…`. */
  readonly name: string;
  /** Whether a webhook's URL without a prefix is one of its own. */
  matches(url: URL): boolean;
  /** What is wrong with a URL that is to be its own, as the rest of a sentence that never quotes it; null when it can be used. */
  mistake?(url: URL): string | null;
  /** What is sent there. */
  request(url: URL, notification: Notification): Outgoing;
}
