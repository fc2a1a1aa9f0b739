import type { ArgsDef, CommandDef } from "citty";
import { isTaken } from "../config/config.ts";
import { nearest } from "../config/nearest.ts";
import { type AnyRow, flagOf, optionRows } from "../config/options.ts";
import { type Problem, UsageError } from "../errors.ts";
import type { EngineName } from "../kinds.ts";

/** The commands besides the backup itself. */
export const commandNames = ["list", "verify", "healthcheck"] as const;

/** A command line, read. */
export interface CommandLine {
  readonly command: "backup" | (typeof commandNames)[number] | "help" | "version";
  /** Settings given as flags: `db-host` → value. */
  readonly flags: ReadonlyMap<string, string>;
  /** `verify NAME`. */
  readonly name: string | null;
  /** `list --json`. */
  readonly json: boolean;
}

/**
 * Reads the words after the program's name. Each setting is a flag, in both forms (`--flag value`, `--flag=value`);
 * one that is true or false may stand alone.
 * @throws UsageError for unknown flags (with the nearest name), missing values and stray words
 */
export async function readCommandLine(engine: EngineName, argv: readonly string[]): Promise<CommandLine> {
  if (argv.length === 0) return outcome("backup");
  if (argv.some((word) => word === "--help" || word === "-h")) return outcome("help");
  if (argv.some((word) => word === "--version" || word === "-V")) return outcome("version");
  const rows = flagRows(engine);
  const problems: Problem[] = [];
  const words = joinValues(argv, rows, problems);
  if (problems.length > 0) throw new UsageError(problems);
  // Loaded only where it is needed (CONTRIBUTING, "Memory").
  const { defineCommand, runCommand } = await import("citty");
  let read: CommandLine | null = null;
  const make = (command: CommandLine["command"], more: ArgsDef = {}): CommandDef =>
    defineCommand({
      meta: { name: command },
      args: { ...Object.fromEntries([...rows.keys()].map((flag) => [flag, { type: "string" }])), ...more },
      run({ args }) {
        const given = [...rows.keys()].flatMap((flag): [string, string][] => {
          const value: unknown = args[flag];
          return typeof value === "string" ? [[flag, value]] : [];
        });
        const name = command === "verify" ? args._[0] : undefined;
        const stray = args._.slice(name === undefined ? 0 : 1);
        if (stray.length > 0)
          throw new UsageError([
            {
              message: `unexpected word: ${stray[0]}`,
              hint: "settings are given as flags or variables; see --help",
            },
          ]);
        read = { command, flags: new Map(given), name: name ?? null, json: args["json"] === true };
      },
    });
  // Without a command among the words the backup is meant: citty would look for one in every value.
  const command = words.find((word) => !word.startsWith("-"));
  const known = commandNames.find((name) => name === command);
  if (command !== undefined && known === undefined) throw new UsageError([unknownCommand(command)]);
  if (words.includes("--json") && known !== "list") throw new UsageError([unknownFlag("--json", rows)]);
  const root = defineCommand({
    subCommands: {
      backup: make("backup"),
      list: make("list", { json: { type: "boolean" } }),
      verify: make("verify"),
      healthcheck: make("healthcheck"),
    },
  });
  const rest = known === undefined ? words : words.toSpliced(words.indexOf(known), 1);
  await runCommand(root, { rawArgs: [known ?? "backup", ...rest] });
  if (read === null)
    throw new UsageError([{ message: "the command line can't be read", hint: "see --help" }]);
  return read;
}

function outcome(command: CommandLine["command"]): CommandLine {
  return { command, flags: new Map(), name: null, json: false };
}

/** Every flag that takes a value, without its dashes. */
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

/**
 * Brings `--flag value` into the form `--flag=value`. citty takes a value that begins with `--no-` for a flag,
 * accepts unknown flags, and has no flags that may stand alone or take a value.
 */
function joinValues(
  argv: readonly string[],
  rows: ReadonlyMap<string, AnyRow>,
  problems: Problem[],
): string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    const [flag = "", ...value] = word.slice(2).split("=");
    const row = rows.get(flag);
    if (!word.startsWith("-") || word === "--json") words.push(word);
    else if (!word.startsWith("--") || row === undefined)
      problems.push(unknownFlag(word.split("=")[0] ?? word, rows));
    else if (value.length > 0) words.push(word);
    else {
      const next = argv[at + 1];
      const isFlag = next?.startsWith("--") === true && rows.has(next.slice(2).split("=")[0] ?? "");
      if (mayStandAlone(row) && (next === undefined || !isTaken(row, next))) words.push(`--${flag}=true`);
      else if (next === undefined || isFlag) problems.push({ message: `--${flag} needs a value` });
      else {
        words.push(`--${flag}=${next}`);
        at++;
      }
    }
  }
  return words;
}

function mayStandAlone(row: AnyRow): boolean {
  return row.default === "true" || row.default === "false";
}

function unknownFlag(flag: string, rows: ReadonlyMap<string, AnyRow>): Problem {
  const near = nearest(
    flag,
    [...rows.keys()].map((name) => `--${name}`),
  );
  return { message: `unknown flag: ${flag}`, hint: near === null ? "see --help" : `did you mean ${near}?` };
}

function unknownCommand(word: string): Problem {
  const near = nearest(word, commandNames);
  return {
    message: `unknown command: ${word}`,
    hint:
      near === null
        ? `commands are ${commandNames.join(", ")}; without one a backup is made`
        : `did you mean ${near}?`,
  };
}
