import { expect, test } from "bun:test";
import { fatesOf } from "../../../src/commands/list.ts";
import { rulesOf } from "../catalog/rules.ts";

const now = new Date("2026-02-07T12:00:00Z");
const dated = {
  name: "shop-20260207T020000Z.sql",
  bytes: 1536,
  timeMs: Date.parse("2026-02-07T02:00:00Z"),
  latestMs: null,
};
const older = { ...dated, name: "shop-20260206T020000Z.sql", timeMs: dated.timeMs - 86_400_000 };
const undated = { name: "shop.sql", bytes: 12, timeMs: null, latestMs: null };

test("what a run now would do counts its own backup", () => {
  const fates = fatesOf([dated, older, undated], rulesOf({ maxFiles: 2 }), now);
  expect([dated, older, undated].map((backup) => fates?.get(backup))).toEqual([
    { nextRun: "keep", reason: "within the limits" },
    { nextRun: "remove", reason: "beyond the newest 2" },
    { nextRun: "keep", reason: "its time is unknown" },
  ]);
});

test("nothing is said without a rule", () => {
  expect(fatesOf([dated], rulesOf(), now)).toBeNull();
});
