import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type RunOptions, runOk } from "../support/run.ts";

/**
 * The command that README.md gives for restoring: the one piece of code in the last cell of the row whose cell
 * "Stored as" names this form.
 * @param section the heading's text, such as `PostgreSQL`
 * @param storedAs what that row's cell before the last contains, such as `` `.sql.zst` `` with its backticks
 */
export function restoreCommand(section: string, storedAs: string): string {
  const rows = sectionLines(section)
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  const found = rows.filter((cells) => cells.at(-2)?.includes(storedAs));
  const code = found.flatMap((cells) => [...(cells.at(-1) ?? "").matchAll(/`([^`]+)`/g)]);
  const [command, ...others] = code.map(([, text = ""]) => text.replaceAll("\\|", "|"));
  if (command === undefined || others.length > 0)
    throw new Error(`README.md, ${section}: ${code.length} commands restore ${storedAs}, and not one`);
  return command;
}

/** The one piece of code in a section's running text of README.md that contains this text. */
export function readmeCode(section: string, containing: string): string {
  const text = sectionLines(section)
    .filter((line) => !line.startsWith("|"))
    .join("\n")
    .replace(/^```.*?^```$/gms, "");
  const found = [...text.matchAll(/`([^`]+)`/g)].filter(([, code = ""]) => code.includes(containing));
  const [code, ...others] = found.map(([, part = ""]) => part);
  if (code === undefined || others.length > 0)
    throw new Error(`README.md, ${section}: not one piece of code contains ${containing}`);
  return code;
}

/** The one fenced script of a section in README.md that contains this text. */
export function readmeScript(section: string, containing: string): string {
  const scripts = [
    ...sectionLines(section)
      .join("\n")
      .matchAll(/^```sh\n(.*?)^```$/gms),
  ];
  const [script, ...others] = scripts
    .map(([, text = ""]) => text)
    .filter((text) => text.includes(containing));
  if (script === undefined || others.length > 0)
    throw new Error(`README.md, ${section}: not one script contains ${containing}`);
  return script;
}

/**
 * Runs text from README.md by a shell and returns what it wrote to stdout; throws when it ends with an error.
 * @param words the placeholders (whole words such as `FILE`) and what stands for each; every one must occur
 * @param path folders put first on the PATH
 */
export async function runReadme(
  text: string,
  {
    words,
    path,
    env,
    ...options
  }: { words: Readonly<Record<string, string>>; path: readonly string[] } & RunOptions,
): Promise<string> {
  let script = text;
  for (const [word, value] of Object.entries(words)) {
    const placeholder = new RegExp(`\\b${word}\\b`, "g");
    if (!placeholder.test(script)) throw new Error(`${word} does not occur in: ${text}`);
    script = script.replace(placeholder, () => `'${value.replaceAll("'", "'\\''")}'`);
  }
  const search = [...path, "/usr/local/bin", "/usr/bin", "/bin"].join(":");
  return runOk(["sh", "-e", "-c", script], {
    ...options,
    env: { LANG: "C.UTF-8", ...env, PATH: search },
  });
}

function sectionLines(heading: string): string[] {
  const lines = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8").split("\n");
  const from = lines.indexOf(`## ${heading}`);
  if (from < 0) throw new Error(`README.md has no section ${heading}`);
  const length = lines.slice(from + 1).findIndex((line) => line.startsWith("## "));
  return lines.slice(from + 1, length < 0 ? undefined : from + 1 + length);
}
