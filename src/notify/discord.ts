import type { Ending, Notification } from "./notification.ts";
import { clip, postJson } from "./outgoing.ts";
import type { Platform } from "./platform.ts";

/** What a Discord webhook takes (Discord API, "Execute Webhook" and "Embed Object"). */
export interface DiscordPayload {
  readonly embeds: readonly [DiscordEmbed];
  /** Nobody is called, whatever a text holds. */
  readonly allowed_mentions: { readonly parse: readonly [] };
}

interface DiscordEmbed {
  readonly title: string;
  readonly description?: string;
  /** 0xRRGGBB as a number. */
  readonly color: number;
  readonly fields: readonly { readonly name: string; readonly value: string; readonly inline: boolean }[];
  /** ISO 8601. */
  readonly timestamp: string;
}

/**
 * Discord's limits are: title 256, description 4096, 25 fields, field name 256, field value 1024, all together 6000.
 * Ours keep the sum below 6000 whatever the texts are: 256 + 2000 + 7 short + 3 long fields and their names.
 */
const limits = { title: 256, description: 2000, shortValue: 120, longValue: 900 };

const colours: Record<Ending, number> = {
  success: 0x2eb67d,
  warning: 0xecb22e,
  failure: 0xe01e5a,
};

/** The payload for Discord. */
export function discordPayload(notification: Notification): DiscordPayload {
  const { error } = notification;
  return {
    embeds: [
      {
        title: escape(notification.title, limits.title),
        ...(error === null ? {} : { description: codeBlock(error, limits.description) }),
        color: colours[notification.ending],
        fields: notification.fields.map(({ label, value, short }) => ({
          name: label,
          value: escape(value, short ? limits.shortValue : limits.longValue),
          inline: short,
        })),
        timestamp: notification.finishedAt.toISOString(),
      },
    ],
    allowed_mentions: { parse: [] },
  };
}

/** At most `max` characters, the backslashes that keep them from being markup among them. */
function escape(text: string, max: number): string {
  const escaped = text.replace(/[\\*_~`|<>[\]]/g, "\\$&");
  if (escaped.length <= max) return escaped;
  // Cut behind a whole escape, so that no lone backslash is left.
  return clip(escaped, max).replace(/(?<!\\)((?:\\\\)*)\\…$/, "$1…");
}

function codeBlock(text: string, max: number): string {
  const fence = "```";
  return `${fence}\n${clip(text.replaceAll(fence, "'''"), max - 2 * fence.length - 2)}\n${fence}`;
}

/** Discord; its own `…/slack` endpoints take Slack's language. */
export const discord: Platform = {
  name: "discord",
  matches: ({ hostname, pathname }) =>
    /(^|\.)discord(app)?\.com$/.test(hostname) &&
    /^\/api\/(v\d+\/)?webhooks\//.test(pathname) &&
    !/\/slack\/?$/.test(pathname),
  request: (url, notification) => postJson(url, discordPayload(notification)),
};
