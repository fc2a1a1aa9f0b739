import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { markup } from "../../../src/daemon/markup.ts";
import type { HealthState } from "../../../src/daemon/monitor.ts";
import { sizeLine } from "../../../src/daemon/size-line.ts";
import { type PageFacts, statusPage } from "../../../src/daemon/status-page.ts";
import { type Palette, palettes, style } from "../../../src/daemon/status-style.ts";
import { statusOf } from "../../../src/daemon/status.ts";
import { fresh, freshRow, row } from "./states.ts";
import { facts, failing, listed, missingPlace, now, overdue, stateOf, unlisted } from "./statuses.ts";

const attack = "<img src=x onerror=alert(1)>";

function pageOf(
  state: HealthState,
  stocks: Parameters<typeof statusOf>[1],
  of: Partial<PageFacts> = {},
): string {
  return statusPage(statusOf(state, stocks, now), { ...facts, ...of }).body;
}

const pages: readonly (readonly [string, () => string])[] = [
  ["good", () => pageOf(stateOf([row]), [listed(["shop"])])],
  [
    "none",
    () =>
      pageOf({ ...fresh, nextRun: facts.nextRun, rows: [], places: ["s3:backups"] }, [unlisted], {
        lastRun: null,
        retention: "off: nothing is ever removed",
      }),
  ],
  [
    "bad",
    () =>
      pageOf(
        stateOf(
          [
            row,
            { ...row, place: "nas:b" },
            failing("crm", "pg_dump failed: no such host"),
            failing("crm", "nas:b can't be listed: no route to host", "nas:b"),
            overdue("wiki"),
            overdue("wiki", "nas:b"),
            { ...freshRow, database: "new" },
            { ...freshRow, database: "new", place: "nas:b" },
          ],
          { lastWarnings: ["shop: the account may not read table x"], running: true },
        ),
        [listed(["shop", "crm", "wiki"]), missingPlace],
        { job: "*", timeZone: "Europe/Berlin", offsetAt: () => 3_600_000 },
      ),
  ],
];

/** What stands in the golden file; `UPDATE_GOLDEN=1` writes it anew. */
function golden(name: string, text: string): string {
  const path = join(import.meta.dirname, "golden", `${name}.html`);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, text);
  return readFileSync(path, "utf8");
}

test.each(pages)("the page is drawn as its golden file has it: %s", (name, draw) => {
  const body = draw();
  expect(body).toBe(golden(name, body));
});

test("a name or an error with markup is text, and so are characters that a terminal would obey", () => {
  const name = `${attack}"'&\u202Ex\u0007`;
  const body = pageOf(
    stateOf([{ ...failing(name, `<script>alert(1)</script>${attack}`), place: attack }], {
      lastWarnings: [attack],
    }),
    [{ ...missingPlace, stocks: listed([name]).stocks }],
    { job: name, timeZone: attack, retention: attack },
  );
  const tags = [...body.matchAll(/<\/?([a-z0-9!]+)/gi)].map(([, tag = ""]) => tag.toLowerCase());
  expect(tags).not.toContain("img");
  expect(tags).not.toContain("script");
  expect(body).toContain("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\\u202ex\\u0007");
  // eslint-disable-next-line no-control-regex
  expect(body).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
});

describe("markup", () => {
  test("escapes what is put into it, and leaves markup as it is", () => {
    expect(
      markup`<p title="${'"<'}">${markup`<b>${"&"}</b>`}${[markup`<i>`, markup`</i>`]}${3}</p>`.text,
    ).toBe('<p title="&quot;&lt;"><b>&amp;</b><i></i>3</p>');
  });
});

test("the page of 60 databases in two places weighs less than 100 kB", () => {
  const names = Array.from({ length: 60 }, (_, at) => `tenant_database_${at}`);
  const rows = names.flatMap((database) =>
    ["s3:backups/production", "nas:backups"].map((place) => ({ ...row, database, place })),
  );
  const body = pageOf(stateOf(rows), [listed(names, 90), listed(names, 90)]);
  expect(body.match(/<svg/g)?.length).toBe(60);
  expect(Buffer.byteLength(body)).toBeLessThan(100_000);
});

test("so does one of 60 that failed, each with an error of its own", () => {
  const names = Array.from({ length: 60 }, (_, at) => `tenant_database_${at}`);
  const rows = names.flatMap((database) =>
    ["s3:backups/production", "nas:backups"].map((place) =>
      failing(database, `pg_dump failed (exit code 1): ${`database "${database}" `.repeat(20)}`, place),
    ),
  );
  const body = pageOf(stateOf(rows), [listed(names, 90), listed(names, 90)]);
  expect(body).toContain("And 50 more, which the log and the table below tell");
  expect(Buffer.byteLength(body)).toBeLessThan(100_000);
});

test("nothing is fetched, and nothing runs: the policy allows the style alone, by its sum", () => {
  const { body, headers } = statusPage(statusOf(stateOf([row]), [unlisted], now), facts);
  const policy = headers?.["content-security-policy"] ?? "";
  const inPage = /<style>([\s\S]*)<\/style>/.exec(body)?.[1] ?? "";
  const sum = new Bun.CryptoHasher("sha256").update(inPage).digest("base64");
  expect(policy).toBe(
    `default-src 'none'; style-src 'sha256-${sum}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  expect(body.match(/\b(?:src|href|action|srcset)="(?!data:)/g)).toBeNull();
  expect(body).not.toMatch(/\bstyle="|<script|\bon[a-z]+=/i);
  expect(style).not.toMatch(/url\(|@import/);
});

describe("a line of sizes", () => {
  const points = (...bytes: readonly number[]) =>
    bytes.map((size, at) => ({ timeMs: at * 86_400_000, bytes: size }));
  test.each([
    ["nothing where there is no backup", points(), null, null],
    ["a point for one", points(1024), undefined, "one backup of 1.0 KiB"],
    [
      "a line from the oldest to the newest, from zero up to the largest",
      points(512, 1024, 0),
      "0,16 75,0 150,32",
      "sizes of 3 backups from 1970-01-01 00:00 to 1970-01-03 00:00: 0 B to 1.0 KiB, 0 B last",
    ],
    [
      "a level one",
      points(7, 7),
      "0,0 150,0",
      "sizes of 2 backups from 1970-01-01 00:00 to 1970-01-02 00:00: 7 B",
    ],
    [
      "one at the bottom",
      points(0, 0),
      "0,32 150,32",
      "sizes of 2 backups from 1970-01-01 00:00 to 1970-01-02 00:00: 0 B",
    ],
  ])("is %s", (_, sizes, line, label) => {
    const { text } = sizeLine(sizes, () => 0);
    if (label === null) return expect(text).toBe("");
    expect(/points="([^"]*)"/.exec(text)?.[1]).toBe(line as never);
    expect(/aria-label="([^"]*)"/.exec(text)?.[1]).toBe(label);
    expect(text).toContain("<circle");
  });
});

describe("contrast, as WCAG 2.2 has it", () => {
  const healths = ["good", "waiting", "warned", "bad"] as const;
  /** 1.4.3: of text 4.5 at least; 1.4.11: of what tells something without being text 3. */
  const pairs: readonly (readonly [keyof Palette, keyof Palette, number])[] = [
    ...(["ground", "surface"] as const).flatMap((under) => [
      ["text", under, 4.5] as const,
      ["muted", under, 4.5] as const,
      ["line", under, 3] as const,
      ...healths.map((health) => [health, under, 4.5] as const),
    ]),
    ...healths.map((health) => ["on", health, 4.5] as const),
  ];
  for (const mode of ["light", "dark"] as const)
    test.each(pairs)(`${mode}: %s on %s`, (over, under, least) => {
      const palette = palettes[mode];
      expect(contrast(palette[over], palette[under])).toBeGreaterThanOrEqual(least);
    });

  test("is 21 between black and white, and 1 between alike", () => {
    expect([contrast("#000000", "#ffffff"), contrast("#167036", "#167036")]).toEqual([21, 1]);
  });
});

/** The contrast ratio of two colours (WCAG 2.2, "contrast ratio" and "relative luminance"). */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
