import { describe, expect, test } from "bun:test";
import { Secret } from "../../../src/config/secret.ts";
import {
  address,
  base64Text,
  boolean,
  checkWebhookUrl,
  durationMs,
  oneOf,
  type Parser,
  parsed,
  secretText,
  umask,
  wholeNumber,
} from "../../../src/config/values.ts";
import { DbstashError } from "../../../src/errors.ts";

const wholeText = "must be a whole number, 0 or more";
const rangeText = "must be a whole number from 1 to 65535";
const durationText = "must be a duration such as 45s, 30m or 1h30m, or 0 for none";
const umaskText = "must be a umask in octal such as 077 or 027";
const addressText = "must be an IPv4 or IPv6 address of this machine";
const booleanText = "must be true or false (also yes, no, on, off, 1, 0)";

describe("a text is read as", () => {
  test.each<[string, Parser<unknown>, string, unknown]>([
    ["one of some words", oneOf(["json", "text"]), "JSON", "json"],
    ["a whole number", wholeNumber(0), "007", 7],
    ["the largest one", wholeNumber(0), "9007199254740991", Number.MAX_SAFE_INTEGER],
    ["the lowest of a range", wholeNumber(1, 65_535), "1", 1],
    ["the highest of a range", wholeNumber(1, 65_535), "65535", 65_535],
    ["a umask", umask(), "077", 0o77],
    ["a umask of four digits", umask(), "0027", 0o27],
    ["no umask", umask(), "0", 0],
    ["true", boolean(), "On", true],
    ["false", boolean(), "no", false],
    ["an IPv4 address", address(), "192.0.2.7", "192.0.2.7"],
    ["all of IPv4", address(), "0.0.0.0", "0.0.0.0"],
    ["all of IPv6", address(), "::", "::"],
    ["an IPv6 address in brackets", address(), "[::1]", "::1"],
    ["one of a link", address(), "fe80::1%eth0", "fe80::1%eth0"],
    ["this machine's own", address(), "localhost", "127.0.0.1"],
    ["no time", durationMs(), "0", 0],
    ["a second", durationMs(), "1s", 1000],
    ["some units", durationMs(), "1h30m15s", 5_415_000],
    ["a fraction", durationMs(), "1.5m", 90_000],
    ["less than a millisecond, which is one", durationMs(), "1ns", 1],
    ["microseconds", durationMs(), "2500us", 3],
    ["the longest that a timer takes", durationMs(), "596h", 2_145_600_000],
  ])("%s", (_, schema, text, value) => {
    expect(schema(text)).toEqual(value);
  });

  test.each([
    ["plain", btoa("[store]\n")],
    ["with line ends", `${btoa("[store]\n").slice(0, 4)}\n ${btoa("[store]\n").slice(4)}\n`],
  ])("a configuration, %s", (_, text) => {
    expect(base64Text()(text).reveal()).toBe("[store]\n");
  });

  test("an encrypted configuration, and a secret", () => {
    const encrypted = "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nabc";
    expect(base64Text()(btoa(encrypted)).reveal()).toBe(encrypted);
    expect(secretText()("pw")).toEqual(new Secret("pw"));
  });
});

describe("a text is refused that should be", () => {
  test.each<[string, Parser<unknown>, string, string]>([
    ["one of three words", oneOf(["a", "b", "c"]), "d", "must be a, b or c"],
    ["a whole number", wholeNumber(0), "-1", wholeText],
    ["a whole number", wholeNumber(0), "1.0", wholeText],
    ["a whole number", wholeNumber(0), " 1", wholeText],
    ["a whole number", wholeNumber(0), "99999999999999999", wholeText],
    ["a number of a range", wholeNumber(1, 65_535), "0", rangeText],
    ["a number of a range", wholeNumber(1, 65_535), "65536", rangeText],
    ["a umask", umask(), "078", umaskText],
    ["a umask", umask(), "u=rwx", umaskText],
    ["a umask", umask(), "10077", umaskText],
    ["an address", address(), "1.2.3", `${addressText} (leave it out for all addresses)`],
    ["an address", address(), "010.0.0.1", `${addressText} (leave it out for all addresses)`],
    ["an address", address(), "db.example", `${addressText} (leave it out for all addresses)`],
    ["an address", address(), "127.0.0.1%lo", `${addressText} (leave it out for all addresses)`],
    [
      "an address without its port",
      address(),
      "127.0.0.1:80",
      `${addressText} (the port goes into HEALTH_PORT (--health-port))`,
    ],
    [
      "an address without its port",
      address(),
      "[::1]:80",
      `${addressText} (the port goes into HEALTH_PORT (--health-port))`,
    ],
    ["true or false", boolean(), "2", booleanText],
    [
      "a path in place of a configuration",
      base64Text(),
      "./rclone.conf",
      "holds a path that does not begin with /, but must be the base64 of an rclone.conf (base64 -w0 rclone.conf) (write the whole path, best as RCLONE_CONFIG_FILE (--rclone-config-file))",
    ],
    ["a duration", durationMs(), "5", durationText],
    ["a duration", durationMs(), "-5s", durationText],
    ["a duration", durationMs(), "5 s", durationText],
    ["a duration that a timer takes", durationMs(), "597h", durationText],
    [
      "a configuration",
      base64Text(),
      btoa("type = s3"),
      expect.stringContaining("must be the base64") as string,
    ],
    [
      "a configuration",
      base64Text(),
      "W3N0b3JlXQ=x",
      expect.stringContaining("must be the base64") as string,
    ],
    ["a configuration", base64Text(), "W3N0b", expect.stringContaining("must be the base64") as string],
  ])("%s", (_, schema, text, message) => {
    expect(messagesOf(schema, text)).toEqual([message]);
  });

  test("with a parser's own words, and its hint", () => {
    const refuse = (error: Error) =>
      parsed("anything", () => {
        throw error;
      });
    expect(messagesOf(refuse(new DbstashError("is too odd")), "x")).toEqual(["is too odd"]);
    expect(messagesOf(refuse(new DbstashError("is too odd", "be even")), "x")).toEqual([
      "is too odd (be even)",
    ]);
    expect(() => messagesOf(refuse(new TypeError("a fault")), "x")).toThrow("a fault");
  });
});

test.each([
  ["https://hooks.slack.com/services/T0/B0/X", null],
  ["http://127.0.0.1:8065/hooks/abc", null],
  ["hooks.slack.com/services/T0/B0/X", "must be a URL"],
  ["", "must be a URL"],
  ["https://", "must be a URL"],
  ["https://host:99999/", "must be a URL"],
  ["https:///host/x", "must be a URL"],
  ["https:host/x", "must be a URL"],
  ["https://host/a$b?$filter=x&sig=a%20b", null],
  ["https://hooks.slack.com/services/<yours>", "holds a placeholder, which nothing replaces here"],
  ["https://hooks.slack.com/services/${SLACK}", "holds a placeholder, which nothing replaces here"],
  ["https://hooks.slack.com/services/$SLACK_PATH", "holds a placeholder, which nothing replaces here"],
  ["https://hooks.slack.com/services/{{ path }}", "must be a URL"],
  ["ftp://host/x", "must begin with https:// or http://"],
  ["javascript:alert(1)", "must begin with https:// or http://"],
  ["https://host/x # ours", "must be a URL"],
  ["C:\\hooks", "must begin with https:// or http://"],
])("the webhook %j: %p", (url, problem) => {
  expect(checkWebhookUrl(url)).toBe(problem);
});

function messagesOf(parse: Parser<unknown>, text: string): string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    if (!(error instanceof DbstashError)) throw error;
    return [error.hint === undefined ? error.message : `${error.message} (${error.hint})`];
  }
}
