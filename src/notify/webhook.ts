import { type Redact, redactor, type Secret } from "../config/secret.ts";
import { clip, type Notification } from "./message.ts";
import { platformOf } from "./platforms.ts";

/** What became of a notification. A problem never holds the URL, which is a secret. */
export interface Delivery {
  readonly delivered: boolean;
  /** Tries made: 1 to 3. */
  readonly attempts: number;
  /** Why it was not delivered, as a sentence. */
  readonly problem: string | null;
}

/** The effects sending needs. */
export interface NotifyDoors {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Resolves after so long, or as soon as the signal fires. */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly now: () => Date;
  /** The limit of one try; 10 s when left out. */
  readonly attemptTimeoutMs?: number;
}

/** The network, the timer and the clock of this machine. */
export const systemDoors: NotifyDoors = {
  fetch: (url, init) => fetch(url, init),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      if (signal?.aborted === true) done();
      else signal?.addEventListener("abort", done);
    }),
  now: () => new Date(),
};

const ATTEMPTS = 3;
const ATTEMPT_TIMEOUT_MS = 10_000;
/** The first pause; the second is four times as long. */
const BACK_OFF_MS = 2000;
/** A platform that wants a longer pause is asked again after this one. */
const LONGEST_WAIT_MS = 30_000;
const QUOTED_CHARACTERS = 200;
const READ_CHARACTERS = 8192;

/**
 * Sends a notification: three tries with growing pauses on network errors, 429 and 5xx, 10 s each.
 * Never throws. The signal ends it early, during a try as well as between two.
 */
export async function sendNotification(
  url: Secret,
  notification: Notification,
  doors: NotifyDoors,
  signal?: AbortSignal,
): Promise<Delivery> {
  const address = url.reveal();
  const body = JSON.stringify(platformOf(address).payload(notification));
  const stopped = (): boolean => signal?.aborted === true;
  for (let attempts = 1; ; attempts += 1) {
    const { problem, retry, waitMs } = await attempt(address, body, doors, signal);
    if (problem === null) return { delivered: true, attempts, problem };
    const isOver = !retry || attempts === ATTEMPTS || stopped();
    const pauseMs = Math.min(waitMs ?? BACK_OFF_MS * attempts ** 2, LONGEST_WAIT_MS);
    if (!isOver) await doors.wait(pauseMs, signal);
    if (isOver || stopped()) return { delivered: false, attempts, problem };
  }
}

interface Attempt {
  /** Null when the message was taken. */
  readonly problem: string | null;
  readonly retry: boolean;
  /** The pause the platform asks for. */
  readonly waitMs: number | null;
}

async function attempt(url: string, body: string, doors: NotifyDoors, stop?: AbortSignal): Promise<Attempt> {
  const timeoutMs = doors.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  const over = new AbortController();
  const final = (problem: string | null): Attempt => ({ problem, retry: false, waitMs: null });
  const again = (problem: string): Attempt => ({ problem, retry: true, waitMs: null });
  try {
    const response = await doors.fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      // Followed, a redirect would carry the message to somebody else.
      redirect: "manual",
      signal: AbortSignal.any([timeout, over.signal, ...(stop === undefined ? [] : [stop])]),
    });
    const { status } = response;
    if (response.ok) return final(null);
    if (status < 400) return final(`the webhook answered with a redirect (${status}), which is not followed`);
    const quote = await startOf(response, url);
    return {
      problem: `the webhook answered ${status}${quote === "" ? "" : `: ${quote}`}`,
      retry: status === 429 || status >= 500,
      waitMs: retryAfterMs(response.headers.get("retry-after"), doors.now()),
    };
  } catch (thrown) {
    if (stop?.aborted === true) return final("sending was stopped");
    if (timeout.aborted) return again(`the webhook gave no answer within ${timeoutMs / 1000} s`);
    // The message of a network error may hold the address; its code says what is needed.
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    const problem = `the webhook can't be reached (${typeof code === "string" ? code : "network error"})`;
    return code === "ERR_INVALID_URL" ? final(problem) : again(problem);
  } finally {
    // Hangs up where an answer was not read to its end.
    over.abort();
  }
}

/** `Retry-After` in ms (RFC 9110, 10.2.3): seconds, which may have a fraction, or a date. */
function retryAfterMs(header: string | null, now: Date): number | null {
  if (header === null) return null;
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now.getTime();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** The start of an answer, on one line and without the URL: servers like to repeat its path, which is the secret. */
async function startOf(response: Response, url: string): Promise<string> {
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
  return clip(secretsOf(url)(kept.replace(/[\s\p{Cc}]+/gu, " ").trim()), QUOTED_CHARACTERS);
}

/** A redactor for a webhook's URL and every part of it that could let somebody post. */
function secretsOf(url: string): Redact {
  const { href, pathname, search, username, password } = new URL(url);
  const whole = [url, href, pathname + search, pathname].filter((text) => text !== "/");
  const slashed = whole.map((text) => text.replaceAll("/", "\\/"));
  const parts = pathname.split("/").filter((part) => part.length >= 8);
  return redactor([
    ...whole,
    ...slashed,
    ...parts,
    ...new URLSearchParams(search).values(),
    username,
    password,
  ]);
}
