import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { firstWord, flagWarnings, hookWarnings, webhookProblems } from "../../../src/checks/start.ts";
import { resolve, uri } from "../job/jobs.ts";
import { tempFolder } from "../../support/temp.ts";

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

test.each([
  ["https://hooks.example/T0/secretpart", []],
  ["hooks.example/T0/secretpart", ["NOTIFY_WEBHOOK_URL (--notify-webhook-url) must be a URL"]],
])("the webhook %s: %j", (NOTIFY_WEBHOOK_URL, problems) => {
  const { settings } = resolve({ ...uri, NOTIFY_WEBHOOK_URL });
  expect(webhookProblems(settings).map(({ message }) => message)).toEqual(problems);
  expect(webhookProblems(resolve(uri).settings)).toEqual([]);
});

describe("the command of a hook", () => {
  test.each([
    ["ls", "ls"],
    ["  ls -l", "ls"],
    ["curl;true", "curl"],
    ["curl|sh", "curl"],
    ["./hook.sh a", "./hook.sh"],
    ["A=1 B=x/y ls", "ls"],
    ["A=1", null],
    ["", null],
    ["A=$(x) ls", null],
    ['"my hook" a', null],
    ["~/hook", null],
    ["$HOOK", null],
    ["f() { ls; }; f", null],
    ["# nothing", null],
    ["! ls", null],
    ["2>log ls", null],
  ])("%p begins with %p", (text, word) => {
    expect(firstWord(text)).toBe(word);
  });

  test("is looked for at the start: on PATH, or where it names a file", () => {
    using folder = tempFolder("hooks");
    const [hook, closed, inner] = [folder.file("hook.sh"), folder.file("closed"), folder.file("folder")];
    for (const file of [hook, closed]) writeFileSync(file, "#!/bin/sh\n");
    mkdirSync(inner);
    chmodSync(hook, 0o755);
    chmodSync(closed, 0o644);
    const warnings = (command: string) => {
      const { settings } = resolve({ ...uri, HOOK_PRE_BACKUP: command });
      return hookWarnings(settings, folder.path).map((line) =>
        line.replace("HOOK_PRE_BACKUP (--hook-pre-backup): ", ""),
      );
    };
    expect(
      [hook, "hook.sh --now", closed, inner, folder.file("gone"), "gone -x", "set -e; gone", "A=1 gone"].map(
        warnings,
      ),
    ).toEqual([
      [],
      [],
      [`${closed} may not be run`],
      [`${inner} is a folder`],
      [`${folder.file("gone")} does not exist`],
      ["gone was not found on PATH"],
      [],
      ["gone was not found on PATH"],
    ]);
  });

  test("is looked for in both hooks", () => {
    const { settings } = resolve({ ...uri, HOOK_PRE_BACKUP: "/no/a", HOOK_POST_BACKUP: "/no/b" });
    expect(hookWarnings(settings, undefined)).toEqual([
      "HOOK_PRE_BACKUP (--hook-pre-backup): /no/a does not exist",
      "HOOK_POST_BACKUP (--hook-post-backup): /no/b does not exist",
    ]);
  });
});
