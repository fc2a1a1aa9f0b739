import { expect, test } from "bun:test";
import { isForeign } from "../../src/process/folders.ts";

const me = 1000;

test.each<[string, { uid: number; mode: number }, { uid: number; mode: number }, boolean]>([
  ["our own below /tmp", { uid: me, mode: 0o755 }, { uid: 0, mode: 0o1777 }, false],
  ["root's below /tmp", { uid: 0, mode: 0o1777 }, { uid: 0, mode: 0o1777 }, false],
  ["another user's below /tmp", { uid: 1001, mode: 0o777 }, { uid: 0, mode: 0o1777 }, true],
  [
    "another user's where only that user may write",
    { uid: 1001, mode: 0o777 },
    { uid: 1001, mode: 0o755 },
    false,
  ],
])("%s is a foreign work folder: %p, %p: %p", (_, folder, parent, expected) => {
  expect(isForeign(folder, parent, me)).toBe(expected);
});
