import { describe, expect } from "bun:test";
import { needs } from "../support/components.ts";
import type { S3Fault, S3Right } from "../support/small-s3.ts";
import { type ExpectedEnd, expectEnd, newBackup, smallPlace } from "./edges.ts";
import { startFaultRun, tools } from "./places.ts";
import { wholeDump } from "./whole-dump.ts";

const { test } = needs("rclone-current", "rclone-old");

const old = ["app-20260101T000000Z.sql", "app-20260102T000000Z.sql"];
const small = 60_000;
/** More than rclone takes in one piece. */
const large = 20_000_000;

/** One kind of answer that goes wrong, and what a run comes to. */
interface Case {
  readonly title: string;
  readonly bytes?: number;
  readonly faults: Readonly<Partial<Record<S3Right, S3Fault>>>;
  readonly expected: ExpectedEnd;
}

const unavailable = { unavailable: true };
/** Of an answer without a body the cut comes before it. */
const cut = { cut: true };
const kept = { files: [newBackup, ...old] };
const nothing = { exitCode: 1, files: old };

const lasting: readonly Case[] = [
  {
    title: "503 to every listing",
    faults: { list: unavailable },
    expected: { ...nothing, error: /SlowDown/, hint: /asks for fewer requests|overloaded|later/ },
  },
];

for (const rclone of ["current", "old"] as const)
  describe(`answers that never get better, by the ${rclone} rclone`, () => {
    for (const each of lasting)
      test(each.title, async () => {
        await expectEnd(...(await run(each, rclone)), each.expected);
      });
  });

async function run({ bytes = small, faults }: Case, rclone: "current" | "old") {
  const place = smallPlace();
  for (const key of old) place.s3.put(`shop/${key}`, "old");
  place.s3.change({ faults });
  using fakes = tools({ pg_dump: wholeDump(bytes) });
  const env = { RETENTION_MAX_FILES: "1", DUMP_EXTRA_ARGS: "" };
  const result = await startFaultRun({ place, tools: fakes, rclone, env }).exited;
  return [result, place] as const;
}
