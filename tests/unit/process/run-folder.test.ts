import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, utimesSync } from "node:fs";
import { claimFolder, isForeign } from "../../../src/process/run-folder.ts";
import { openLibc } from "../../../src/process/libc.ts";
import { tempFolder } from "../../support/temp.ts";

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

test("a claimed folder is locked, and another claim beside it removes what was never locked, after a minute", () => {
  using root = tempFolder("claims");
  const libc = openLibc();
  const [old, young] = [".dbstash-aaaaaa", ".dbstash-bbbbbb"];
  for (const name of [old, young]) mkdirSync(root.file(name));
  const twoMinutesAgo = new Date(Date.now() - 120_000);
  utimesSync(root.file(old), twoMinutesAgo, twoMinutesAgo);
  const first = claimFolder(libc, root.path, "dbstash-");
  const second = claimFolder(libc, root.path, "dbstash-");
  expect(first.path).toMatch(/\/dbstash-\w{6}$/);
  expect(existsSync(first.path)).toBe(true);
  expect(existsSync(root.file(old))).toBe(false);
  for (const folder of [first, second]) folder.remove();
  expect(readdirSync(root.path)).toEqual([young]);
});

test("many claims at once never remove each other's folders", async () => {
  using root = tempFolder("claims");
  const claim = `
    import { existsSync } from "node:fs";
    import { claimFolder } from "${import.meta.dirname}/../../../src/process/run-folder.ts";
    import { openLibc } from "${import.meta.dirname}/../../../src/process/libc.ts";
    const libc = openLibc();
    for (let count = 0; count < 300; count += 1) {
      const folder = claimFolder(libc, process.argv[1], "dbstash-");
      if (!existsSync(folder.path + "/.lock")) process.exit(1);
      folder.remove();
    }`;
  const claimers = [1, 2, 3].map(() => Bun.spawn([process.execPath, "-e", claim, root.path]));
  expect(await Promise.all(claimers.map(({ exited }) => exited))).toEqual([0, 0, 0]);
  expect(readdirSync(root.path)).toEqual([]);
});

test("a root with a control character in its path is refused", () => {
  expect(() => claimFolder(openLibc(), "/tmp/a\nfolder /tmp/b", "dbstash-")).toThrow(
    "must not hold control characters",
  );
});
