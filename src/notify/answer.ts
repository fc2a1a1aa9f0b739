import { type Redact, redactor } from "../config/secret.ts";
import { onOneLine } from "./outgoing.ts";

const READ_CHARACTERS = 8192;

/**
 * How long an answer asks to wait, in ms; null where it does not say. `Retry-After` has seconds, which may have a
 * fraction, or a date (RFC 9110, 10.2.3); Telegram documents seconds in the body
 * (core.telegram.org/bots/api, "ResponseParameters").
 */
export function retryAfterMs(header: string | null, answer: string, now: Date): number | null {
  const said = header ?? /"retry_after"\s*:\s*(\d+(\.\d+)?)/.exec(answer)?.[1];
  if (said === undefined) return null;
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(said) ? Number(said) * 1000 : Date.parse(said) - now.getTime();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** An answer, or its start, on one line and without the URL: servers like to repeat its path, which is the secret. */
export async function startOf(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let isWhole = false;
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > READ_CHARACTERS) break;
    }
    isWhole = text.length <= READ_CHARACTERS;
  } catch (thrown) {
    // The status is known; what was read of an answer that breaks off will do.
    if (!(thrown instanceof Error)) throw thrown;
  }
  // Where the answer was cut, half a URL may stand, which no redactor knows.
  const kept = isWhole
    ? text
    : text.slice(0, Math.max(0, Math.min(text.length, READ_CHARACTERS) - 2 * url.length));
  return secretsOf(url)(onOneLine(kept.replace(/\p{Cc}+/gu, " ")));
}

/** A redactor for an address and every part of it that could let somebody post. */
function secretsOf(url: string): Redact {
  const { href, pathname, search, username, password } = new URL(url);
  const whole = [url, href, pathname + search, pathname].filter((text) => text !== "/");
  const slashed = whole.map((text) => text.replaceAll("/", "\\/"));
  // Telegram's token stands behind a word.
  const parts = pathname
    .split("/")
    .flatMap((part) => [part, part.replace(/^bot/, "")])
    .filter((part) => part.length >= 8);
  return redactor([
    ...whole,
    ...slashed,
    ...parts,
    ...new URLSearchParams(search).values(),
    username,
    password,
  ]);
}
