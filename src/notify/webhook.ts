import type { Secret } from "../config/secret.ts";
import { toProblem } from "../errors.ts";
import { retryAfterMs, startOf } from "./answer.ts";
import type { Notification } from "./notification.ts";
import { clip, type Outgoing } from "./outgoing.ts";
import { type Webhook, webhookOf } from "./platforms.ts";

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

/** What ends sending early. */
export interface SendLimits {
  /** Ends a try as well as a pause. */
  readonly stop?: AbortSignal | undefined;
  /** After this one no further try is made; one that is on may end. */
  readonly enough?: AbortSignal | undefined;
}

/** Whom something is sent to. */
export interface Recipient {
  /** How a problem names it: `the webhook`. */
  readonly title: string;
  /** Its address as it was given, of which no part may be shown. */
  readonly secret: string;
}

/**
 * Sends a notification to a webhook that has been found good: three tries with growing pauses on network errors, 429
 * and 5xx, 10 s each. Never throws.
 */
export async function sendNotification(
  url: Secret,
  notification: Notification,
  doors: NotifyDoors,
  stop?: AbortSignal,
): Promise<Delivery> {
  let webhook: Webhook;
  try {
    webhook = webhookOf(url.reveal());
  } catch (error) {
    return { delivered: false, attempts: 0, problem: `the webhook's URL ${toProblem(error).message}` };
  }
  const { platform, url: address } = webhook;
  const to = { title: "the webhook", secret: address.href };
  return send(platform.request(address, notification), to, doors, { stop });
}

/** Sends a request: three tries with growing pauses on network errors, 429 and 5xx, 10 s each. Never throws. */
export async function send(
  outgoing: Outgoing,
  to: Recipient,
  doors: NotifyDoors,
  { stop, enough }: SendLimits = {},
): Promise<Delivery> {
  const noMore = anyOf(stop, enough);
  for (let attempts = 1; ; attempts += 1) {
    const { problem, retry, waitMs } = await attempt(outgoing, to, doors, stop);
    if (problem === null) return { delivered: true, attempts, problem };
    const isOver = !retry || attempts === ATTEMPTS || noMore.aborted;
    const pauseMs = Math.min(waitMs ?? BACK_OFF_MS * attempts ** 2, LONGEST_WAIT_MS);
    if (!isOver) await doors.wait(pauseMs, noMore);
    if (isOver || noMore.aborted) return { delivered: false, attempts, problem };
  }
}

function anyOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

interface Attempt {
  /** Null when the message was taken. */
  readonly problem: string | null;
  readonly retry: boolean;
  /** The pause the platform asks for. */
  readonly waitMs: number | null;
}

async function attempt(
  { method, url, headers, body }: Outgoing,
  { title, secret }: Recipient,
  doors: NotifyDoors,
  stop?: AbortSignal,
): Promise<Attempt> {
  const timeoutMs = doors.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  const over = new AbortController();
  const final = (problem: string | null): Attempt => ({ problem, retry: false, waitMs: null });
  const again = (problem: string): Attempt => ({ problem, retry: true, waitMs: null });
  try {
    const response = await doors.fetch(url, {
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body }),
      // Followed, a redirect would carry the message to somebody else.
      redirect: "manual",
      signal: anyOf(timeout, over.signal, stop),
    });
    const { status } = response;
    if (response.ok) return final(null);
    if (status < 400) return final(`${title} answered with a redirect (${status}), which is not followed`);
    const answer = await startOf(response, secret);
    const quote = clip(answer, QUOTED_CHARACTERS);
    return {
      problem: `${title} answered ${status}${quote === "" ? "" : `: ${quote}`}`,
      retry: status === 429 || status >= 500,
      waitMs: retryAfterMs(response.headers.get("retry-after"), answer, doors.now()),
    };
  } catch (thrown) {
    if (stop?.aborted === true) return final("sending was stopped");
    if (timeout.aborted) return again(`${title} gave no answer within ${timeoutMs / 1000} s`);
    // The message of a network error may hold the address; its code says what is needed.
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    const problem = `${title} can't be reached (${typeof code === "string" ? code : "network error"})`;
    return code === "ERR_INVALID_URL" ? final(problem) : again(problem);
  } finally {
    // Hangs up where an answer was not read to its end.
    over.abort();
  }
}
