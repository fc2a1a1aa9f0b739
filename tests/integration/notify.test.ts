import { afterEach, describe, expect, test } from "bun:test";
import { Secret } from "../../src/config/secret.ts";
import { notificationOf } from "../../src/notify/message.ts";
import { type Delivery, type NotifyDoors, sendNotification, systemDoors } from "../../src/notify/webhook.ts";

const TOKEN = "Zq8sTokenThatNobodyMaySee";

const notification = notificationOf(
  {
    backupId: "019c3589-3e00-7abc-8def-0123456789ab",
    engine: "pg",
    database: "shop",
    places: [],
    status: "failure",
    exitCode: 1,
    startedAt: new Date("2026-02-07T02:00:00.000Z"),
    durationMs: 4200,
    bytes: null,
    fileName: null,
    remotePath: "s3:backups",
    error: { message: "pg_dump failed" },
    warnings: [],
    signal: null,
  },
  null,
);

interface Received {
  readonly method: string;
  readonly path: string;
  readonly contentType: string | null;
  readonly body: unknown;
}

type Answer = (attempt: number) => Response | Promise<Response>;

const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(true)));
});

/** A receiver that answers as told, and what it received. */
function receiver(answer: Answer): { url: Secret; received: Received[] } {
  const received: Received[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { method, headers } = request;
      const path = new URL(request.url).pathname;
      received.push({ method, path, contentType: headers.get("content-type"), body: await request.json() });
      return answer(received.length);
    },
  });
  servers.push(server);
  return { url: new Secret(`http://127.0.0.1:${server.port}/services/T0/${TOKEN}`), received };
}

/** The real network, with pauses noted instead of waited. */
function hurried(attemptTimeoutMs = 5000): { doors: NotifyDoors; pauses: number[] } {
  const pauses: number[] = [];
  const wait = async (ms: number): Promise<void> => {
    pauses.push(ms);
  };
  return { doors: { ...systemDoors, wait, attemptTimeoutMs }, pauses };
}

/** No delivery may tell the webhook's address. */
function expectSecret(delivery: Delivery): void {
  expect(JSON.stringify(delivery)).not.toContain(TOKEN);
  expect(JSON.stringify(delivery)).not.toContain("127.0.0.1");
}

describe("a webhook that answers", () => {
  test("gets one POST with the payload as JSON", async () => {
    const { url, received } = receiver(() => new Response("ok"));
    const { doors, pauses } = hurried();
    expect(await sendNotification(url, notification, doors)).toEqual({
      delivered: true,
      attempts: 1,
      problem: null,
    });
    expect(pauses).toEqual([]);
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: "POST",
      path: `/services/T0/${TOKEN}`,
      contentType: "application/json",
    });
    expect(received[0]?.body).toMatchObject({ text: "❌ backup of shop (pg) failed" });
  });

  test("in Discord's way (204, no body) gets an embed", async () => {
    const { url, received } = receiver(() => new Response(null, { status: 204 }));
    const discord = new Secret(`discord+${url.reveal()}`);
    expect((await sendNotification(discord, notification, hurried().doors)).delivered).toBe(true);
    expect(received[0]?.body).toMatchObject({ embeds: [{ title: "❌ backup of shop (pg) failed" }] });
  });

  test.each([500, 502, 503, 429])("%i twice is tried a third time, with growing pauses", async (status) => {
    const { url, received } = receiver(
      (attempt) => new Response("busy", { status: attempt < 3 ? status : 200 }),
    );
    const { doors, pauses } = hurried();
    expect(await sendNotification(url, notification, doors)).toEqual({
      delivered: true,
      attempts: 3,
      problem: null,
    });
    expect(received).toHaveLength(3);
    expect(pauses).toEqual([2000, 8000]);
  });

  test("with errors alone is given up after three tries, and the last answer is told", async () => {
    const { url, received } = receiver((attempt) => new Response(`no ${attempt}\n`, { status: 500 }));
    const delivery = await sendNotification(url, notification, hurried().doors);
    expect(delivery).toEqual({ delivered: false, attempts: 3, problem: "the webhook answered 500: no 3" });
    expect(received).toHaveLength(3);
  });

  test.each([400, 403, 404, 410])("%i is final", async (status) => {
    const { url, received } = receiver(() => new Response("no_service", { status }));
    expect(await sendNotification(url, notification, hurried().doors)).toEqual({
      delivered: false,
      attempts: 1,
      problem: `the webhook answered ${status}: no_service`,
    });
    expect(received).toHaveLength(1);
  });

  test("a redirect is not followed", async () => {
    const elsewhere = receiver(() => new Response("ok"));
    const { url } = receiver(() => Response.redirect(elsewhere.url.reveal(), 307));
    const delivery = await sendNotification(url, notification, hurried().doors);
    expect(delivery).toEqual({
      delivered: false,
      attempts: 1,
      problem: "the webhook answered with a redirect (307), which is not followed",
    });
    expect(elsewhere.received).toEqual([]);
  });

  test.each([
    ["1.5", 1500],
    ["7", 7000],
    ["0", 0],
    ["3600", 30_000],
    ["Sat, 07 Feb 2026 02:00:05 GMT", 5000],
    ["Sat, 07 Feb 2026 01:00:00 GMT", 0],
    ["soon", 2000],
  ])("429 with Retry-After %s waits %i ms", async (header, pauseMs) => {
    const { url } = receiver((attempt) =>
      attempt === 1
        ? new Response("", { status: 429, headers: { "retry-after": header } })
        : new Response("ok"),
    );
    const { doors, pauses } = hurried();
    const now = (): Date => new Date("2026-02-07T02:00:00Z");
    const delivery = await sendNotification(url, notification, { ...doors, now });
    expect(delivery).toEqual({ delivered: true, attempts: 2, problem: null });
    expect(pauses).toEqual([pauseMs]);
  });

  test("a long error answer is told shortened, on one line and without the webhook's address", async () => {
    const path = `/services/T0/${TOKEN}`;
    const echo = `Cannot POST ${path}\n<b>\u0007${path.replaceAll("/", "\\/")}</b> ${TOKEN} `;
    const { url } = receiver(() => new Response(echo.repeat(2000), { status: 404 }));
    const delivery = await sendNotification(url, notification, hurried().doors);
    expect(delivery.problem).toStartWith(
      "the webhook answered 404: Cannot POST [secret] <b> [secret]</b> [secret] Cannot",
    );
    expect(delivery.problem?.length).toBeLessThan(240);
    expect(delivery.problem).not.toContain("\n");
    expectSecret(delivery);
  });

  test.each(Array.from({ length: 12 }, (_, index) => 8150 + index * 5))(
    "an answer cut after %i characters shows no half of the address",
    async (length) => {
      const { url } = receiver(
        () => new Response(" ".repeat(length) + url.reveal().repeat(9), { status: 500 }),
      );
      const delivery = await sendNotification(url, notification, hurried().doors);
      expect(delivery.problem).not.toContain("http:");
      expect(delivery.problem).not.toContain(TOKEN.slice(0, 5));
    },
  );
});

describe("a webhook that does not answer", () => {
  test("is given up after the limit of each of three tries", async () => {
    const { url, received } = receiver(() => new Promise<Response>(() => {}));
    const startedMs = performance.now();
    const delivery = await sendNotification(url, notification, hurried(1000).doors);
    expect(delivery).toEqual({
      delivered: false,
      attempts: 3,
      problem: "the webhook gave no answer within 1 s",
    });
    expect(received).toHaveLength(3);
    expect(performance.now() - startedMs).toBeWithin(2900, 8000);
  });

  test("for its whole body is judged by its status", async () => {
    const endless = (status: number): Response =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode("part")),
        }),
        { status },
      );
    const { url } = receiver((attempt) => endless(attempt === 1 ? 503 : 200));
    const startedMs = performance.now();
    const delivery = await sendNotification(url, notification, hurried(1500).doors);
    expect(delivery).toEqual({ delivered: true, attempts: 2, problem: null });
    // The error's body is waited for, the other one is nobody's business.
    expect(performance.now() - startedMs).toBeWithin(1490, 2900);
  });

  test("since nothing listens there is tried three times", async () => {
    const { url } = receiver(() => new Response("ok"));
    await servers.pop()?.stop(true);
    const { doors, pauses } = hurried();
    const delivery = await sendNotification(url, notification, doors);
    expect(delivery).toEqual({
      delivered: false,
      attempts: 3,
      problem: "the webhook can't be reached (ECONNREFUSED)",
    });
    expect(pauses).toEqual([2000, 8000]);
    expectSecret(delivery);
  });

  test("since it hangs up is tried three times", async () => {
    using listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (socket) => {
          socket.terminate();
        },
      },
    });
    const url = new Secret(`http://127.0.0.1:${listener.port}/${TOKEN}`);
    const delivery = await sendNotification(url, notification, hurried().doors);
    expect(delivery).toMatchObject({ delivered: false, attempts: 3 });
    expect(delivery.problem).toStartWith("the webhook can't be reached (");
    expectSecret(delivery);
  });

  test("since its URL is none is not tried", async () => {
    const delivery = await sendNotification(
      new Secret(`https://${TOKEN}:99999/`),
      notification,
      hurried().doors,
    );
    expect(delivery).toEqual({ delivered: false, attempts: 0, problem: "the webhook's URL must be a URL" });
    expectSecret(delivery);
  });
});

describe("a signal", () => {
  test("ends a try that hangs", async () => {
    const stop = new AbortController();
    const { url } = receiver(() => {
      stop.abort();
      return new Promise<Response>(() => {});
    });
    const delivery = await sendNotification(url, notification, systemDoors, stop.signal);
    expect(delivery).toEqual({ delivered: false, attempts: 1, problem: "sending was stopped" });
  });

  test("ends the pause between two tries, and nothing is sent any more", async () => {
    const stop = new AbortController();
    const { url, received } = receiver(() => new Response("busy", { status: 503 }));
    const wait: NotifyDoors["wait"] = (ms, signal) => {
      const waited = systemDoors.wait(ms, signal);
      stop.abort();
      return waited;
    };
    const startedMs = performance.now();
    const delivery = await sendNotification(url, notification, { ...systemDoors, wait }, stop.signal);
    expect(delivery).toEqual({ delivered: false, attempts: 1, problem: "the webhook answered 503: busy" });
    expect(received).toHaveLength(1);
    expect(performance.now() - startedMs).toBeLessThan(1500);
  });
});
