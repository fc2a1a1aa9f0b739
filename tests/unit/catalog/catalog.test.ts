import { describe, expect, test } from "bun:test";
import { catalogue, type CatalogueJob, type ListingEntry } from "../../../src/catalog/catalog.ts";
import { type BackupKind, listingScope, nameExample } from "../../../src/catalog/scope.ts";
import { compileTemplate } from "../../../src/catalog/naming.ts";
import { stagedName } from "../../../src/catalog/staged.ts";

const ID = "019c3589-3e00-7abc-8def-0123456789ab";
const MARK = "0a1b2c3d";
const ID_MS = 0x019c35893e00;

function job(text: string, overrides: Partial<CatalogueJob> = {}): CatalogueJob {
  const kind: BackupKind = "file";
  const base = { database: "shop", engine: "pg", extension: ".sql", timeZone: "UTC", kind } as const;
  return { ...base, template: compileTemplate(text), ...overrides };
}

const folderJob = (text: string): CatalogueJob => job(text, { extension: "", kind: "folder" });

/** A listing from its paths: a trailing slash marks a folder; every file has 10 bytes and, if given, the same time. */
function listing(paths: readonly string[], modTime: string | null = null): ListingEntry[] {
  return paths.map((path) => ({
    path: path.replace(/\/$/, ""),
    bytes: path.endsWith("/") ? -1 : 10,
    isFolder: path.endsWith("/"),
    modTimeMs: modTime === null ? null : Date.parse(modTime),
  }));
}

/** The backups found, as `name time`. */
function found(paths: readonly string[], of: CatalogueJob, modTime: string | null = null): string[] {
  return catalogue(listing(paths, modTime), of).backups.map(({ name, timeMs }) =>
    timeMs === null ? `${name} undated` : `${name} ${new Date(timeMs).toISOString().slice(0, 16)}`,
  );
}

test.each([
  ["{db}-{timestamp}", ".sql.zst", "a%2Fb-….sql.zst"],
  ["{engine}/{date}/{db}-{time}-x", "", "pg/…/a%2Fb-…-x"],
  ["{db}", ".sql", "a%2Fb.sql"],
])("names of %s with the extension %p are like %s", (text, extension, example) => {
  expect(nameExample(compileTemplate(text), { database: "a/b", engine: "pg", extension })).toBe(example);
});

describe("listingScope", () => {
  test.each([
    ["{db}-{timestamp}", "file", "", 1],
    ["{db}-{timestamp}", "folder", "", 2],
    ["backups/{engine}/{db}/{timestamp}", "file", "backups/pg/a%2Fb", 1],
    ["{date}/{db}-{time}", "file", "", 2],
    ["{engine}/{date}/{db}/{time}", "file", "pg", 3],
    ["{engine}-{uuid}/{db}/{ts}", "folder", "", 4],
  ] as const)("%s as %s: lists %j, %i deep", (text, kind, folder, depth) => {
    const scope = listingScope(compileTemplate(text), { database: "a/b", engine: "pg", kind });
    expect(scope).toMatchObject({ folder, depth, recursive: depth > 1 });
  });

  test("asks for modification times only where the name tells none", () => {
    const needs = ["{db}-{timestamp}", "{db}-{date}", "{db}", "{db}-{time}-{uuid}"].map(
      (text) =>
        listingScope(compileTemplate(text), { database: "a", engine: "pg", kind: "file" }).needsModTimes,
    );
    expect(needs).toEqual([false, false, true, true]);
  });
});

describe("backups that are files", () => {
  test("are those of exactly this database and extension, newest first", () => {
    const paths = [
      "shop-20260207T020000Z.sql",
      "shop-20260209T020000Z.sql",
      "shop-20260208T020000Z.sql",
      "shop-eu-20260209T020000Z.sql",
      "shop-20260209T020000Z.sql.zst",
      "shop-20260209T020000Z/",
      "shop-20260209T020000Z.sql.bak2/",
      "shop.sql",
      "notes.txt",
      ".shop-20260209T020000Z.sql",
    ];
    const result = catalogue(listing(paths), job("{db}-{timestamp}"));
    expect(result.backups.map((backup) => backup.name)).toEqual([
      "shop-20260209T020000Z.sql",
      "shop-20260208T020000Z.sql",
      "shop-20260207T020000Z.sql",
    ]);
    expect(result.backups[0]).toEqual({
      name: "shop-20260209T020000Z.sql",
      timeMs: Date.parse("2026-02-09T02:00:00Z"),
      latestMs: Date.parse("2026-02-09T02:00:00Z"),
      bytes: 10,
    });
    expect(result.otherExtension).toEqual({
      count: 3,
      names: ["shop-20260209T020000Z.sql.zst", "shop-20260209T020000Z", "shop-20260209T020000Z.sql.bak2"],
    });
    expect([result.staged, result.unfinished]).toEqual([[], []]);
  });

  test("are named below the remote's path, however deep the template nests them", () => {
    expect(found(["shop/020000.sql", "shop-eu/020000.sql", "shop/"], job("daily/{db}/{time}"))).toEqual([]);
    expect(found(["020000.sql"], job("daily/{db}/{time}"))).toEqual(["daily/shop/020000.sql undated"]);
    expect(
      found(
        ["2026-02-07/shop-020000.sql", "2026-02-07/", "2026-02-07/eu-020000.sql"],
        job("pg/{date}/{db}-{time}"),
      ),
    ).toEqual(["pg/2026-02-07/shop-020000.sql 2026-02-07T02:00"]);
  });

  test("take their time from the name, and only without one from the file", () => {
    const modTime = "2026-03-01T12:00:00Z";
    expect(found(["shop-20260207T020000Z.sql"], job("{db}-{timestamp}"), modTime)).toEqual([
      "shop-20260207T020000Z.sql 2026-02-07T02:00",
    ]);
    expect(found(["shop-0123abcd.sql"], job("{db}-{uuid}"), modTime)).toEqual([
      "shop-0123abcd.sql 2026-03-01T12:00",
    ]);
  });

  test("without any time are listed last", () => {
    const entries = [
      ...listing(["shop-aaaaaaaa.sql"]),
      ...listing(["shop-00000000.sql"], "2026-02-07T02:00:00Z"),
    ];
    const result = catalogue(entries, job("{db}-{uuid}"));
    expect(result.backups.map((backup) => backup.name)).toEqual(["shop-00000000.sql", "shop-aaaaaaaa.sql"]);
    expect(result.backups.map(({ timeMs }) => timeMs === null)).toEqual([false, true]);
  });

  test("may have any template: no pattern of it is read as a pattern", () => {
    expect(found(["(shop+).sql", "shop.sql", "(shopp).sql"], job("({db}+)"))).toEqual([
      "(shop+).sql undated",
    ]);
  });

  test("count at most five examples of another extension by name", () => {
    const paths = Array.from({ length: 9 }, (_, index) => `shop-${1_770_429_600 + index}.sql.gz`);
    const { otherExtension } = catalogue(listing(paths), job("{db}-{ts}"));
    expect(otherExtension).toEqual({ count: 9, names: paths.slice(0, 5) });
  });
});

describe("staged files", () => {
  test("are this job's own alone, and never backups", () => {
    const own = stagedName("daily/shop-20260207T020000Z.sql", ID, MARK);
    const paths = [
      own,
      stagedName("daily/shop-eu-20260207T020000Z.sql", ID, MARK),
      stagedName("daily/shop-20260207T020000Z.dump", ID, MARK),
      "daily/.shop-20260207T020000Z.sql.partial",
      `daily/shop-20260207T020000Z.sql.${ID}.partial`,
      `${own}/`,
    ].map((path) => path.replace("daily/", ""));
    const result = catalogue(listing(paths), job("daily/{db}-{timestamp}"));
    expect(result.staged).toEqual([{ name: own, backupId: ID, timeMs: ID_MS }]);
    expect(result.backups).toEqual([]);
  });
});

describe("backups that are folders", () => {
  test("count only with their manifest at the top", () => {
    const paths = [
      "shop-20260207T020000Z/",
      "shop-20260207T020000Z/dbstash.json",
      "shop-20260207T020000Z/toc.dat",
      "shop-20260208T020000Z/",
      "shop-20260208T020000Z/toc.dat",
      "shop-20260209T020000Z/",
      "shop-20260209T020000Z/sub/",
      "shop-20260209T020000Z/sub/dbstash.json",
      "shop-20260210T020000Z",
      "shop-20260211T020000Z.tar",
      "shop-20260212T020000Z/",
      "shop-20260212T020000Z/dbstash.json/",
      "shop-eu-20260207T020000Z/",
      "shop-eu-20260207T020000Z/dbstash.json",
    ];
    const result = catalogue(listing(paths, "2026-03-01T12:00:00Z"), folderJob("{db}-{timestamp}"));
    expect(result.backups).toEqual([
      {
        name: "shop-20260207T020000Z",
        bytes: 20,
        timeMs: Date.parse("2026-02-07T02:00:00Z"),
        latestMs: Date.parse("2026-02-07T02:00:00Z"),
      },
    ]);
    expect(result.unfinished).toEqual([
      { name: "shop-20260208T020000Z", timeMs: Date.parse("2026-02-08T02:00:00Z") },
      { name: "shop-20260209T020000Z", timeMs: Date.parse("2026-02-09T02:00:00Z") },
      { name: "shop-20260212T020000Z", timeMs: Date.parse("2026-02-12T02:00:00Z") },
    ]);
    expect(result.otherExtension.names).toEqual(["shop-20260210T020000Z", "shop-20260211T020000Z.tar"]);
  });

  test("are seen by their files alone where a store lists no folders", () => {
    const paths = [
      "pg/shop/1770429600/dbstash.json",
      "pg/shop/1770429600/toc.dat",
      "pg/shop/1770429601/toc.dat",
    ];
    const below = paths.map((path) => path.replace("pg/shop/", ""));
    const result = catalogue(listing(below), folderJob("{engine}/{db}/{ts}"));
    expect(result.backups.map((backup) => backup.name)).toEqual(["pg/shop/1770429600"]);
    expect(result.unfinished.map((each) => each.name)).toEqual(["pg/shop/1770429601"]);
  });

  test("never take a folder's time: without one in the name the manifest's counts", () => {
    const entries = [
      ...listing(["shop-0123abcd/", "shop-89abcdef/", "shop-00000000/"], "2000-01-01T00:00:00Z"),
      ...listing(["shop-0123abcd/dbstash.json"], "2026-02-07T02:00:00Z"),
      ...listing(["shop-0123abcd/toc.dat"], "2026-02-07T01:00:00Z"),
      ...listing(["shop-89abcdef/toc.dat"], "2026-02-06T01:00:00Z"),
    ];
    const result = catalogue(entries, folderJob("{db}-{uuid}"));
    expect(result.backups.map(({ timeMs }) => timeMs)).toEqual([Date.parse("2026-02-07T02:00:00Z")]);
    expect(result.unfinished).toEqual([
      { name: "shop-89abcdef", timeMs: Date.parse("2026-02-06T01:00:00Z") },
      { name: "shop-00000000", timeMs: null },
    ]);
  });

  test("an unfinished one with a lone date may have been begun until that day's last second", () => {
    const result = catalogue(listing(["shop-2026-02-07/"]), folderJob("{db}-{date}"));
    expect(result.unfinished).toEqual([
      { name: "shop-2026-02-07", timeMs: Date.parse("2026-02-07T23:59:59Z") },
    ]);
  });
});

test("sorts five thousand names within a second", () => {
  const paths = Array.from({ length: 5000 }, (_, index) => `shop-${1_770_000_000 + index * 60}.sql`);
  const startedMs = performance.now();
  expect(catalogue(listing(paths), job("{db}-{ts}")).backups).toHaveLength(5000);
  expect(performance.now() - startedMs).toBeLessThan(1000);
});
