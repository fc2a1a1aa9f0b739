import { describe, expect, test } from "bun:test";
import { compileTemplate, newUuid } from "../../../src/catalog/naming.ts";
import { backupIdTimeMs, jobMark, parseStaged, stagedName } from "../../../src/catalog/staged.ts";

describe("staged names", () => {
  const id = "019c3589-3e00-7abc-8def-0123456789ab";
  const timeMs = 0x019c35893e00;
  const mark = "0a1b2c3d";

  test.each([
    ["shop-1.sql", `.shop-1.sql.${id}.partial`],
    ["a/b/shop.sql", `a/b/.shop.sql.${id}.partial`],
    [".hidden", `..hidden.${id}.partial`],
  ])("%s is staged as %s and read back", (finalName, staged) => {
    expect(stagedName(finalName, id, mark)).toBe(staged);
    const folder = finalName.slice(0, finalName.lastIndexOf("/") + 1);
    expect(parseStaged(staged)).toEqual({ finalName, mark: null, folder, backupId: id, timeMs });
  });

  test.each([
    [`shop.sql.${id}.partial`],
    [`.${id}.partial`],
    [`..${id}.partial`],
    [`.shop.sql.${id}`],
    [`.shop.sql.${id}.partial.x`],
    [".shop.sql.019c3589.partial"],
    [`.shop.sql.${id.replace("7abc", "4abc")}.partial`],
    [`.shop.sql.${id.toUpperCase()}.partial`],
    [`.folder/shop.sql.${id}.partial`],
  ])("%s is no staged name", (name) => {
    expect(parseStaged(name)).toBeNull();
  });

  test("a name that leaves no room is cut, and the job's mark stands for the rest of it", () => {
    for (const letter of ["x", "ü", "🙂"]) {
      const staged = stagedName(`a/${letter.repeat(200 / Buffer.byteLength(letter))}.sql`, id, mark);
      const leaf = staged.slice(2);
      expect(Buffer.byteLength(leaf)).toBeWithin(200, 205);
      expect(leaf).toEndWith(`${letter}~${mark}.${id}.partial`);
      expect(parseStaged(staged)).toEqual({ finalName: null, mark, folder: "a/", backupId: id, timeMs });
    }
  });

  test("a name of 97 bytes is staged whole, in the 143 that a crypt can hold", () => {
    const name = "x".repeat(97);
    const staged = stagedName(name, id, mark);
    expect([staged.length, parseStaged(staged)?.finalName]).toEqual([143, name]);
  });

  test("a short name that ends like a mark is no cut one", () => {
    const name = `shop~${mark}`;
    expect(parseStaged(stagedName(name, id, "ffffffff"))).toMatchObject({ finalName: name, mark: null });
  });

  test("jobs of one folder have marks of their own", () => {
    const context = { database: "shop", engine: "pg", extension: ".sql", timeZone: "UTC" } as const;
    const template = compileTemplate("{db}-{timestamp}");
    const marks = [
      jobMark(template, context),
      jobMark(template, { ...context, database: "stock" }),
      jobMark(template, { ...context, engine: "mysql" }),
      jobMark(template, { ...context, extension: ".dump" }),
      jobMark(compileTemplate("{db}-{date}"), context),
    ];
    expect(new Set(marks).size).toBe(marks.length);
    expect(jobMark(template, { ...context, timeZone: "Asia/Tokyo" })).toBe(marks[0] ?? "");
    for (const each of marks) expect(each).toMatch(/^[0-9a-f]{8}$/);
  });

  test("a backup id tells its time", () => {
    expect(backupIdTimeMs(id)).toBe(timeMs);
    expect(backupIdTimeMs(Bun.randomUUIDv7("hex", timeMs))).toBe(timeMs);
    expect(backupIdTimeMs(crypto.randomUUID())).toBeNull();
  });

  test("a uuid token is eight lower-case hex digits", () => {
    expect(newUuid(new Uint8Array([0, 1, 0xab, 0xff, 9]))).toBe("0001abff");
  });
});
