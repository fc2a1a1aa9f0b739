import { describe, expect, test } from "bun:test";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { type Libc, openLibc } from "../../../src/process/libc.ts";
import { lockFolders, type LockOutcome, takeLock } from "../../../src/process/lock.ts";
import { tempFolder } from "../../support/temp.ts";

const libc = openLibc();
const without: Libc = { ...libc, tryLock: () => "unsupported" };

test.each<[Record<string, string>, string, string[]]>([
  [{}, "/tmp", ["/run/user/7", "/run/lock", "/tmp"]],
  [{ XDG_RUNTIME_DIR: "" }, "/tmp", ["/run/user/7", "/run/lock", "/tmp"]],
  [{ XDG_RUNTIME_DIR: "/run/me" }, "/tmp", ["/run/me", "/run/lock", "/tmp"]],
  [{}, "/var/tmp", ["/run/user/7", "/run/lock", "/var/tmp"]],
])("with %j and the temp folder %s locks may lie in %j", (env, tempRoot, folders) => {
  expect(lockFolders(env, tempRoot, 7)).toEqual(folders);
});

test("a folder by two spellings is one, in which a lock does not meet itself", () => {
  using folder = tempFolder("locks");
  symlinkSync(folder.path, folder.file("link"));
  for (const spelt of [`${folder.path}/`, folder.file("link")]) {
    const folders = lockFolders({ XDG_RUNTIME_DIR: folder.path }, spelt, 7);
    expect(folders).toEqual([folder.path, "/run/lock"]);
    const lock = takeLock(libc, folders, folder.path);
    expect(lock.kind).toBe("locked");
    release(lock);
  }
});

describe("a lock", () => {
  test("keeps out whoever wants the same, until it is released, and leaves nothing", () => {
    using folder = tempFolder("locks");
    const take = (key: string): LockOutcome => takeLock(libc, [folder.path], key);
    const first = take("a");
    expect([take("a").kind, take("b").kind]).toEqual(["held", "locked"]);
    release(first);
    const again = take("a");
    expect(again.kind).toBe("locked");
    release(again);
    expect(readdirSync(folder.path)).toHaveLength(1);
  });

  test("has a name that does not tell what it is for", () => {
    using folder = tempFolder("locks");
    takeLock(libc, [folder.path], "postgres://joe@db/shop");
    expect(readdirSync(folder.path)).toEqual([
      expect.stringMatching(/^dbstash-[0-9a-f]{24}\.lock$/) as string,
    ]);
  });

  test("goes into the first folder that takes one", () => {
    using folder = tempFolder("locks");
    expect(takeLock(libc, ["/no/such", "/proc", folder.path], "a").kind).toBe("locked");
    expect(readdirSync(folder.path)).toHaveLength(1);
  });

  test.each([
    ["no folder", ["/no/such"], libc, /ENOENT.*\/no\/such/],
    ["no folder with locks", ["/dev/shm"], without, /^\/dev\/shm\/.*: its file system has no locks$/],
    ["no folder at all", [], libc, /^$/],
  ])("can't be had in %s, which is told", (_, folders, doors, reason) => {
    const outcome = takeLock(doors, folders, "unit test of locks");
    expect(outcome).toEqual({ kind: "unsupported", reason: expect.stringMatching(reason) as string });
  });

  test("is never taken through a link that somebody put there", () => {
    using folder = tempFolder("locks");
    release(takeLock(libc, [folder.path], "a"));
    const lock = takeLock(libc, [folder.path], "a");
    const [name = ""] = readdirSync(folder.path);
    release(lock);
    writeFileSync(folder.file("theirs"), "");
    symlinkSync(folder.file("theirs"), folder.file(name));
    expect(takeLock(libc, [folder.path], "a")).toMatchObject({ kind: "unsupported" });
  });
});

function release(lock: LockOutcome): void {
  if (lock.kind === "locked") lock.release();
}
