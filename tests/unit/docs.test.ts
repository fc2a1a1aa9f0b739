import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { exitCodeTable, settingsTable } from "../../src/commands/help.ts";
import { words } from "../../src/commands/words.ts";
import { documents, documentText } from "../support/documents.ts";

const root = join(import.meta.dirname, "../..");
const refresh = "UPDATE_DOCS=1 bun test tests/unit/docs.test.ts writes it";

const generated = [
  { name: "settings", document: "docs/settings.md", table: settingsTable },
  { name: "exit codes", document: "README.md", table: exitCodeTable },
];

for (const { name, document, table } of generated) {
  test(`the table of ${name} in ${document} is the program's own (${refresh})`, () => {
    if (process.env["UPDATE_DOCS"] === "1")
      writeFileSync(join(root, document), replaced(documentText(document), name, table()));
    expect(cells(section(documentText(document), name))).toEqual(cells(table()));
  });
}

test("every row of the settings is found, so that a comparison of nothing can't pass", () => {
  const rows = cells(section(documentText("docs/settings.md"), "settings"));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.map(([variable]) => variable)).toContain("`BACKUP_STALL_TIMEOUT`");
});

test("README.md is read in one go: at most 220 lines", () => {
  expect(documentText("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(220);
});

test("README.md leads to every page of docs", () => {
  const targets = linksOf(documentText("README.md")).map((target) => target.replace(/#.*/, ""));
  const pages = readdirSync(join(root, "docs")).map((name) => `docs/${name}`);
  expect(pages.filter((page) => !targets.includes(page))).toEqual([]);
});

test("links and anchors of the documents lead somewhere", () => {
  const all = [...documents, "CONTRIBUTING.md"];
  expect(all.flatMap((name) => linksOf(documentText(name))).length).toBeGreaterThan(60);
  expect(all.flatMap((name) => deadLinks(name).map((link) => `${name}: ${link}`))).toEqual([]);
});

for (const [text, dead] of [
  ["[x](docs/settings.md#names)", []],
  ["[x](docs/settings.md#no-such-heading)", ["docs/settings.md#no-such-heading"]],
  ["[x](#nowhere) and ![y](docs/none.svg)", ["#nowhere", "docs/none.svg"]],
  ["```sh\n[x](none.md)\n```", []],
] as const)
  test(`of ${JSON.stringify(text)} ${dead.length === 0 ? "no link is" : `${dead.length} are`} dead`, () => {
    expect(deadLinksIn(text, "README.md")).toEqual([...dead]);
  });

test("variables that the documents name exist", () => {
  const known = new Set(cells(settingsTable()).flatMap(([names = ""]) => names.match(/[A-Z_]{3,}/g) ?? []));
  const named = documents.flatMap(
    (name) =>
      documentText(name).match(/\b(BACKUP|DB|DUMP|RETENTION|NOTIFY|HOOK|HEALTH|LOG)_[A-Z_]*[A-Z]\b/g) ?? [],
  );
  expect(named.length).toBeGreaterThan(200);
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});

test("words and flags that the documents' commands use exist", () => {
  const flags = new Set(
    cells(settingsTable()).flatMap(([names = ""]) =>
      (names.match(/[A-Z_]{2,}/g) ?? []).map((name) => `--${name.toLowerCase().replaceAll("_", "-")}`),
    ),
  );
  const own = ["--env-file", "--json", "--notify", "--version", "--help"];
  const calls = documents.flatMap((name) => [
    ...documentText(name).matchAll(/(?<![\w/-])dbstash(?:-(?:pg|mysql|mariadb|mongo|redis))?((?: [\w-]+)+)/g),
  ]);
  const given = calls.map(([, text = ""]) => text.trim().split(" "));
  const first = given.map(([word = ""]) => word).filter((word) => /^[a-z]+$/.test(word));
  expect(first.filter((word) => word in words).length).toBeGreaterThan(20);
  const called = given.flatMap((list) => list.filter((word) => word.startsWith("--")));
  expect(called.filter((flag) => !flags.has(flag) && !own.includes(flag))).toEqual([]);
});

test("messages that troubleshooting quotes are those of the program, or of the tools that it knows", () => {
  const source = allSource();
  const rows = cells(documentText("docs/troubleshooting.md")).filter(([head]) => head?.startsWith("`"));
  const quotes = rows.flatMap(([head = ""]) =>
    [...head.matchAll(/`([^`]+)`/g)].map(([, quote = ""]) => quote),
  );
  expect(quotes.length).toBeGreaterThan(60);
  const pieces = quotes.flatMap((quote) => quote.split("…").map((piece) => piece.trim()));
  const unknown = pieces.filter(
    (piece) => piece.length > 3 && !elsewhere.has(piece) && !source.includes(piece),
  );
  expect(unknown).toEqual([]);
});

/** Words of tools that no advice in the source has, since they come at a restore. */
const elsewhere = new Set(["invalid command \\restrict"]);

test("no document names a registry of packages, or a path of one machine", () => {
  const foreign =
    /registry\.npmjs|pypi\.org|proxy\.golang|deb\.debian|\/work\/|\/root\/\.cache|127\.0\.0\.1:\d{5}/;
  expect(documents.filter((name) => foreign.test(documentText(name)))).toEqual([]);
});

/** What the program can say, as its source has it: expressions within a text are gaps. */
function allSource(): string {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const text = files
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(root, "src", name), "utf8"))
    .join("\n");
  return text.replaceAll(/`\s*\+\s*`|"\s*\+\s*"/g, "");
}

/** What stands between the two markers of a name. */
function section(text: string, name: string): string {
  const [from, to] = [text.indexOf(`<!-- ${name} -->`), text.indexOf(`<!-- /${name} -->`)];
  if (from < 0 || to < from) throw new Error(`there are no markers <!-- ${name} --> … <!-- /${name} -->`);
  return text.slice(from + `<!-- ${name} -->`.length, to);
}

function replaced(text: string, name: string, table: string): string {
  return text.replace(`<!-- ${name} -->${section(text, name)}`, () => `<!-- ${name} -->\n\n${table}\n\n`);
}

/** The cells of a Markdown table without its padding, which the formatter chooses. */
function cells(table: string): string[][] {
  const rows = table.split("\n").filter((line) => line.startsWith("|"));
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^-+$/, "---")),
  );
}

/** Where a text's links and pictures lead, in its prose. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

function deadLinks(document: string): string[] {
  return deadLinksIn(documentText(document), document);
}

/** Links to files of the project that aren't there, and anchors without a heading. */
function deadLinksIn(text: string, document: string): string[] {
  return linksOf(text).filter((target) => {
    if (target.startsWith("https://")) return false;
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? document : relative(root, resolve(root, dirname(document), path));
    if (!existsSync(join(root, file))) return true;
    return anchor !== undefined && !anchorsOf(path === "" ? text : documentText(file)).has(anchor);
  });
}

function anchorsOf(text: string): ReadonlySet<string> {
  const prose = text.replace(/^```.*?^```$/gms, "");
  return new Set(
    [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
