import type { Ending, Notification } from "./notification.ts";
import { clip, postJson } from "./outgoing.ts";
import type { Platform } from "./platform.ts";

/**
 * What an incoming webhook of Slack takes (docs.slack.dev, "secondary message attachments");
 * Mattermost and Rocket.Chat take the same.
 */
export interface SlackPayload {
  readonly text: string;
  /** Off: a database's name is no markup. */
  readonly mrkdwn: false;
  readonly attachments: readonly SlackAttachment[];
}

interface SlackAttachment {
  readonly color: string;
  /** Plain text for clients that show no attachments. */
  readonly fallback: string;
  readonly text?: string;
  readonly mrkdwn_in: readonly "text"[];
  readonly fields: readonly { readonly title: string; readonly value: string; readonly short: boolean }[];
}

/** Slack cuts a text at 40,000 characters and advises at most 4,000; long attachments fold anyway. */
const limits = { text: 500, error: 3000, value: 1000 };

const colours: Record<Ending, string> = {
  success: "#2eb67d",
  warning: "#ecb22e",
  failure: "#e01e5a",
};

/** The payload for Slack and what speaks its language. */
export function slackPayload(notification: Notification): SlackPayload {
  const { error } = notification;
  const title = escape(notification.title, limits.text);
  return {
    text: title,
    mrkdwn: false,
    attachments: [
      {
        color: colours[notification.ending],
        fallback: error === null ? title : `${title}: ${escape(error, limits.text)}`,
        ...(error === null ? {} : { text: codeBlock(error, limits.error) }),
        mrkdwn_in: ["text"],
        fields: notification.fields.map(({ label, value, short }) => ({
          title: label,
          value: escape(value, limits.value),
          short,
        })),
      },
    ],
  };
}

/** At most `max` characters, the three Slack gives a meaning as entities: `<!channel>` would call everybody. */
function escape(text: string, max: number): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return escaped.length <= max ? escaped : clip(escaped, max).replace(/&[a-z]{0,3}…$/, "…");
}

function codeBlock(text: string, max: number): string {
  return `\`\`\`\n${escape(text.replaceAll("```", "'''"), max)}\n\`\`\``;
}

/** Slack, and whoever else is given a webhook's URL: Mattermost and Rocket.Chat take the same. */
export const slack: Platform = {
  name: "slack",
  matches: () => true,
  request: (url, notification) => postJson(url, slackPayload(notification)),
};
