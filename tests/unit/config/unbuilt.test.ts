import { describe, expect, test } from "bun:test";
import { readSettings } from "../../../src/config/config.ts";
import { unbuilt } from "../../../src/config/unbuilt.ts";

function read(env: Record<string, string>, envFile: Record<string, string> = {}) {
  return readSettings("pg", { env, envFile, flags: new Map(), readFile: () => "" });
}

describe("a setting of a later version", () => {
  test.each<[string, string, RegExp]>([
    ["BACKUP_RETRIES", "3", /Restart=on-failure/],
    ["BACKUP_RETRY_DELAY", "1m", /leave it out/],
    ["STATUS_PAGE", "true", /readyz/],
  ])("%s=%s is an error that says what to do instead", (name, value, hint) => {
    if (unbuilt(name) === null) return;
    for (const { problems, warnings } of [read({ [name]: value }), read({}, { [name]: value })]) {
      expect(problems).toEqual([
        { option: null, message: `${name} is not there in this version`, hint: expect.stringMatching(hint) },
      ]);
      expect(warnings).toEqual([]);
    }
  });

  test.each([
    ["BACKUP_RETRIES", "0"],
    ["STATUS_PAGE", "False"],
  ])("%s=%s asks for what happens anyway", (name, value) => {
    expect(read({ [name]: value })).toMatchObject({ problems: [], warnings: [] });
  });

  test("is none where there is a row for it", () => {
    expect([unbuilt("BACKUP_MODE"), unbuilt("PATH"), unbuilt("toString")]).toEqual([null, null, null]);
  });
});
