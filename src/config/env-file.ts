import { DbstashError, type Problem } from "../errors.ts";

/** What an env file sets, and everything wrong with it. */
export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** Each names the file and the line, and never shows a value. */
  readonly problems: readonly Problem[];
  /** What was left out, by file and line. */
  readonly warnings: readonly string[];
}

/** A name that a shell, Docker, Compose and systemd all take, or that rclone needs for one of its remotes. */
const nameForm = /^[A-Za-z_][\w.+@-]*$/;

const titles = new Map([
  ["\\", "backslash"],
  ["`", "backtick"],
]);

const inSingleQuotes = "put the value in single quotes";

/**
 * Reads a file of `NAME=value` lines, as Docker, Compose and systemd all read it: a leading `export` and one pair of
 * quotes are taken off, in single quotes everything stands for itself. What they read differently is an error for
 * variables of ours; others, such as an application's in its `.env`, are then left out with a warning.
 * @param file as messages name it
 * @param isOurs whether a variable says something to dbstash or the tools it starts
 */
export function parseEnvFile(file: string, text: string, isOurs: (name: string) => boolean): EnvFile {
  const variables = new Map<string, { readonly value: string; readonly line: number }>();
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  for (let index = 0; index < lines.length; index++) {
    const given = lines[index] ?? "";
    const line = index + 1;
    const name = firstName(given);
    try {
      const entry = readLine(given);
      if (entry === null) continue;
      const earlier = variables.get(entry.name);
      if (earlier !== undefined && earlier.value !== entry.value)
        throw new DbstashError(
          `sets ${entry.name} again, to something else than line ${earlier.line}`,
          "remove one of both",
        );
      variables.set(entry.name, { value: entry.value, line: earlier?.line ?? line });
    } catch (error) {
      if (!(error instanceof DbstashError)) throw error;
      const { message, hint } = error;
      if (name === null || isOurs(name) || !isVariable(given)) {
        problems.push({
          message: `${file}, line ${line} ${message}`,
          ...(hint === undefined ? {} : { hint }),
        });
        continue;
      }
      const last = endOfQuoted(lines, index);
      const covered = lines.slice(index + 1, last + 1).map(firstName);
      const ours = covered.find((each) => each !== null && isOurs(each));
      if (ours !== undefined && ours !== null) {
        problems.push({
          message: `${file}, line ${line} opens a quote for ${name} that is not closed before ${ours}`,
          hint: "close it, or leave the variable out of this file",
        });
        continue;
      }
      warnings.push(
        last === index
          ? `${file}, line ${line} ${message}: the variable is left out, for dbstash and the commands it runs`
          : `${file}, lines ${line} to ${last + 1} hold a value of several lines for ${name}, which is left out`,
      );
      index = last;
    }
  }
  return {
    variables: Object.fromEntries([...variables].map(([name, { value }]) => [name, value])),
    problems,
    warnings,
  };
}

/** The name that a line sets, or begins with; null for none. What is in quotes or looks like base64 is none. */
function firstName(line: string): string | null {
  return /^\s*(?:export[ \t]+)?([A-Za-z_]\w*)(?=[ \t]*=|[ \t:]|\s*$)/.exec(line)?.[1] ?? null;
}

/** Whether a line sets a variable or names one, and is not the rest of a value of several lines. */
function isVariable(line: string): boolean {
  return line.includes("=") || /^\s*(?:export\s+)?[A-Z_][A-Z0-9_]*\s*$/.test(line);
}

/** The line at which a quote is closed that a value opens; the same line where that is not so. */
function endOfQuoted(lines: readonly string[], at: number): number {
  const [, quote, rest] = /^\s*(?:export[ \t]+)?[A-Za-z_]\w*\s*=\s*(['"])(.*)$/.exec(lines[at] ?? "") ?? [];
  if (quote === undefined || rest === undefined || rest.includes(quote)) return at;
  const end = lines.findIndex((line, index) => index > at && line.includes(quote));
  return end < 0 ? at : end;
}

/** @throws DbstashError with what is wrong, as the rest of a sentence that names the line */
function readLine(given: string): { readonly name: string; readonly value: string } | null {
  const line = given.replace(/^[ \t]+|[ \t\r]+$/g, "");
  if (line === "" || line.startsWith("#")) return null;
  if (line.includes("\uFFFD")) throw new DbstashError("holds bytes that are not UTF-8", "save it as UTF-8");
  if (/[\0\r]/.test(line)) throw new DbstashError("holds a control character");
  const at = line.indexOf("=");
  if (at < 0)
    throw new DbstashError(
      "has no =",
      "each line is NAME=value, a comment that begins with #, or empty; a value has one line",
    );
  const isExported = /^export[ \t]/.test(line);
  const before = line.slice(0, at).replace(/^export[ \t]+/, "");
  const name = before.trimEnd();
  // What is no name may be a part of a secret of several lines.
  if (!nameForm.test(name)) throw new DbstashError("has no variable's name before its =");
  if (before !== name) throw new DbstashError(`has a blank before its =, behind ${name}`, `write ${name}=…`);
  return { name, value: valueOf(name, line.slice(at + 1), isExported) };
}

function valueOf(name: string, given: string, isExported: boolean): string {
  const text = given.replace(/^[ \t]+/, "");
  const quote = /^['"]/.exec(text)?.[0];
  if (quote === undefined) {
    refuseComment(name, given);
    refuseOthers(name, text);
    refuseUnquoted(name, text, isExported);
    return text;
  }
  const end = text.indexOf(quote, 1);
  if (end < 0)
    throw new DbstashError(
      `opens a quote for ${name} that is not closed on it`,
      "a value has one line; one of several goes into a file that the variable with _FILE at its end names",
    );
  const [value, rest] = [text.slice(1, end), text.slice(end + 1)];
  if (quote === '"') refuseOthers(name, value);
  refuseComment(name, rest);
  if (rest !== "")
    throw new DbstashError(
      `has text behind the closing quote of ${name}`,
      quote === "'"
        ? "a single quote within single quotes can't be written here: use double quotes"
        : "put the value in single quotes, in which double quotes stand for themselves",
    );
  return value;
}

/** To some a comment, to others a part of the value. */
function refuseComment(name: string, text: string): void {
  if (/[ \t]#/.test(text))
    throw new DbstashError(
      `has a # behind the value of ${name}, which not all take for a comment`,
      `give the comment a line of its own, or ${inSingleQuotes}`,
    );
}

/** To some the beginning of something else, to others a part of the value. */
function refuseOthers(name: string, text: string): void {
  const found = /[$\\`]/.exec(text)?.[0];
  if (found !== undefined)
    throw new DbstashError(
      `has a ${titles.get(found) ?? found} in ${name}, which not all read as it stands`,
      `${inSingleQuotes}, in which everything stands for itself`,
    );
}

/**
 * Quotes within a value, a home folder and a second variable are read in several ways. What a shell alone would end the
 * value at, as the `&` of a URI, Docker, Compose and systemd all take for a part of it.
 */
function refuseUnquoted(name: string, text: string, isExported: boolean): void {
  const quotes = new Set(text.match(/['"]/g));
  const other = quotes.has("'") ? "put the value in double quotes" : inSingleQuotes;
  const hint =
    quotes.size < 2
      ? other
      : "a value with both kinds of quotes can't be written here: put a command into a script, a secret into a file";
  const refuse = (what: string, instead = hint): never => {
    throw new DbstashError(`has ${what}, which not all read as it stands`, instead);
  };
  if (quotes.size > 0) refuse(`a quote within the value of ${name}`);
  if (/(^|:)~/.test(text)) refuse(`a ~ in ${name} outside of quotes`);
  if (/^\S*[ \t]+[A-Za-z_]\w*\+?=/.test(text))
    refuse(`a second variable behind the value of ${name}`, `give it a line of its own, or ${hint}`);
  if (isExported && /[ \t]/.test(text)) refuse(`a blank in ${name} outside of quotes, behind export`);
}
