import { describe, expect, test } from "bun:test";
import { rcloneHint } from "../../../src/remote/rclone-failure.ts";

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
