import type { Notification } from "./notification.ts";
import { clip, postJson } from "./outgoing.ts";
import type { Platform } from "./platform.ts";

/** What `sendMessage` takes (core.telegram.org/bots/api), beside what the URL's query says: the chat among it. */
export interface TelegramPayload {
  readonly [parameter: string]: unknown;
  readonly text: string;
  /** In place of markup in the text, which would have to be escaped. */
  readonly entities: readonly TelegramEntity[];
  readonly link_preview_options: { readonly is_disabled: true };
}

/** Offset and length count UTF-16 units ("MessageEntity"). */
interface TelegramEntity {
  readonly type: "bold" | "code" | "pre";
  readonly offset: number;
  readonly length: number;
}

/**
 * A text has 1 to 4,096 characters ("sendMessage"), a message up to 100 entities. Ours keep below that whatever the
 * texts are: 256 + 1,800 + 8 short and 3 long fields with their labels.
 */
const limits = { title: 256, error: 1800, shortValue: 100, longValue: 300 };

/** What we say ourselves, and what would make Telegram read markup in the text. */
const ours = new Set(["text", "entities", "parse_mode", "link_preview_options"]);

/** The payload for Telegram. Names stand in code, where `@shop` calls nobody and `/backups` is no command. */
export function telegramPayload(url: URL, notification: Notification): TelegramPayload {
  const { title, subject, error, fields } = notification;
  const entities: TelegramEntity[] = [];
  let text = "";
  const add = (part: string, type?: TelegramEntity["type"]): void => {
    if (type !== undefined && part !== "") entities.push({ type, offset: text.length, length: part.length });
    text += part;
  };
  const shown = clip(title, limits.title);
  const [from, to] = [subject.at, Math.min(subject.at + subject.length, shown.length)];
  add(shown.slice(0, from), "bold");
  add(shown.slice(from, to), "code");
  add(shown.slice(to), "bold");
  if (error !== null) {
    add("\n\n");
    add(clip(error, limits.error), "pre");
  }
  add("\n");
  for (const { label, value, short } of fields) {
    add(`\n${label}: `);
    add(clip(value, short ? limits.shortValue : limits.longValue), "code");
  }
  const given = [...url.searchParams].filter(([parameter]) => !ours.has(parameter));
  return { ...Object.fromEntries(given), text, entities, link_preview_options: { is_disabled: true } };
}

/** Telegram's bots; a Bot API server of one's own has the prefix. */
export const telegram: Platform = {
  name: "telegram",
  matches: ({ hostname }) => hostname === "api.telegram.org",
  mistake: (url) =>
    /\/bot[^/]+\/sendMessage$/i.test(url.pathname) && url.searchParams.get("chat_id")
      ? null
      : "is not Telegram's: https://api.telegram.org/botTOKEN/sendMessage?chat_id=ID",
  request(url, notification) {
    const bare = new URL(url);
    bare.search = "";
    return postJson(bare, telegramPayload(url, notification));
  },
};
