import { afterAll, describe, expect } from "bun:test";
import { needs } from "../support/components.ts";
import { startSmallS3 } from "../support/small-s3.ts";
import { type Place, startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old");

const s3 = startSmallS3({ buckets: ["b"], name: "small" });
afterAll(() => s3.stop());

const files = (): string[] => [...s3.objects("b").keys()];
const place: Place = {
  remote: "small:b/x",
  env: s3.env,
  files,
  published: files,
  [Symbol.dispose]: () => undefined,
};

describe("what rclone has stored is kept when BACKUP_TIMEOUT ends the look at it:", () => {
  for (const rclone of ["current", "old"] as const)
    for (const [title, faults] of [
      ["the reading back", { read: { delayMs: "never" } }],
      ["the listing before it", { list: { delayMs: "never", skip: 1 } }],
      ["the last listing", { list: { delayMs: "never", skip: 2 } }],
    ] as const)
      test(`${title}, by the ${rclone} rclone`, async () => {
        s3.change({ buckets: [] });
        s3.change({ buckets: ["b"], faults });
        using fakes = tools({ pg_dump: wholeDump(50_000) });
        const env = { BACKUP_TIMEOUT: "8s", DUMP_EXTRA_ARGS: "", RETENTION_MAX_FILES: "3" };
        const result = await startFaultRun({ place, tools: fakes, rclone, env }).exited;
        expect(result.lastLine).toMatchObject({ exit_code: 3, status: "success" });
        expect(String(result.lastLine?.["error"])).toContain(
          "could not be checked: the run took longer than 8 s; retention did not run",
        );
        expect(files()).toHaveLength(1);
      });
});
