import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import { faultEnvironment, localPlace, tools } from "./places.ts";

const { test } = needs("rclone-current");
const dist = process.env["DBSTASH_DIST"] ?? join(import.meta.dirname, "../../dist");

test("on a terminal a line shows bytes, rate, time, and what the previous backup's size lets guess", async () => {
  using place = localPlace();
  using folder = tempFolder("terminal");
  writeFileSync(join(place.remote, "app-20260101T000000Z.sql"), "x".repeat(1_000_000));
  const goOn = 'until [ -e "$FAKE_DIR/go" ]; do sleep 0.01; done';
  using fakes = tools({ pg_dump: `head -c 500000 /dev/zero; ${goOn}; echo end` });
  const shown = folder.file("shown");
  // util-linux's `script` gives the program a terminal of its own, and writes on what that shows.
  const command = ["script", "--quiet", "--return", "--command", join(dist, "dbstash-pg"), "/dev/null"];
  await using running = Bun.spawn(command, {
    stdio: ["ignore", Bun.file(shown), "inherit"],
    env: faultEnvironment(place, fakes, folder.path),
  });
  const anew = "\r\x1b[K";
  const line = /^488\.\d KiB {2}\d[\d.]* [KM]?i?B\/s {2}0:0\d {2}~(49|50) % {2}~0:0\d left/;
  const lines = (): string[] => readFileSync(shown, "utf8").split(anew);
  await waitFor("the progress line", () => lines().some((text) => line.test(text)));
  writeFileSync(join(fakes.dir, "go"), "");
  expect(await running.exited).toBe(0);
  // The line goes before another one is written.
  expect(lines().at(-1)).toMatch(/^\S+ .*backup stored/);
  expect(lines().join("")).not.toContain('{"');
});
