import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import { startAsNobody } from "../support/as-nobody.ts";
import { componentPath, needs } from "../support/components.ts";
import { tempFolder } from "../support/temp.ts";
import { localPlace, rcloneExcept, startFaultRun, tools } from "./places.ts";

const { test } = needs("rclone-current", "zstd");

/** Waits until the process's session has the nice value; where sessions are no scheduling groups it has none. */
const untilNice = (nice: number): string =>
  `while [ -e /proc/self/autogroup ] && ! grep -q 'nice ${nice}$' /proc/self/autogroup; do sleep 0.01; done`;

test("dump, compressor and upload get a third of a session's weight each", async () => {
  using place = localPlace();
  using fakes = tools({
    pg_dump: `${untilNice(5)}; echo data`,
    zstd: `${untilNice(5)}; exec '${componentPath("zstd")}' "$@"`,
    rclone: rcloneExcept("rcat", untilNice(5)),
  });
  const env = { BACKUP_COMPRESS: "zstd", BACKUP_TIMEOUT: "20s" };
  const result = await startFaultRun({ place, tools: fakes, env }).exited;
  expect([result.exitCode, place.published().length]).toEqual([0, 1]);
});

if (process.getuid?.() === 0)
  test("another user than root gets them too, one after the other, and keeps a nice value of its own", async () => {
    using folder = tempFolder("weight");
    const scripts = {
      pg_dump: `${untilNice(8)}; echo data`,
      rclone: `[ "$1" != rcat ] || ${untilNice(8)}; exec real-rclone "$@"`,
    };
    const running = startAsNobody(folder, scripts, { BACKUP_TIMEOUT: "20s" }, ["nice", "-n", "3"]);
    expect(await running.exited).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readdirSync(folder.file("out"))).toHaveLength(1);
  });
