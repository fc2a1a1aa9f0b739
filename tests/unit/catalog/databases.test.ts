import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { catalogue, type CatalogueJob, type ListingEntry } from "../../../src/catalog/catalog.ts";
import { listingScope } from "../../../src/catalog/scope.ts";
import { databasesOf, type DatabasesJob } from "../../../src/catalog/databases.ts";
import {
  compileTemplate,
  formatName,
  globals,
  type Subject,
  subjectText,
} from "../../../src/catalog/naming.ts";
import { jobMark, stagedName } from "../../../src/catalog/staged.ts";

const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
console.log(`databases of a listing: TEST_SEED=${seed}`);

const id = "019c3589-3e00-7abc-8def-0123456789ab";

function jobOf(text: string, overrides: Partial<DatabasesJob> = {}): DatabasesJob {
  const base = { engine: "pg", extension: ".dump", timeZone: "UTC", kind: "file" } as const;
  return { ...base, globalsExtension: ".sql", template: compileTemplate(text), ...overrides };
}

const folders = (text: string): DatabasesJob => jobOf(text, { extension: "", kind: "folder" });

function listing(paths: readonly string[]): ListingEntry[] {
  return paths.map((path) => {
    const isFolder = path.endsWith("/");
    return { path: path.replace(/\/$/, ""), bytes: isFolder ? -1 : 10, isFolder, modTimeMs: null };
  });
}

/** Each database that was found, with the paths of its entries. */
function found(paths: readonly string[], job: DatabasesJob): Record<string, string[]> {
  const all = [...databasesOf(listing(paths), job)];
  return Object.fromEntries(all.map(([key, { entries }]) => [key, entries.map(({ path }) => path)]));
}

const at = "20260207T020000Z";

describe("one listing of several databases", () => {
  test.each<[string, DatabasesJob, string[], Record<string, string[]>]>([
    [
      "is sorted by their names, also where one begins like another",
      jobOf("{db}-{timestamp}"),
      [`shop-${at}.dump`, `shop-eu-${at}.dump`, `a%2Fb-${at}.dump`, "notes.txt", `other-${at}.sql`],
      { shop: [`shop-${at}.dump`], "shop-eu": [`shop-eu-${at}.dump`], "a%2Fb": [`a%2Fb-${at}.dump`] },
    ],
    [
      "knows roles and tablespaces by their own ending, and a database that is called like them",
      jobOf("{db}-{timestamp}"),
      [`@globals-${at}.sql`, `@globals-${at}.dump`, `%40globals-${at}.dump`, `%40globals-${at}.sql`],
      {
        "@globals": [`@globals-${at}.sql`, `@globals-${at}.dump`],
        "%40globals": [`%40globals-${at}.dump`, `%40globals-${at}.sql`],
      },
    ],
    [
      "leaves a backup of all in one to its own job, and knows a database that is called all",
      jobOf("{db}-{timestamp}"),
      [`all-${at}.dump`, `%61ll-${at}.dump`],
      { "%61ll": [`%61ll-${at}.dump`] },
    ],
    [
      "takes no name that is encoded otherwise than a database's would be",
      jobOf("{db}-{timestamp}"),
      [`%73hop-${at}.dump`, `@shop-${at}.dump`, `100%-${at}.dump`, `%FF-${at}.dump`, `%-${at}.dump`],
      { "%": [`%-${at}.dump`] },
    ],
    [
      "gives staged files to their databases, and other endings to those that are there",
      jobOf("{db}-{timestamp}"),
      [`.crm-${at}.dump.${id}.partial`, `crm-${at}.dump.zst`, `shop-${at}.sql`],
      { crm: [`.crm-${at}.dump.${id}.partial`, `crm-${at}.dump.zst`] },
    ],
    [
      "makes paths of a database's own folder",
      jobOf("daily/{db}/{timestamp}"),
      ["shop/", `shop/${at}.dump`, `crm/${at}.dump`, `crm/${at}/x`],
      { shop: [`${at}.dump`], crm: [`${at}.dump`, `${at}/x`] },
    ],
    [
      "gives the folders that databases share to each",
      jobOf("{date}/{db}"),
      ["2026-02-07/", "2026-02-07/shop.dump", "2026-02-07/crm.dump"],
      { shop: ["2026-02-07/shop.dump", "2026-02-07"], crm: ["2026-02-07/crm.dump", "2026-02-07"] },
    ],
    [
      "knows folders by what lies in them, and roles and tablespaces beside them as a file",
      folders("{db}-{timestamp}"),
      [
        `shop-${at}/`,
        `shop-${at}/toc.dat`,
        `shop-${at}/dbstash.json`,
        `@globals-${at}.sql`,
        `crm-${at}`,
        `@globals-${at}/x`,
      ],
      {
        shop: [`shop-${at}`, `shop-${at}/toc.dat`, `shop-${at}/dbstash.json`],
        "@globals": [`@globals-${at}.sql`, `@globals-${at}/x`],
      },
    ],
    ["tells nothing by a template without {db}", jobOf("{timestamp}"), [`${at}.dump`], {}],
  ])("%s", (_, job, paths, expected) => {
    expect(found(paths, job)).toEqual(expected);
  });
});

test("a name that was cut is known by its mark", () => {
  const job = jobOf("{db}-{timestamp}");
  const long = "ü".repeat(60);
  const mark = jobMark(job.template, { ...job, database: long });
  const staged = stagedName(`${long}-${at}.dump`, id, mark);
  expect(staged).toContain(`~${mark}`);
  expect(found([staged, `${long}-${at}.dump`, `shop-${at}.dump`], job)[long]).toHaveLength(2);
});

/** What a job of one database finds in a folder with all of these files. */
function alone(paths: readonly string[], job: CatalogueJob) {
  const { folder } = listingScope(job.template, job);
  const start = folder === "" ? "" : `${folder}/`;
  const below = listing(paths).filter(({ path }) => path.startsWith(start));
  return catalogue(
    below.map((entry) => ({ ...entry, path: entry.path.slice(start.length) })),
    job,
  );
}

test("each database finds in it what it would find by a listing of its own", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 8 }),
    fc.constantFrom("shop", "shop-eu", "shop.dump", "all", "@globals", "%61ll", "-", "..", "a/b", "%"),
  );
  const templates = fc.constantFrom(
    "{db}-{timestamp}",
    "{db}",
    "{date}/{db}-{time}",
    "{timestamp}-{db}",
    "x/{engine}/{db}/{ts}",
    "{db}/{db}.{uuid}",
    "{ts}/{db}{date}",
  );
  const file = fc.record({
    subject: fc.oneof(
      { weight: 5, arbitrary: name.map((database): Subject => ({ database })) },
      fc.constant(globals),
    ),
    now: fc.integer({ min: 1_700_000_000, max: 1_799_999_999 }).map((seconds) => new Date(seconds * 1000)),
    form: fc.constantFrom("backup", "staged", "other", "inside", "folder"),
  });
  fc.assert(
    fc.property(templates, fc.boolean(), fc.array(file, { maxLength: 12 }), (text, isFolders, files) => {
      const job = isFolders ? folders(text) : jobOf(text);
      const contextOf = (subject: Subject): CatalogueJob =>
        subject.scope === "globals"
          ? { ...job, ...subject, kind: "file", extension: ".sql" }
          : { ...job, ...subject };
      const paths = files.map(({ subject, now, form }) => {
        const context = contextOf(subject);
        const whole = formatName(job.template, { ...context, now, uuid: "0123abcd" }) + context.extension;
        if (form === "staged") return stagedName(whole, id, jobMark(job.template, context));
        if (form === "backup") return context.kind === "folder" ? `${whole}/dbstash.json` : whole;
        return form === "other" ? `${whole}.zst` : form === "inside" ? `${whole}/x` : `${whole}/`;
      });
      const unique = [...new Set(paths)];
      const { folder } = listingScope(job.template, { ...job, database: null });
      const start = folder === "" ? "" : `${folder}/`;
      const sorted = databasesOf(listing(unique.map((path) => path.slice(start.length))), job);
      for (const { subject } of files) {
        const context = contextOf(subject);
        const own = alone(unique, context);
        const one = sorted.get(subjectText(subject));
        if (one === undefined) expect([own.backups, own.staged, own.unfinished]).toEqual([[], [], []]);
        else {
          const { otherExtension, ...rest } = catalogue(one.entries, context);
          expect({ ...rest, otherExtension: own.otherExtension }).toEqual(own);
          // What is another database's own is no other ending of this one's.
          expect(otherExtension.count).toBeLessThanOrEqual(own.otherExtension.count);
        }
      }
      // Nobody is found who has nothing there.
      const known = new Set(files.map(({ subject }) => subjectText(subject)));
      expect([...sorted.keys()].filter((key) => !known.has(key))).toEqual([]);
    }),
    { seed, numRuns: 1000 },
  );
});
