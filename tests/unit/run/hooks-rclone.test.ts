import { expect, test } from "bun:test";
import { withRcloneConfig } from "../../../src/run/hooks.ts";

test.each<[string, Record<string, string>, string | null, Record<string, string>]>([
  [
    "the path in place of the base64",
    { A: "1", RCLONE_CONFIG: "W2E=" },
    "/c",
    { A: "1", RCLONE_CONFIG: "/c" },
  ],
  ["the path where a flag gave it", { A: "1" }, "/c", { A: "1", RCLONE_CONFIG: "/c" }],
  ["none where there is none", { A: "1", RCLONE_CONFIG: "" }, null, { A: "1" }],
])("a hook's RCLONE_CONFIG: %s", (_, env, path, expected) => {
  expect(withRcloneConfig(env, path)).toEqual(expected);
});
