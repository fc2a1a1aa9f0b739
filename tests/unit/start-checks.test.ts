import { expect, test } from "bun:test";
import { flagWarnings } from "../../src/checks/start.ts";

test.each<[string, string, boolean]>([
  ["db-password", "s3cret", true],
  ["notify-webhook-url", "https://hooks.slack.com/x", true],
  ["rclone-config", "W3Nd", true],
  ["db-uri", "postgres://app:s3cret@db/shop", true],
  ["db-uri", "postgres://app@db/shop?password=s3cret", true],
  ["db-uri", "postgres://app@db:5432/shop", false],
  ["db-password-file", "/run/secrets/db", false],
  ["db-host", "db", false],
])("--%s %s: a warning that everyone can read it: %p", (flag, value, expected) => {
  const warnings = flagWarnings("pg", new Map([[flag, value]]));
  expect(warnings.length).toBe(expected ? 1 : 0);
  expect(warnings.join()).not.toContain(value);
});
