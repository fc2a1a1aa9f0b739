import type { Notification } from "./notification.ts";

/** Who gets a notification by mail, and from whom. */
export interface EmailEnvelope {
  readonly from: string;
  readonly to: readonly string[];
}

/**
 * Sends a notification by mail. Like the webhooks it never throws: the outcome is a value.
 *
 * TODO: not wired. An implementation needs settings for the server (a URL with credentials is a secret),
 * the envelope, and the same limits as a webhook: ten seconds a try, three tries.
 */
export interface EmailNotifier {
  send(
    notification: Notification,
    envelope: EmailEnvelope,
  ): Promise<{ readonly delivered: boolean; readonly problem: string | null }>;
}
