import * as v from "valibot";
import { DbstashError, type Problem } from "../errors.ts";
import type { EngineName } from "../kinds.ts";
import { type AnyRow, flagOf, type OptionName, optionRows, options, type Settings } from "./options.ts";

/** Where settings come from. */
export interface Sources {
  /** Flags by their name without dashes: `db-host` → value. */
  readonly flags: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a `*_FILE`; throws DbstashError when it can't. */
  readonly readFile: (path: string) => string;
}

/** A setting as it was given, for the dry run: masked where it is a secret. */
export interface ShownSetting {
  readonly variable: string;
  readonly value: string;
  readonly from: "flag" | "environment" | "file" | "default";
}

/** What was read: settings (a wrong one stands at its default), and everything wrong with them. */
export interface Reading {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  readonly shown: readonly ShownSetting[];
  /** The values given for secret settings, in clear, for redaction. */
  readonly secrets: readonly string[];
}

interface Given {
  readonly text: string;
  readonly from: ShownSetting["from"];
}

/**
 * Reads all settings: flag beats environment beats default, `X_FILE` beats `X` within the same source,
 * an empty value is an unset one. Reports every problem, each with the variable and its flag.
 */
export function readSettings(engine: EngineName, sources: Sources): Reading {
  const problems: Problem[] = [];
  const shown: ShownSetting[] = [];
  const secrets: string[] = [];
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const [name, row] of optionRows(engine)) {
    let given: Given | null = null;
    try {
      given = find(row, sources);
    } catch (error) {
      if (!(error instanceof DbstashError)) throw error;
      problems.push({
        message: `${row.variable}_FILE (${flagOf(row.variable)}-file) ${error.message}`,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
    }
    if (given !== null && row.secret) secrets.push(given.text);
    const text = given?.text ?? row.default;
    if (text !== null)
      shown.push({
        variable: row.variable,
        value: row.secret ? "[secret]" : text,
        from: given?.from ?? "default",
      });
    values[name] = text === null ? null : check(row, text, problems);
  }
  // Settings of other engines are absent from the rows: they stand at their defaults.
  for (const [name, row] of Object.entries(options) as [OptionName, AnyRow][]) {
    if (!(name in values)) values[name] = row.default === null ? null : v.parse(row.schema, row.default);
  }
  return {
    settings: Object.freeze(values) as Settings,
    problems,
    warnings: strangers(sources.env),
    shown,
    secrets,
  };
}

function find(row: AnyRow, { flags, env, readFile }: Sources): Given | null {
  const names = row.alias === undefined ? [row.variable] : [row.variable, row.alias];
  const places: [(variable: string) => string | undefined, ShownSetting["from"]][] = [
    [(variable) => flags.get(flagOf(variable).slice(2)), "flag"],
    [(variable) => env[variable], "environment"],
  ];
  for (const [get, from] of places) {
    const path = row.file ? get(`${row.variable}_FILE`) : undefined;
    // The line end that editors and `echo` leave is no part of a secret.
    if (path) return { text: readFile(path).replace(/\r?\n$/, ""), from: "file" };
    for (const name of names) {
      const text = get(name);
      if (text) return { text, from };
    }
  }
  return null;
}

/** The value, or the default's where the given text is wrong, so that later checks can go on. */
function check(row: AnyRow, text: string, problems: Problem[]): unknown {
  const result = v.safeParse(row.schema, text);
  // No tool can be told one: it ends a string of the C library's.
  const holdsNul = text.includes("\0");
  if (result.success && !holdsNul) return result.output;
  const problem = holdsNul ? "holds a NUL character" : result.issues?.[0].message;
  problems.push({ message: `${row.variable} (${flagOf(row.variable)}) ${problem}` });
  return row.default === null ? null : v.parse(row.schema, row.default);
}

/** Beginnings of names that hardly any other program's variables have. */
const ownPrefix = /^(BACKUP|RETENTION|NOTIFY|DUMP)_/;

/** A name of others', too, that is one of ours but for this many edits is most likely meant to be it. */
const strangerEdits = 2;

/** Variables that look like a setting and are none: most likely a typo, of no effect. */
function strangers(env: Sources["env"]): string[] {
  const known = new Set(
    Object.values(options).flatMap((row: AnyRow) => [
      row.variable,
      `${row.variable}_FILE`,
      ...(row.alias === undefined ? [] : [row.alias]),
    ]),
  );
  return Object.keys(env)
    .filter((name) => !known.has(name))
    .flatMap((name) => {
      const own = ownPrefix.test(name);
      const near = own ? nearest(name, known) : nearest(name, alike(name, known), strangerEdits);
      const meant = near ?? begun(name, known);
      if (meant === null && !own) return [];
      return `${name} is no setting of dbstash and has no effect${meant === null ? "" : `; did you mean ${meant}?`}`;
    });
}

/** Those that begin alike: not every variable is compared with every setting (CONTRIBUTING, "Memory"). */
function alike(name: string, known: ReadonlySet<string>): string[] {
  return [...known].filter((candidate) => candidate.startsWith(name.slice(0, 2)));
}

/** The known name of which `name` is the first words (`HOOK_POST` of `HOOK_POST_BACKUP`), or null. */
function begun(name: string, known: Iterable<string>): string | null {
  if (!name.includes("_")) return null;
  return [...known].find((candidate) => candidate.startsWith(`${name}_`)) ?? null;
}

/** The known name that is a few edits (at most `most`, and a third of it) away from `name`, or null. */
export function nearest(name: string, known: Iterable<string>, most = 3): string | null {
  let best: [string, number] | null = null;
  for (const candidate of known) {
    const limit = Math.min(most, name.length / 3);
    if (Math.abs(candidate.length - name.length) > limit) continue;
    const distance = editDistance(name, candidate);
    if (distance <= limit && (best === null || distance < best[1])) best = [candidate, distance];
  }
  return best?.[0] ?? null;
}

/** Levenshtein's distance, by the usual two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
