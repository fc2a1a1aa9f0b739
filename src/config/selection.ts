import { DbstashError, type Problem } from "../errors.ts";
import { nearest } from "./nearest.ts";
import { quoted } from "./quoted.ts";
import { splitQuoted, type WordPart } from "./words.ts";

/** What `@globals` in BACKUP_DATABASES stands for: roles and tablespaces, no database. */
const globalsWord = "@globals";

/** One word of BACKUP_DATABASES: a name, or a pattern of names. */
interface Term {
  readonly text: string;
  /** The one name it stands for, or a pattern of the whole name. */
  readonly wanted: string | RegExp;
}

/** A checked BACKUP_DATABASES. */
export interface Selection {
  /** As it was written. */
  readonly text: string;
  readonly included: readonly Term[];
  readonly excluded: readonly Term[];
  /** Roles and tablespaces are backed up, too. */
  readonly hasGlobals: boolean;
}

/** A database as a selection looks at it. */
export interface Selectable {
  readonly name: string;
  /** The server's own, or its provider's: patterns pass it over, its name does not. */
  readonly isApart: boolean;
}

/** What a selection names that is not there. */
export interface Unmatched {
  /** The word of BACKUP_DATABASES. */
  readonly term: string;
  readonly problem: Problem;
}

/** What a selection comes to on a server. */
export interface Selected<T extends Selectable> {
  /** Sorted by name. */
  readonly chosen: readonly T[];
  readonly unmatched: readonly Unmatched[];
}

/**
 * Reads BACKUP_DATABASES: words as a shell splits them, in which `*` and `?` are wildcards, a leading `!` leaves out,
 * and `@globals` stands for roles and tablespaces. What is in quotes, or behind a backslash, stands for itself.
 * @throws DbstashError with what is wrong, as the rest of a sentence that names the setting
 */
export function parseSelection(text: string): Selection {
  const included: Term[] = [];
  const excluded: Term[] = [];
  let globals: boolean | null = null;
  for (const word of splitQuoted(text)) {
    const isExcluded = opens(word, "!");
    const rest = isExcluded ? withoutFirst(word) : word;
    if (isGlobals(rest)) globals = !isExcluded && globals !== false;
    else (isExcluded ? excluded : included).push(termOf(rest, isExcluded));
  }
  const hasGlobals = globals === true;
  if (included.length === 0 && !hasGlobals)
    throw new DbstashError("names only what to leave out", "name what to back up, too, such as '* !test_*'");
  return { text, included, excluded, hasGlobals };
}

/**
 * The databases that a selection names. What it leaves out wins, and may be nothing; a name or pattern that nothing
 * answers to is told of.
 */
export function select<T extends Selectable>(
  { included, excluded, hasGlobals }: Selection,
  databases: readonly T[],
): Selected<T> {
  const hits = (term: Term): readonly T[] => databases.filter((each) => answers(term, each));
  const unmatched = included
    .filter((term) => hits(term).length === 0)
    .map((term) => ({ term: term.text, problem: missing(term, databases) }));
  const chosen = databases
    .filter((each) => included.some((term) => answers(term, each)))
    .filter(({ name }) => !excluded.some((term) => fits(term, name)))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (chosen.length > 0 || hasGlobals || unmatched.length > 0) return { chosen, unmatched };
  const message = "BACKUP_DATABASES (--backup-databases) leaves out every database that it names";
  return {
    chosen,
    unmatched: [{ term: included.map(({ text }) => text).join(" "), problem: { message } }],
  };
}

/** Whether a selection names this database, wherever it may be: by what is stored no server is asked. */
export function isSelected({ included, excluded }: Selection, database: Selectable): boolean {
  return (
    included.some((term) => answers(term, database)) && !excluded.some((term) => fits(term, database.name))
  );
}

function answers(term: Term, { name, isApart }: Selectable): boolean {
  return fits(term, name) && !(isApart && term.wanted instanceof RegExp);
}

function fits({ wanted }: Term, name: string): boolean {
  return wanted instanceof RegExp ? wanted.test(name) : wanted === name;
}

function missing({ text, wanted: name }: Term, databases: readonly Selectable[]): Problem {
  const setting = "BACKUP_DATABASES (--backup-databases)";
  if (name instanceof RegExp)
    return { message: `${setting}: no database of the server matches ${quoted(text)}` };
  const message = `${setting}: the server has no database ${quoted(name)}, or none that this user can see`;
  if (/[*?]/.test(name))
    return { message, hint: "in quotes * and ? stand for themselves: a pattern is written without" };
  if (/\s/.test(name))
    return { message, hint: "in quotes a blank is a part of the name: several names are written without" };
  const known = databases.map((database) => database.name);
  const similar = known.find((each) => each.toLowerCase() === name.toLowerCase()) ?? nearest(name, known);
  return similar === null ? { message } : { message, hint: `there is ${quoted(similar)}` };
}

function opens([first]: readonly WordPart[], character: string): boolean {
  return first !== undefined && !first.isQuoted && first.text.startsWith(character);
}

function withoutFirst([first, ...rest]: readonly WordPart[]): WordPart[] {
  return [{ text: first?.text.slice(1) ?? "", isQuoted: false }, ...rest];
}

function isGlobals(word: readonly WordPart[]): boolean {
  if (!opens(word, "@")) return false;
  const text = textOf(word);
  if (text === globalsWord) return true;
  throw new DbstashError(
    `has ${quoted(text)}, but only ${globalsWord} begins with @`,
    "a database's name with a leading @ is put in quotes",
  );
}

/** Where a shell's patterns go further than these. */
const refused: readonly (readonly [character: RegExp, problem: string])[] = [
  [/,/, "has a comma, but blanks stand between its names"],
  [/[[\]{}]/, "has brackets, but its patterns know * and ? alone"],
];

function termOf(word: readonly WordPart[], isExcluded: boolean): Term {
  const text = textOf(word);
  if (text === "")
    throw new DbstashError(
      isExcluded ? "has a ! with no name behind it" : "has a pair of quotes without a name",
    );
  const bare = word.filter(({ isQuoted }) => !isQuoted).map((part) => part.text);
  for (const [character, problem] of refused)
    if (bare.some((piece) => character.test(piece)))
      throw new DbstashError(problem, "in quotes it stands for itself");
  if (!bare.some((piece) => /[*?]/.test(piece))) return { text, wanted: text };
  const source = word
    .map((part) => (part.isQuoted ? RegExp.escape(part.text) : wildcards(part.text)))
    .join("");
  return { text, wanted: new RegExp(`^${source}$`, "u") };
}

function wildcards(text: string): string {
  return text
    .split(/([*?])/)
    .map((piece) => (piece === "*" ? "[^]*" : piece === "?" ? "[^]" : RegExp.escape(piece)))
    .join("");
}

function textOf(word: readonly WordPart[]): string {
  return word.map(({ text }) => text).join("");
}
