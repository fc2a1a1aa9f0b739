import { isTaken } from "../config/config.ts";
import { nearest, nearestByWords } from "../config/nearest.ts";
import { type AnyRow, flagOf, optionRows } from "../config/options.ts";
import { settingCalled } from "../config/strangers.ts";
import { type Problem, UsageError } from "../errors.ts";
import type { EngineName } from "../kinds.ts";
import { type CommandName, commandNames, type Switch, switchNames, wordOf } from "./words.ts";

/** A command line, read. */
export interface CommandLine {
  /** Null without a word: backups are made as `BACKUP_SCHEDULE` says. */
  readonly command: CommandName | null;
  /** Settings given as flags: `db-host` → value. */
  readonly flags: ReadonlyMap<string, string>;
  /** The file that `--env-file` names. */
  readonly envFile: string | null;
  /** `verify NAME`, `help WORD`. */
  readonly name: string | null;
  readonly switches: ReadonlySet<Switch>;
}

/** The words, sorted by what they are. */
interface Sorted {
  /** Each setting's flag with its value in one word. */
  readonly settings: string[];
  readonly switches: Set<Switch>;
  readonly plain: string[];
  readonly envFiles: string[];
  asked: "help" | "version" | null;
  readonly problems: Problem[];
}

/**
 * Reads the words after the program's name. Each setting is a flag, in both forms (`--flag value`, `--flag=value`);
 * one that is true or false may stand alone. Flags may stand before and after the command's word.
 * @throws UsageError for unknown flags and words (with the nearest name), missing values and stray words
 */
export async function readCommandLine(engine: EngineName, argv: readonly string[]): Promise<CommandLine> {
  const rows = flagRows(engine);
  const { settings, switches, plain, envFiles, asked, problems } = sort(argv, rows);
  const command = commandNames.find((name) => name === plain[0]) ?? null;
  // Whoever asks for help gets it, whatever else is wrong.
  if (asked !== null) return bare(asked, asked === "help" ? command : null);
  const [word, ...following] = plain;
  if (word !== undefined && command === null) problems.push(unknownCommand(word));
  if (command !== null) problems.push(...strayWords(command, following));
  const allowed = command === null ? {} : wordOf(command).switches;
  for (const given of switches) if (!(given in allowed)) problems.push(unknownFlag(`--${given}`, rows));
  problems.push(...contradictions(settings, rows));
  if (envFiles.length > 1) problems.push({ message: "--env-file stands there twice" });
  if (problems.length > 0) throw new UsageError(problems);
  const name = command !== null && wordOf(command).follows === 1 ? (following[0] ?? null) : null;
  const flags = await parse(settings, rows);
  return { command, flags, envFile: envFiles[0] ?? null, name, switches };
}

function bare(command: CommandName, name: string | null): CommandLine {
  return { command, flags: new Map(), envFile: null, name, switches: new Set() };
}

async function parse(
  settings: readonly string[],
  rows: ReadonlyMap<string, AnyRow>,
): Promise<ReadonlyMap<string, string>> {
  if (settings.length === 0) return new Map();
  // Loaded only where it is needed (CONTRIBUTING, "Memory").
  const { parseArgs } = await import("citty");
  const given: Readonly<Record<string, unknown>> = parseArgs(
    [...settings],
    Object.fromEntries([...rows.keys()].map((flag) => [flag, { type: "string" as const }])),
  );
  return new Map(
    [...rows.keys()].flatMap((flag): [string, string][] => {
      const value = given[flag];
      return typeof value === "string" ? [[flag, value]] : [];
    }),
  );
}

/** Every flag of a setting, without its dashes. */
function flagRows(engine: EngineName): Map<string, AnyRow> {
  return new Map(
    optionRows(engine).flatMap(([, row]) => {
      const variables = [
        row.variable,
        ...(row.alias === undefined ? [] : [row.alias]),
        ...(row.file ? [`${row.variable}_FILE`] : []),
      ];
      return variables.map((variable): [string, AnyRow] => [flagOf(variable).slice(2), row]);
    }),
  );
}

/** Flags that are no settings, and what they take. */
const ownFlags: readonly string[] = [
  "--help",
  "--version",
  "--env-file",
  ...switchNames.map((name) => `--${name}`),
];

/**
 * Sorts the words, and brings `--flag value` into the form `--flag=value`: citty takes a value that begins with `--no-`
 * for a flag, accepts unknown flags, and has no flags that may stand alone or take a value.
 */
function sort(argv: readonly string[], rows: ReadonlyMap<string, AnyRow>): Sorted {
  const sorted: Sorted = {
    settings: [],
    switches: new Set(),
    plain: [],
    envFiles: [],
    asked: null,
    problems: [],
  };
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    const [flag = "", ...value] = word.slice(2).split("=");
    const row = word.startsWith("--") ? rows.get(flag) : undefined;
    const next = argv[at + 1];
    const isFlag = next?.startsWith("--") === true && isKnown(next.slice(2).split("=")[0] ?? "", rows);
    const own = switchNames.find((name) => word === `--${name}`);
    if (!word.startsWith("-")) sorted.plain.push(word);
    else if (word === "--help" || word === "-h") sorted.asked ??= "help";
    else if (word === "--version" || word === "-V") sorted.asked ??= "version";
    else if (own !== undefined) sorted.switches.add(own);
    else if (flag === "env-file" && word.startsWith("--")) {
      const file = value.length > 0 ? value.join("=") : isFlag ? undefined : next;
      if (value.length === 0 && file !== undefined) at++;
      if (file === undefined || file === "") sorted.problems.push({ message: "--env-file needs a file" });
      else sorted.envFiles.push(file);
    } else if (row === undefined) {
      sorted.problems.push(unknownFlag(word.split("=")[0] ?? word, rows));
      if (!word.includes("=") && next !== undefined && isValue(next)) at++;
    } else if (value.length > 0) sorted.settings.push(word);
    else if (mayStandAlone(row) && (next === undefined || !isTaken(row, next)))
      sorted.settings.push(`--${flag}=true`);
    else if (next === undefined || isFlag) sorted.problems.push({ message: `--${flag} needs a value` });
    else {
      sorted.settings.push(`--${flag}=${next}`);
      at++;
    }
  }
  return sorted;
}

/** Whether a word behind an unknown flag is most likely its value. */
function isValue(word: string): boolean {
  return !word.startsWith("-") && !commandNames.some((name) => name === word);
}

/** Settings that are given twice, by whichever of their names, with different values. */
function contradictions(settings: readonly string[], rows: ReadonlyMap<string, AnyRow>): Problem[] {
  const given = settings.map((word) => {
    const [flag = "", ...value] = word.slice(2).split("=");
    const { variable, alias } = rows.get(flag) ?? {};
    const isAlias = alias !== undefined && flagOf(alias) === `--${flag}`;
    return { flag: isAlias ? flagOf(variable ?? alias) : `--${flag}`, value: value.join("=") };
  });
  return [...Map.groupBy(given, ({ flag }) => flag)].flatMap(([flag, all]) =>
    new Set(all.map(({ value }) => value)).size < 2
      ? []
      : [{ message: `${flag} stands there twice, with different values`, hint: "leave one of both out" }],
  );
}

function isKnown(flag: string, rows: ReadonlyMap<string, AnyRow>): boolean {
  return rows.has(flag) || ownFlags.some((own) => own === `--${flag}`);
}

function mayStandAlone(row: AnyRow): boolean {
  return row.default === "true" || row.default === "false";
}

function strayWords(command: CommandName, following: readonly string[]): Problem[] {
  const { follows } = wordOf(command);
  if (follows === "any") return [];
  if (command === "help") {
    const word = following.find((each) => !commandNames.some((name) => name === each));
    return word === undefined ? [] : [unknownCommand(word)];
  }
  const stray = following[follows];
  if (stray === undefined) return [];
  return [
    { message: `unexpected word: ${stray}`, hint: "settings are given as flags or variables; see --help" },
  ];
}

function unknownFlag(flag: string, rows: ReadonlyMap<string, AnyRow>): Problem {
  const variable = flag.replace(/^--/, "").toUpperCase().replaceAll("-", "_");
  const known = [...[...rows.keys()].map((name) => `--${name}`), ...ownFlags];
  const called = settingCalled(variable);
  const near = called === null ? nearest(flag, known) : flagOf(called);
  const meant = near === null && flag.startsWith("--") ? nearestByWords(flag, known) : [near ?? flag];
  const isTold = meant.length > 0 && meant[0] !== flag;
  return {
    message: `unknown flag: ${flag}`,
    hint: isTold ? `did you mean ${meant.join(" or ")}?` : "see --help",
  };
}

function unknownCommand(word: string): Problem {
  const near = nearest(word, commandNames);
  return {
    message: `unknown command: ${word}`,
    hint:
      near === null
        ? `commands are ${commandNames.join(", ")}; without one a backup is made as BACKUP_SCHEDULE says`
        : `did you mean ${near}?`,
  };
}
