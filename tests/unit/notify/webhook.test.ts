import { describe, expect, test } from "bun:test";
import { Secret } from "../../../src/config/secret.ts";
import { type NotifyDoors, sendNotification } from "../../../src/notify/webhook.ts";
import { failed, message } from "./results.ts";

const url = "https://hooks.example/services/T00000000/secretpart";

describe("a webhook is tried", () => {
  const slow = (header: string) =>
    new Response("slow down", { status: 429, headers: { "retry-after": header } });
  const refused = Object.assign(new Error(`connect ${url}`), { code: "ConnectionRefused" });

  test.each<[string, (Response | Error)[], boolean, number[], string | null]>([
    ["once where it takes the message", [new Response("ok")], true, [], null],
    ["again after an error of its server", [status(503), new Response("ok")], true, [2000], null],
    [
      "three times in all",
      [status(500), status(502), status(503)],
      false,
      [2000, 8000],
      "the webhook answered 503",
    ],
    ["again where it can't be reached", [refused, new Response("ok")], true, [2000], null],
    ["again after the seconds it asks for", [slow("7"), new Response("ok")], true, [7000], null],
    [
      "again at the time it asks for",
      [slow("Thu, 01 Jan 1970 00:00:05 GMT"), new Response("ok")],
      true,
      [5000],
      null,
    ],
    ["again soon where it asks for hours", [slow("7200"), new Response("ok")], true, [30_000], null],
    [
      "again by our own pause where it asks for nonsense",
      [slow("soon"), new Response("ok")],
      true,
      [2000],
      null,
    ],
    [
      "again after the seconds its answer asks for",
      [
        new Response('{"ok":false,"error_code":429,"parameters":{"retry_after":9}}', { status: 429 }),
        new Response("ok"),
      ],
      true,
      [9000],
      null,
    ],
    ["once where it refuses", [status(404)], false, [], "the webhook answered 404"],
    [
      "once where it sends elsewhere",
      [status(302)],
      false,
      [],
      "the webhook answered with a redirect (302), which is not followed",
    ],
    [
      "to the end where nobody answers",
      [refused, refused, refused],
      false,
      [2000, 8000],
      "the webhook can't be reached (ConnectionRefused)",
    ],
  ])("%s", async (_, answers, delivered, waits, problem) => {
    const seen = await send(answers);
    expect(seen.delivery).toEqual({ delivered, attempts: waits.length + 1, problem });
    expect(seen.waits).toEqual(waits);
  });

  test("no more once it is to stop", async () => {
    const stop = new AbortController();
    const { delivery, waits } = await send([status(503), new Response("ok")], stop);
    expect([delivery, waits]).toEqual([
      { delivered: false, attempts: 1, problem: "the webhook answered 503" },
      [2000],
    ]);
  });
});

test.each([
  ["its path", "unknown hook /services/T00000000/secretpart", "unknown hook [secret]"],
  ["a part of it", "token secretpart is revoked", "token [secret] is revoked"],
  ["many lines", "<html>\n  <b>no</b>\r\n</html>\n", "<html> <b>no</b> </html>"],
  ["much", "x".repeat(500), `${"x".repeat(199)}…`],
])("of an answer that holds %s the start is quoted, fit to be shown", async (_, body, quote) => {
  const { delivery } = await send([new Response(body, { status: 400 })]);
  expect(delivery.problem).toBe(`the webhook answered 400: ${quote}`);
});

function status(code: number): Response {
  return new Response(null, { status: code });
}

/** Sends to a webhook that answers so, one after the other. @param stop aborted while the first pause is on */
async function send(answers: readonly (Response | Error)[], stop?: AbortController) {
  const left = [...answers];
  const waits: number[] = [];
  const doors: NotifyDoors = {
    fetch: async () => {
      const answer = left.shift() ?? new Error("asked too often");
      if (answer instanceof Error) throw answer;
      return answer;
    },
    wait: async (ms) => {
      waits.push(ms);
      stop?.abort();
    },
    now: () => new Date(0),
  };
  const delivery = await sendNotification(new Secret(url), message(failed), doors, stop?.signal);
  return { delivery, waits };
}
