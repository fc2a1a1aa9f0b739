import { describe, expect, test } from "bun:test";
import { judgeSize } from "../../../src/pipeline/counted.ts";
import { features as streams } from "../fake-rclone.ts";

const spools = { ...streams, putStream: false };

describe("a count of bytes that may be twice the truth", () => {
  const half = 50 * 1024;
  test.each([
    [half, 2 * half, true, streams, half],
    [2 * half, 2 * half, true, streams, 2 * half],
    [half, 2 * half, false, streams, null],
    [200 * 1024, 400 * 1024, true, streams, null],
    [200 * 1024, 400 * 1024, true, spools, 200 * 1024],
    [16 * 1024 * 1024 - 1, 32 * 1024 * 1024 - 2, true, { ...streams, kind: "s3" }, 16 * 1024 * 1024 - 1],
    [16 * 1024 * 1024, 32 * 1024 * 1024, true, { ...streams, kind: "s3" }, null],
    [half + 1, 2 * half, true, spools, null],
  ] as const)(
    "%d bytes where %d were counted (%p, %j) are good as %p",
    (size, bytes, mayCountTwice, features, good) => {
      const verdict = judgeSize(size, { bytes, mayCountTwice }, features);
      expect(verdict.outcome === "good" ? verdict.bytes : null).toBe(good);
    },
  );

  test.each([
    // crypt (32 bytes and 16 for each of 64 KiB more), and chunker, by rclone 1.60.1.
    [1000, 2048, true],
    [60_000, 120_048, true],
    [102_399, 204_862, true],
    [102_400, 102_400, true],
    [60_000, 180_000, true],
    [200_000, 400_000, true],
    [60_000, 60_099, false],
  ])("a remote that wraps another: %d bytes where %d were counted", (size, bytes, isGood) => {
    const verdict = judgeSize(size, { bytes, mayCountTwice: true }, { ...streams, wraps: true });
    expect(verdict).toMatchObject({ outcome: isGood ? "good" : "unchecked", bytes: size });
    expect(
      judgeSize(size, { bytes: size + 1, mayCountTwice: false }, { ...streams, wraps: true }),
    ).toMatchObject({
      outcome: "bad",
    });
  });

  test("of a file that is not there, or whose size nobody tells, is none", () => {
    const streamed = { bytes: 1, mayCountTwice: true };
    expect(judgeSize(null, streamed, spools)).toEqual({ outcome: "missing" });
    expect(judgeSize(-1, streamed, spools)).toMatchObject({ outcome: "unchecked" });
  });
});
