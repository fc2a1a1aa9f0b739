import { describe, expect, test } from "bun:test";
import { loggedProgress, progressText, terminalProgress } from "../../../src/run/progress.ts";

describe("progress", () => {
  test.each<[number, number, number | null, string]>([
    [0, 0, null, "0 B  0 B/s  0:00"],
    [1_288_490_189, 14_000, null, "1.2 GiB  87.8 MiB/s  0:14"],
    [512 * 1024, 1000, 1024 * 1024, "512.0 KiB  512.0 KiB/s  0:01  ~50 %  ~0:01 left"],
    [2048, 3_725_000, 1024, "2.0 KiB  1 B/s  1:02:05  ~99 %"],
  ])("%d bytes after %d ms of an expected %p: %s", (bytes, elapsedMs, expectedBytes, text) => {
    expect(progressText({ bytes, elapsedMs, expectedBytes })).toBe(text);
  });
});

describe("progress on a terminal", () => {
  test("is rewritten in place at every step, and goes at the end", () => {
    const { clock, shown, progress } = watched(terminalProgress);
    progress.expect(2048);
    for (const bytes of [512, 1024]) {
      clock.ms += 500;
      progress.moved(bytes);
    }
    progress.clear();
    progress.end();
    expect(shown).toEqual([
      "\r\x1b[K512 B  1.0 KiB/s  0:01  ~25 %  ~0:02 left",
      "\r\x1b[K1.0 KiB  1.0 KiB/s  0:01  ~50 %  ~0:01 left",
      "\r\x1b[K",
      "\r\x1b[K",
    ]);
  });
});

describe("progress in a log", () => {
  test("is told every ten seconds, and needs no room", () => {
    const { clock, shown, progress } = watched(loggedProgress);
    for (const [atMs, bytes] of [
      [0, 1],
      [9_999, 2],
      [10_000, 1000],
      [19_999, 3],
      [20_000, 4000],
    ] as const) {
      clock.ms = atMs;
      progress.moved(bytes);
    }
    progress.clear();
    progress.end();
    expect(shown).toEqual(["1000 B  100 B/s  0:10", "3.9 KiB  200 B/s  0:20"]);
  });

  test("counts from when the size is known", () => {
    const { clock, shown, progress } = watched(loggedProgress);
    clock.ms = 60_000;
    progress.expect(null);
    clock.ms = 70_000;
    progress.moved(1000);
    expect(shown).toEqual(["1000 B  100 B/s  0:10"]);
  });
});

function watched(make: typeof loggedProgress) {
  const clock = { ms: 0 };
  const shown: string[] = [];
  const progress = make(
    (text) => void shown.push(text),
    () => clock.ms,
  );
  return { clock, shown, progress };
}
