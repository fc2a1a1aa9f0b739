import { describe, expect, test } from "bun:test";
import { Tail } from "../../../src/process/lines.ts";
import { failure, lastWords, rcloneHint } from "../../../src/remote/rclone-failure.ts";

function tailOf(...lines: readonly string[]): Tail {
  const tail = new Tail(10);
  for (const line of lines) tail.add(line);
  return tail;
}

describe("a failure of rclone's", () => {
  const exit = { code: 1, signal: null };
  const missing = "Failed to create file system: didn't find section in config file";

  test.each([
    [null, "RCLONE_CONFIG_FILE"],
    ["/etc/rclone.conf", "is not in /etc/rclone.conf"],
  ])("for a remote that %p does not define says where it was looked for", (configured, hint) => {
    const error = failure("can't list", { exit, messages: tailOf(missing), configured });
    expect(error.hint).toContain(hint);
  });

  test("without a word tells how it ended", () => {
    const { message, hint } = failure("can't list", { exit, messages: tailOf() });
    expect([message, hint]).toEqual([expect.stringMatching(/^can't list.*1/), undefined]);
  });

  test.each([
    [["Failed to lsjson: AccessDenied"], "AccessDenied"],
    [["Failed to lsjson with 2 errors: last error was: AccessDenied"], "AccessDenied"],
    [["Failed to delete: failed to delete 2 files"], "failed to delete 2 files"],
    [
      ["a.sql: Couldn't delete: denied", "b.sql: busy", "Failed to delete: failed to delete 2 files"],
      "failed to delete 2 files: a.sql: Couldn't delete: denied",
    ],
  ])("%j in short: %s", (lines, words) => {
    expect(lastWords(tailOf(...lines))).toBe(words);
  });
});

describe("the hint on rclone's words", () => {
  test.each([
    [
      "SignatureDoesNotMatch: The request signature we calculated …, status code: 403",
      "the secret key is wrong",
    ],
    ["InvalidAccessKeyId: not in our records, status code: 403", "does not know this access key id"],
    ["mkdir /srv/backups/shop: permission denied", "the user dbstash runs as"],
    ["mkdir /srv/backups/shop: read-only file system", "mounted read-only"],
    ["AccessDenied: Access Denied, status code: 403", "refuses these credentials"],
    ['Mkdir failed: sftp: "Permission denied" (SSH_FX_PERMISSION_DENIED)', "refuses these credentials"],
  ])("for %s", (words, advice) => {
    expect(rcloneHint(words)).toContain(advice);
  });
});
