import { expect, test } from "bun:test";
import { flagsFor } from "../../../src/pipeline/target.ts";
import type { Target } from "../../../src/remote/target.ts";
import { features } from "../fake-rclone.ts";
import { resolve, uri } from "../job/jobs.ts";

test.each([
  ["a stream may pause as long as the stall clock lets it", true, ["--timeout=0"]],
  ["a dump that rclone spools first is under its own limit", false, ["--timeout=0", "--timeout=5m"]],
])("%s", (_, putStream, timeouts) => {
  const target: Pick<Target, "features" | "previousBytes"> = {
    features: { ...features, putStream },
    previousBytes: null,
  };
  const flags = flagsFor(resolve(uri).places[0], target as Target);
  expect(flags.filter((flag) => flag.startsWith("--timeout"))).toEqual(timeouts);
});
