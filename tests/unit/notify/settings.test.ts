import { describe, expect, test } from "bun:test";
import { webhookProblems } from "../../../src/checks/start.ts";
import { splitPrefix } from "../../../src/config/values.ts";
import { redactor } from "../../../src/config/secret.ts";
import { resolve, uri } from "../job/jobs.ts";

test.each([
  ["https://a/b", null, "https://a/b"],
  ["ntfy+https://a/b+c", "ntfy", "https://a/b+c"],
  ["JSON+HTTP://a", "json", "HTTP://a"],
  ["https://a/json+https://b", null, "https://a/json+https://b"],
  ["ntfy+ftp://a", null, "ntfy+ftp://a"],
])("%s: prefix %p, URL %s", (text, prefix, url) => {
  expect(splitPrefix(text)).toEqual({ prefix, url });
});

const problemsOf = (env: Record<string, string>) =>
  webhookProblems(resolve({ ...uri, ...env }).settings).map(({ option, message }) => [option, message]);

describe("what is wrong with the addresses", () => {
  test("is nothing", () => {
    const urls = "https://a/x ntfy+https://b/y\n\tjson+http://c";
    expect(problemsOf({ NOTIFY_WEBHOOK_URL: urls, PING_URL: "https://hc-ping.com/x" })).toEqual([]);
  });

  test("is told all at once, by their numbers, and of the ping's by itself", () => {
    const urls = "secretpart https://a/x ftp://secretpart matrix+https://secretpart";
    const problems = problemsOf({ NOTIFY_WEBHOOK_URL: urls, PING_URL: "secretpart" });
    expect(problems).toEqual([
      [
        "notifyWebhookUrl",
        "NOTIFY_WEBHOOK_URL (--notify-webhook-url) URL 1 of 4 must be a URL; " +
          "URL 3 of 4 must begin with https:// or http://; URL 4 of 4 has an unknown prefix before its https://",
      ],
      ["pingUrl", "PING_URL (--ping-url) must be a URL"],
    ]);
  });
});

test("each URL is a secret by itself, without its prefix", () => {
  const urls = ["https://a.example/first", "https://b.example/other?key=1"];
  const { secrets } = resolve({
    ...uri,
    NOTIFY_WEBHOOK_URL: `${urls[0]}\n ntfy+${urls[1]} `,
    PING_URL: "https://hc.example/ping",
  });
  expect(secrets).toEqual(expect.arrayContaining([...urls, "https://hc.example/ping"]));
  const shown = redactor(secrets)(`curl ${urls[1]} or ntfy+${urls[1]}, ${urls[0]}; https://hc.example/ping`);
  expect(shown).toBe("curl [secret] or ntfy+[secret], [secret]; [secret]");
});
