import { describe, expect, test } from "bun:test";
import { catalogue } from "../../../src/catalog/catalog.ts";
import { compileTemplate, nameReader } from "../../../src/catalog/naming.ts";
import { parseStaged } from "../../../src/catalog/staged.ts";
import { probeNames } from "../../../src/checks/probe-name.ts";

const templates = [
  "{db}-{timestamp}",
  "{uuid}",
  "{db}",
  "{date}/{db}-{ts}",
  ".dbstash-check-{uuid}",
  ".dbstash-check-{db}",
];

describe("the file of a check", () => {
  test.each(templates)("is no backup, and nothing a run has left, with %s", (text) => {
    const template = compileTemplate(text);
    for (const extension of [".sql", ""]) {
      const naming = { database: "shop", engine: "pg", extension, timeZone: "UTC" } as const;
      const kind = extension === "" ? "folder" : "file";
      for (const name of Object.values(probeNames(template, naming))) {
        if (kind === "file") expect(nameReader(template, naming)(name)).toBeNull();
        expect(parseStaged(name)).toBeNull();
        const listing = [{ path: name, bytes: 1, isFolder: false, modTimeMs: 0 }];
        const { backups, staged, unfinished } = catalogue(listing, { ...naming, template, kind });
        expect([backups, staged, unfinished]).toEqual([[], [], []]);
      }
    }
  });

  test("has a name of its job's", () => {
    const template = compileTemplate("{db}-{timestamp}");
    const naming = { database: "shop", engine: "pg", extension: ".sql", timeZone: "UTC" } as const;
    const own = probeNames(template, naming);
    expect(probeNames(template, naming)).toEqual(own);
    expect(probeNames(template, { ...naming, database: "crm" })).not.toEqual(own);
    expect(own.written).toMatch(/^\.dbstash-check-[0-9a-f]{8}$/);
  });
});
