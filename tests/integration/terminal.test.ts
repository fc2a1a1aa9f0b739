import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/components.ts";
import { waitFor } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";
import type { FakeTools } from "../support/fake-tools.ts";
import { faultEnvironment, localPlace, type Place, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

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
  const last = lines().at(-1) ?? "";
  expect(last).toContain("backup stored");
  // Short: the time of day, the level in its colour, words, and no number for machines.
  expect(last.trimEnd()).toMatch(
    new RegExp(
      `^\\d\\d:\\d\\d:\\d\\d \\S*INFO \\S* backup stored: ${place.remote}/app-\\S+\\.sql, 488\\.3 KiB in \\d+\\.\\d s$`,
    ),
  );
  expect(lines().join("")).not.toMatch(/\{"|[0-9a-f]{8}-[0-9a-f]{4}-7|engine|500004/);
});

test("a terminal shows the clock of TZ's zone, JSON there and lines in a pipe keep all", async () => {
  using place = localPlace();
  using fakes = tools({ pg_dump: wholeDump(1000) });
  const text = await shownBy(place, fakes, { TZ: "Asia/Kolkata", NO_COLOR: "1" });
  const [, hour = "", minute = ""] = /^(\d\d):(\d\d):\d\d INFO {2}backup started: /m.exec(text) ?? [];
  const there = new Date(Date.now() + 330 * 60_000);
  const minutes =
    (Number(hour) * 60 + Number(minute) - there.getUTCHours() * 60 - there.getUTCMinutes() + 1440) % 1440;
  // Some minutes may have passed since.
  expect([0, 1439, 1438, 1437]).toContain(minutes);
  const json = await shownBy(place, fakes, { TZ: "Asia/Kolkata", LOG_FORMAT: "json" });
  expect(json).toMatch(
    /\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+05:30","level":"info","msg":"backup started",.*"backup_id"/,
  );
  const { stdout } = await startFaultRun({
    place,
    tools: fakes,
    env: { LOG_FORMAT: "text", BACKUP_NAME_TEMPLATE: "{db}-{uuid}" },
  }).exited;
  expect(stdout).toMatch(
    /^\S+T\S+Z INFO {2}backup stored engine=pg database=app backup_id=\S+ .*bytes=1\d+ /m,
  );
});

/** What a run shows on a terminal, without the places where the progress line was. */
async function shownBy(place: Place, fakes: FakeTools, env: Record<string, string>): Promise<string> {
  using folder = tempFolder("terminal");
  const shown = folder.file("shown");
  const command = ["script", "--quiet", "--return", "--command", join(dist, "dbstash-pg"), "/dev/null"];
  await using running = Bun.spawn(command, {
    stdio: ["ignore", Bun.file(shown), "inherit"],
    env: { ...faultEnvironment(place, fakes, folder.path), BACKUP_NAME_TEMPLATE: "{db}-{uuid}", ...env },
  });
  expect(await running.exited).toBe(0);
  return readFileSync(shown, "utf8").replaceAll("\r\x1b[K", "").replaceAll("\r", "");
}
