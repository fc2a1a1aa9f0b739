import { type AnyRow, flagOf, groups, optionRows, options } from "../config/options.ts";
import type { Engine } from "../engine/engine.ts";
import { exitCodes } from "../errors.ts";
import { docsAddress } from "./address.ts";
import type { Answer } from "./answer.ts";
import type { CommandLine } from "./command-line.ts";
import { type CommandName, commandNames, wordOf } from "./words.ts";

/** What help says of an engine. */
export type HelpEngine = Pick<Engine, "name" | "title" | "schemes" | "defaultPort" | "needsDatabase">;

/** What the words say that need no settings; null for the others. */
export function wordsWithoutSettings(
  engine: HelpEngine,
  version: string,
  { command, name }: Pick<CommandLine, "command" | "name">,
): Answer | null {
  const code = exitCodes.stored.code;
  if (command === "version") return { code, text: `dbstash-${engine.name} ${version}\n` };
  if (command === "restore") return { code, text: restoreText(engine) };
  if (command !== "help") return null;
  const word = commandNames.find((each) => each === name);
  return { code, text: word === undefined ? helpText(engine) : helpOfWord(word, engine) };
}

/** The text of `--help`: every word, and every setting of this engine with its variable, flag, meaning and default. */
export function helpText(engine: HelpEngine): string {
  const { name, title, schemes, defaultPort, needsDatabase } = engine;
  const rows = optionRows(name).map(([, row]) => row);
  const sections = groups.map((group) => {
    const lines = rows.filter((row) => row.group === group).map((row) => helpLine(row, engine));
    return `${group}:\n${lines.join("\n")}`;
  });
  const program = `dbstash-${name}`;
  const usages = [
    [`${program} [flags]`, "make backups, once or by BACKUP_SCHEDULE"],
    ...commandNames.map((word) => [`${program} ${word} ${wordOf(word).usage}`.trim(), wordOf(word).about]),
  ];
  const width = Math.max(...usages.map(([usage = ""]) => usage.length));
  return `${program}: back up ${title} to any rclone remote

Usage:
${usages.map(([usage = "", about]) => `  ${usage.padEnd(width)}  ${about}`).join("\n")}

Example, one backup into a local folder:
  DB_URI='${schemes[0]}://app:secret@db.example.com:${defaultPort}${needsDatabase ? "/shop" : ""}' ${program} backup --rclone-remote /backups

Every setting is a variable and a flag; a flag beats the variable.
Variables marked [file] also exist with _FILE at their end, naming a file that holds the value.
  --env-file FILE
      reads further variables from a file of NAME=value lines; those of the environment beat them

${sections.join("\n\n")}

Exit codes:
${codeLines(Object.values(exitCodes))}

${program} WORD --help tells more of a word. The documentation: ${docsAddress}
`;
}

/** The text of `list --help` and the like. */
export function helpOfWord(word: CommandName, { name }: HelpEngine): string {
  const { about, usage, switches, more, codes } = wordOf(word);
  const program = `dbstash-${name}`;
  const own = Object.entries(switches).map(([flag, meaning]) => `  --${flag.padEnd(8)} ${meaning}\n`);
  const meanings = Object.entries({ ...general(codes), ...codes });
  const listed = meanings.map(([code, meaning]) => ({ code: Number(code), meaning }));
  const takesSettings = usage.includes("[flags]");
  return [
    `${program} ${word}: ${about}\n`,
    `\nUsage:\n  ${`${program} ${word} ${usage}`.trim()}\n`,
    ...(own.length === 0 ? [] : ["\n", ...own]),
    ...(more === "" ? [] : [`\n${more}\n`]),
    `\nExit codes:\n${codeLines(listed)}\n`,
    takesSettings ? `\nFlags are all settings: ${program} --help. The documentation: ${docsAddress}\n` : "",
  ].join("");
}

/** Codes that mean the same for every word that has its own; one without has all of a backup's. */
function general(own: Readonly<Record<number, string>>): Record<number, string> {
  if (Object.keys(own).length === 0)
    return Object.fromEntries(Object.values(exitCodes).map(({ code, meaning }) => [code, meaning]));
  const { code, meaning } = exitCodes.usage;
  return { [code]: meaning };
}

function codeLines(codes: readonly { readonly code: number; readonly meaning: string }[]): string {
  return codes.map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`).join("\n");
}

/** What `restore` says: nothing of ours restores. */
export function restoreText({ name, title }: HelpEngine): string {
  const program = `dbstash-${name}`;
  return `dbstash restores nothing: a backup is a plain file or folder in the format of ${title}, whose own tools restore it.
Which ones, command by command: ${docsAddress}/restore.md
What there is to restore shows ${program} list; whether it is whole, ${program} verify.
`;
}

function helpLine(row: AnyRow, { defaultPort }: HelpEngine): string {
  const marks = [row.file ? "[file]" : "", row.secret ? "[secret]" : ""]
    .filter((mark) => mark !== "")
    .join(" ");
  const shown = row.variable === "DB_PORT" ? String(defaultPort) : shownDefault(row);
  const tail = shown === "" ? "" : ` (default: ${shown})`;
  return `  ${flagOf(row.variable)}, ${row.variable}${marks === "" ? "" : ` ${marks}`}\n      ${row.help}${tail}`;
}

function shownDefault(row: AnyRow): string {
  return row.shownDefault ?? row.default ?? "";
}

/** The settings table of docs/settings.md, as Markdown. @internal */
export function settingsTable(): string {
  const rows = Object.values(options).map((row: AnyRow) => {
    const names = [
      row.variable,
      ...(row.alias === undefined ? [] : [row.alias]),
      ...(row.file ? [`${row.variable}_FILE`] : []),
    ];
    const only = row.engines === undefined ? "" : ` (${row.engines.join(", ")} only)`;
    const shown = shownDefault(row);
    const computed = row.shownDefault !== undefined;
    const cell = shown === "" ? "–" : computed ? shown : `\`${shown}\``;
    return `| ${names.map((name) => `\`${name}\``).join(" ")} | ${cell} | ${escapeCell(row.help + only)} |`;
  });
  return ["| Variable | Default | Meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The exit codes of the README, as Markdown. @internal */
export function exitCodeTable(): string {
  const rows = Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  return ["| Code | Meaning |", "| --- | --- |", ...rows].join("\n");
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}
