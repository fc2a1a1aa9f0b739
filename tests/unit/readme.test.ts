import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodeTable, settingsTable } from "../../src/commands/help.ts";

const root = join(import.meta.dirname, "../..");
const readme = join(root, "README.md");
const refresh = "UPDATE_README=1 bun test tests/unit/readme.test.ts writes it";

const generated = { settings: settingsTable, "exit codes": exitCodeTable };

for (const [name, table] of Object.entries(generated)) {
  test(`the README's table of ${name} is the program's own (${refresh})`, () => {
    if (process.env["UPDATE_README"] === "1") writeFileSync(readme, replaced(readText(), name, table()));
    expect(cells(section(readText(), name))).toEqual(cells(table()));
  });
}

test("every settings row of the README is found, so that a comparison of nothing can't pass", () => {
  const rows = cells(section(readText(), "settings"));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.map(([variable]) => variable)).toContain("`BACKUP_STALL_TIMEOUT`");
});

test("links and anchors of the documents lead somewhere", () => {
  const dead = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].flatMap((name) =>
    deadLinks(readFileSync(join(root, name), "utf8")).map((link) => `${name}: ${link}`),
  );
  expect(dead).toEqual([]);
});

test("variables that the README names exist", () => {
  const text = readText();
  const known = new Set(cells(settingsTable()).flatMap(([names = ""]) => names.match(/[A-Z_]{3,}/g) ?? []));
  const named = text.match(/\b(BACKUP|DB|DUMP|RETENTION|NOTIFY|HOOK|HEALTH|LOG)_[A-Z_]*[A-Z]\b/g) ?? [];
  expect(named.length).toBeGreaterThan(50);
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});

function readText(): string {
  return readFileSync(readme, "utf8");
}

/** What stands between the two markers of a name. */
function section(text: string, name: string): string {
  const [from, to] = [text.indexOf(`<!-- ${name} -->`), text.indexOf(`<!-- /${name} -->`)];
  if (from < 0 || to < from) throw new Error(`README.md has no markers <!-- ${name} --> … <!-- /${name} -->`);
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

/** Relative links to files that aren't there, and anchors without a heading. */
function deadLinks(text: string): string[] {
  const anchors = new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\w\s-]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => {
    if (target.startsWith("https://")) return false;
    return target.startsWith("#") ? !anchors.has(target.slice(1)) : !existsSync(join(root, target));
  });
}
