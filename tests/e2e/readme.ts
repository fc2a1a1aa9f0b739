import { documents, documentText, fenced } from "../support/documents.ts";
import { type RunOptions, runOk } from "../support/run.ts";

/**
 * The command that the documents give for restoring: the one piece of code in the last cell of the row whose cell
 * "Stored as" names this form.
 * @param page its title, such as `PostgreSQL`
 * @param storedAs what that row's cell before the last contains, such as `` `.sql.zst` `` with its backticks
 */
export function restoreCommand(page: string, storedAs: string): string {
  const rows = pageLines(page)
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  const found = rows.filter((cells) => cells.at(-2)?.includes(storedAs));
  const code = found.flatMap((cells) => [...(cells.at(-1) ?? "").matchAll(/`([^`]+)`/g)]);
  const [command, ...others] = code.map(([, text = ""]) => text.replaceAll("\\|", "|"));
  if (command === undefined || others.length > 0)
    throw new Error(`${page}: ${code.length} commands restore ${storedAs}, and not one`);
  return command;
}

/** The one piece of code in a page's running text that contains this text. */
export function pageCode(page: string, containing: string): string {
  const text = pageLines(page)
    .filter((line) => !line.startsWith("|"))
    .join("\n")
    .replace(/^```.*?^```$/gms, "");
  const found = [...text.matchAll(/`([^`]+)`/g)].filter(([, code = ""]) => code.includes(containing));
  const [code, ...others] = found.map(([, part = ""]) => part);
  if (code === undefined || others.length > 0)
    throw new Error(`${page}: not one piece of code contains ${containing}`);
  return code;
}

/** The one script of README.md itself that contains this text. */
export function frontPageScript(containing: string): string {
  return scriptIn(documentText("README.md"), "README.md", containing);
}

function scriptIn(text: string, where: string, containing: string): string {
  const scripts = [...fenced(text, "sh"), ...fenced(text, "bash")];
  const [script, ...others] = scripts.filter((each) => each.includes(containing));
  if (script === undefined || others.length > 0)
    throw new Error(`${where}: not one script contains ${containing}`);
  return script;
}

/** The one fenced script of a page that contains this text. */
export function pageScript(page: string, containing: string): string {
  return scriptIn(pageLines(page).join("\n"), page, containing);
}

/**
 * Runs text from a document by a shell and returns what it wrote to stdout; throws when it ends with an error.
 * @param words the placeholders (whole words such as `FILE`) and what stands for each; every one must occur
 * @param path folders put first on the PATH
 */
export async function runDocumented(
  text: string,
  {
    words,
    path,
    env,
    shell = "sh",
    ...options
  }: {
    words: Readonly<Record<string, string>>;
    path: readonly string[];
    shell?: "sh" | "bash";
  } & RunOptions,
): Promise<string> {
  let script = text;
  for (const [word, value] of Object.entries(words)) {
    const placeholder = new RegExp(`\\b${word}\\b`, "g");
    if (!placeholder.test(script)) throw new Error(`${word} does not occur in: ${text}`);
    script = script.replace(placeholder, () => `'${value.replaceAll("'", "'\\''")}'`);
  }
  const search = [...path, "/usr/local/bin", "/usr/bin", "/bin"].join(":");
  return runOk([shell, "-e", "-c", script], {
    ...options,
    env: { LANG: "C.UTF-8", ...env, PATH: search },
  });
}

/** The lines of the page with this title. */
function pageLines(title: string): string[] {
  const pages = documents.map(documentText).filter((text) => text.startsWith(`# ${title}\n`));
  const [page, ...others] = pages;
  if (page === undefined || others.length > 0)
    throw new Error(`${pages.length} pages have the title ${title}`);
  return page.split("\n");
}
