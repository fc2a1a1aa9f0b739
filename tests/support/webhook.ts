import { waitFor } from "./run.ts";

/** A request the receiver got. */
export interface WebhookRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The body parsed; undefined where it isn't JSON. */
  readonly json: unknown;
  readonly atMs: number;
}

/** What the receiver answers to one request. */
export interface WebhookAnswer {
  /** 200 by default. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly delayMs?: number;
  /** Never answers, until the receiver stops. */
  readonly hang?: boolean;
}

/** An HTTP server on loopback that writes down what it gets. */
export interface Webhook extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly WebhookRequest[];
  /** What to answer from now on: one after the other, the last one again and again. */
  script(answers: readonly WebhookAnswer[]): void;
  /** Waits until there were so many requests, and returns them. */
  waitForRequests(count: number, timeoutMs?: number): Promise<readonly WebhookRequest[]>;
  stop(): Promise<void>;
}

/** Starts a receiver on a free port that answers 200 to everything until told otherwise. */
export function startWebhook(): Webhook {
  const requests: WebhookRequest[] = [];
  let answers: readonly WebhookAnswer[] = [{}];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const body = await request.text();
      const headers = Object.fromEntries(request.headers);
      const atMs = Date.now();
      requests.push({
        method: request.method,
        path: pathname + search,
        headers,
        body,
        json: parsed(body),
        atMs,
      });
      const [answer = {}, ...later] = answers;
      if (later.length > 0) answers = later;
      if (answer.hang === true) return new Promise<Response>(() => undefined);
      await Bun.sleep(answer.delayMs ?? 0);
      return new Response(answer.body ?? "ok", {
        status: answer.status ?? 200,
        headers: { ...answer.headers },
      });
    },
  });
  const stop = (): Promise<void> => server.stop(true);
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    script: (given) => {
      answers = given;
    },
    waitForRequests: (count, timeoutMs = 10_000) =>
      waitFor(`${count} requests to the webhook`, () => requests.length >= count && requests, timeoutMs),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    // Not every body is JSON, and the test that wants JSON will see that it isn't.
    return undefined;
  }
}
