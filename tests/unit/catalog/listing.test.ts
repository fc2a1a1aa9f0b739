import { describe, expect, test } from "bun:test";
import { type CatalogueJob, emptiedFolders } from "../../../src/catalog/catalog.ts";
import { globLiteral, leafPatterns, listingPatterns } from "../../../src/catalog/scope.ts";
import { compileTemplate } from "../../../src/catalog/naming.ts";

const identity = { database: "shop", engine: "pg" } as const;
const before = Date.parse("2026-02-07T02:00:00Z");

describe("what a listing is asked for", () => {
  test.each([
    [
      "{db}-{timestamp}",
      ["/shop-**", "/.*.partial", "/shop-**/**"],
      ["/shop-**", "/.*.partial", "/shop-**/**"],
    ],
    ["{db}", ["/shop*", "/.*.partial", "/shop*/**"], ["/shop*", "/.*.partial", "/shop*/**"]],
    [
      "daily/{db}-{date}",
      ["/shop-**", "/.*.partial", "/shop-**/**"],
      ["/shop-**", "/.*.partial", "/shop-**/**"],
    ],
    ["{date}/{db}", ["/*/shop*", "/*/.*.partial", "/*/shop*/**"], ["/shop*", "/.*.partial", "/shop*/**"]],
  ])("for %s is %j, and in the folder of the backup %j", (text, all, leaf) => {
    const template = compileTemplate(text);
    expect(listingPatterns(template, identity)).toEqual(all);
    expect(leafPatterns(template, identity)).toEqual(leaf);
  });

  test("holds a database's name as it is", () => {
    expect(listingPatterns(compileTemplate("{db}"), { ...identity, database: "a[1]{x}" })[0]).toBe(
      "/a\\[1\\]\\{x\\}*",
    );
    expect(globLiteral("a*b?[c]{d}\\")).toBe("a\\*b\\?\\[c\\]\\{d\\}\\\\");
  });
});

describe("a folder that a template made is empty", () => {
  test.each<[string, string, string[], string[], string[]]>([
    [
      "when all in it was removed",
      "{date}/{db}",
      ["2026-02-01/", "2026-02-01/shop.sql"],
      ["2026-02-01/shop.sql"],
      ["2026-02-01"],
    ],
    [
      "when the folder of a backup in it was removed",
      "{date}/{db}",
      ["2026-02-01/", "2026-02-01/shop/", "2026-02-01/shop/toc.dat"],
      ["2026-02-01/shop"],
      ["2026-02-01"],
    ],
    [
      "not while a folder of a like name is in it",
      "{date}/{db}",
      ["2026-02-01/", "2026-02-01/shop-b/toc.dat"],
      ["2026-02-01/shop"],
      [],
    ],
    ["when nothing was in it", "{date}/{db}", ["2026-02-01/"], [], ["2026-02-01"]],
    ["not while something is in it", "{date}/{db}", ["2026-02-01/", "2026-02-01/shop.sql"], [], []],
    ["not when its day is not over", "{date}/{db}", ["2026-02-07/"], [], []],
    ["not when it is somebody else's", "{date}/{db}", ["notes/"], [], []],
    ["not when its name tells no time", "{db}/{date}", ["shop/"], [], []],
    [
      "below a folder of the template's own",
      "daily/{date}/{db}",
      ["2026-02-01/", "2026-02-01/shop.sql"],
      ["daily/2026-02-01/shop.sql"],
      ["daily/2026-02-01"],
    ],
  ])("%s", (_, text, paths, removed, folders) => {
    const job: CatalogueJob = {
      ...identity,
      extension: ".sql",
      timeZone: "UTC",
      kind: "file",
      template: compileTemplate(text),
    };
    const listing = paths.map((path) => ({
      path: path.replace(/\/$/, ""),
      bytes: 1,
      isFolder: path.endsWith("/"),
      modTimeMs: null,
    }));
    expect(emptiedFolders(listing, new Set(removed), job, before)).toEqual(folders);
  });

  test("among ten thousand, in less than a second of CPU", () => {
    const template = compileTemplate("{timestamp}/{db}");
    const job: CatalogueJob = { ...identity, extension: ".sql", timeZone: "UTC", kind: "file", template };
    const names = Array.from({ length: 10_000 }, (_, hour) =>
      new Date(Date.UTC(2020, 0, 1, hour)).toISOString().replace(/[-:]|\.000/g, ""),
    );
    const listing = names.flatMap((name) => [
      { path: name, bytes: 0, isFolder: true, modTimeMs: null },
      { path: `${name}/shop.sql`, bytes: 1, isFolder: false, modTimeMs: null },
    ]);
    const removed = new Set(names.slice(0, 8_000).map((name) => `${name}/shop.sql`));
    const startedMicroseconds = process.cpuUsage().user;
    expect(emptiedFolders(listing, removed, job, before)).toEqual(names.slice(0, 8_000));
    expect(process.cpuUsage().user - startedMicroseconds).toBeLessThan(1e6);
  });
});
