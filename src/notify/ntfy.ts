import { type Ending, type Notification, textOf } from "./notification.ts";
import { clip, clipBytes, type Outgoing } from "./outgoing.ts";
import type { Platform } from "./platform.ts";

/**
 * ntfy takes messages of up to 4,096 bytes, and makes an attachment of a longer one; a title has up to 1 KB
 * (docs.ntfy.sh/publish, "Limitations").
 */
const limits = { title: 250, error: 2500, body: 4096 };

/** 3 is the default, 4 rings longer (docs.ntfy.sh/publish, "Message priority"). */
const priorities: Record<Ending, string> = { success: "3", warning: "4", failure: "4" };

/** The request for ntfy: the text as its body, which is no markup, and the title in a header. What the URL itself says stays. */
export function ntfyRequest(url: URL, notification: Notification): Outgoing {
  const { ending, title, error } = notification;
  const text = textOf({ ...notification, error: error === null ? null : clipBytes(error, limits.error) });
  const isSaid = (...names: readonly string[]) => names.some((name) => url.searchParams.has(name));
  return {
    method: "POST",
    url: url.href,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      // A header beats the parameter of the same meaning.
      ...(isSaid("x-title", "title", "t") ? {} : { "x-title": headerText(clip(title, limits.title)) }),
      ...(isSaid("x-priority", "priority", "prio", "p") ? {} : { "x-priority": priorities[ending] }),
    },
    body: clipBytes(text, limits.body),
  };
}

/** Bytes that fit into one encoded word of 75 characters. */
const wordBytes = 45;

/** A header's text: what is not ASCII stands in encoded words (RFC 2047, 2; docs.ntfy.sh/publish, "List of all parameters"). */
function headerText(text: string): string {
  if (/^[\x20-\x7E]*$/.test(text) && !text.includes("=?")) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > wordBytes) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString("base64")}?=`).join(" ");
}

/** ntfy.sh; a server of one's own has the prefix. */
export const ntfy: Platform = {
  name: "ntfy",
  matches: ({ hostname }) => hostname === "ntfy.sh",
  mistake: ({ pathname }) => (pathname === "/" ? "names no topic: ntfy's is https://ntfy.sh/TOPIC" : null),
  request: ntfyRequest,
};
