import { DbstashError, type Problem } from "../errors.ts";
import type { EngineName } from "../kinds.ts";
import {
  type AnyRow,
  flagOf,
  type OptionName,
  optionRows,
  options,
  type ReadLink,
  type Settings,
} from "./options.ts";
import { readText, withText } from "./reading.ts";
import { isServiceLink, serviceLinkWarning } from "./service-links.ts";
import { strangers } from "./strangers.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** Where settings come from. */
export interface Sources {
  /** Flags by their name without dashes: `db-host` → value. */
  readonly flags: ReadonlyMap<string, string>;
  readonly env: Variables;
  /** The lines of `--env-file`, below the environment; none when left out. */
  readonly envFile?: Variables;
  /** Reads a `*_FILE`; throws DbstashError when it can't. */
  readonly readFile: (path: string) => string;
  /** Nothing is a link when left out. */
  readonly readLink?: ReadLink;
}

/** A setting as it was given, for the dry run: masked where it is a secret. */
export interface ShownSetting {
  readonly variable: string;
  readonly value: string;
  readonly from: Origin | "file" | "default";
}

type Origin = "flag" | "environment" | "env file";

/** What is wrong with one setting. */
export interface SettingProblem extends Problem {
  readonly option: OptionName;
}

/** What was read: settings (a wrong one stands at its default), and everything wrong with them. */
export interface Reading {
  readonly settings: Settings;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly string[];
  readonly shown: readonly ShownSetting[];
  /** The values given for secret settings, in clear, for redaction. */
  readonly secrets: readonly string[];
}

/** One place that variables come from. */
interface Source {
  readonly from: Origin;
  readonly get: (variable: string) => string | undefined;
}

/** The text of a setting, read. */
interface Given {
  readonly text: string;
  readonly from: ShownSetting["from"];
  /** How a message names what it was read from: `DB_URI_FILE (--db-uri-file)`. */
  readonly named: string;
}

/**
 * Reads all settings: flag beats environment beats env file beats default, `X_FILE` beats `X` within the same source,
 * an empty value is an unset one. Reports every problem, each with the variable and its flag.
 */
export function readSettings(engine: EngineName, sources: Sources): Reading {
  const { env, envFile = {}, readLink = () => null } = sources;
  const problems: SettingProblem[] = [];
  const warnings = [...strangers({ ...envFile, ...env })];
  const shown: ShownSetting[] = [];
  const secrets: string[] = [];
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const [option, row] of optionRows(engine)) {
    const read = <T>(use: () => T): T | null => {
      try {
        return use();
      } catch (error) {
        if (!(error instanceof DbstashError)) throw error;
        const { message, hint } = error;
        problems.push({ option, message, ...(hint === undefined ? {} : { hint }) });
        return null;
      }
    };
    const given = read(() => find(row, sources, { secrets, warnings }));
    if (given !== null) shown.push(shownSetting(row, given));
    else if (row.default !== null)
      shown.push({ variable: row.variable, value: row.default, from: "default" });
    const value = given === null ? null : read(() => valueOf(row, given, readLink));
    values[option] = value ?? defaultOf(row);
  }
  // Settings of other engines are absent from the rows: they stand at their defaults.
  for (const [option, row] of Object.entries(options) as [OptionName, AnyRow][]) {
    if (!(option in values)) values[option] = defaultOf(row);
  }
  return { settings: Object.freeze(values) as Settings, problems, warnings, shown, secrets };
}

/** Whether a setting would take this text. */
export function isTaken(row: AnyRow, text: string): boolean {
  try {
    row.parse(readText(row.reading, row.secret ?? false, text), () => null);
    return true;
  } catch (error) {
    if (error instanceof DbstashError) return false;
    throw error;
  }
}

function sourcesInOrder({ flags, env, envFile = {} }: Sources): readonly Source[] {
  return [
    { from: "flag", get: (variable) => flags.get(flagOf(variable).slice(2)) },
    { from: "environment", get: (variable) => env[variable] },
    { from: "env file", get: (variable) => envFile[variable] },
  ];
}

interface Told {
  readonly secrets: string[];
  readonly warnings: string[];
}

/** The text of a setting, from the first source that has one. @throws DbstashError, a whole sentence, for one that can't be read */
function find(row: AnyRow, sources: Sources, { secrets, warnings }: Told): Given | null {
  const { variable, alias, secret: isSecret = false, secretsIn = (text) => [text] } = row;
  for (const { get, from } of sourcesInOrder(sources)) {
    const file = `${variable}_FILE`;
    const path = row.file ? told(file, () => readText("path", false, get(file) ?? "")) : "";
    if (path !== "") {
      const given = told(file, () => sources.readFile(path));
      const text = told(file, () => inFile(path, () => known(given)));
      if (text !== "") return { text, from: "file", named: nameOf(file) };
      throw new DbstashError(`${nameOf(file)} names ${path}, which is empty`);
    }
    for (const name of alias === undefined ? [variable] : [variable, alias]) {
      const given = get(name) ?? "";
      if (from === "environment" && isServiceLink(name, given)) {
        warnings.push(serviceLinkWarning(name, given));
        continue;
      }
      const text = told(name, () => known(given));
      if (text !== "") return { text, from, named: nameOf(name) };
    }
  }
  return null;

  function known(given: string): string {
    if (isSecret && given !== "") secrets.push(...secretsIn(given));
    const text = readText(row.reading, isSecret, given);
    if (isSecret && text !== given && text !== "") secrets.push(...secretsIn(text));
    return text;
  }
}

/** What is wrong with the text in a file says which file it is. */
function inFile<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof DbstashError)) throw error;
    throw new DbstashError(`names ${path}, whose text ${error.message}`, error.hint);
  }
}

/** What is wrong with a setting names it. */
function told<T>(variable: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof DbstashError)) throw error;
    throw new DbstashError(`${nameOf(variable)} ${error.message}`, error.hint);
  }
}

function nameOf(variable: string): string {
  return `${variable} (${flagOf(variable)})`;
}

/** @throws DbstashError, a whole sentence */
function valueOf(row: AnyRow, { text, named }: Given, readLink: ReadLink): unknown {
  try {
    return row.parse(text, readLink);
  } catch (error) {
    if (!(error instanceof DbstashError)) throw error;
    const { message, hint } = withText(error, row.reading, row.secret ?? false, text);
    throw new DbstashError(`${named} ${message}`, hint);
  }
}

function defaultOf(row: AnyRow): unknown {
  return row.default === null ? null : row.parse(row.default, () => null);
}

function shownSetting(row: AnyRow, { text, from }: Given): ShownSetting {
  return { variable: row.variable, value: row.secret ? "[secret]" : text, from };
}
