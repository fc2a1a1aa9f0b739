import { type AnyRow, flagOf, groups, optionRows, options } from "../config/options.ts";
import { exitCodes } from "../errors.ts";
import type { EngineName } from "../kinds.ts";

/** The text of `--help`: every setting of this engine with its variable, flag, meaning and default. */
export function helpText(engine: EngineName, title: string): string {
  const rows = optionRows(engine).map(([, row]) => row);
  const sections = groups.map((group) => {
    const lines = rows.filter((row) => row.group === group).map(helpLine);
    return `${group}:\n${lines.join("\n")}`;
  });
  const codes = Object.values(exitCodes).map(
    ({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`,
  );
  return `dbstash-${engine}: back up ${title} to any rclone remote

Usage:
  dbstash-${engine} [flags]               make backups, once or by BACKUP_SCHEDULE
  dbstash-${engine} list [--json]         show this job's backups, newest first
  dbstash-${engine} verify [NAME]         check a stored backup, by default the newest
  dbstash-${engine} healthcheck           ask the running process how it is
  dbstash-${engine} --help | --version

Every setting is a variable and a flag; a flag beats the variable.
Variables marked [file] also exist with _FILE at their end, naming a file that holds the value.

${sections.join("\n\n")}

Exit codes:
${codes.join("\n")}
`;
}

function helpLine(row: AnyRow): string {
  const marks = [row.file ? "[file]" : "", row.secret ? "[secret]" : ""]
    .filter((mark) => mark !== "")
    .join(" ");
  const shown = shownDefault(row);
  const tail = shown === "" ? "" : ` (default: ${shown})`;
  return `  ${flagOf(row.variable)}, ${row.variable}${marks === "" ? "" : ` ${marks}`}\n      ${row.help}${tail}`;
}

function shownDefault(row: AnyRow): string {
  return row.shownDefault ?? row.default ?? "";
}

/** The settings table of the README, as Markdown. @internal */
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
