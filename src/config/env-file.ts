import { DbstashError, type Problem } from "../errors.ts";

/** What an env file sets, and everything wrong with it. */
export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** Each names the file and the line, and never shows a value. */
  readonly problems: readonly Problem[];
}

/** A name that a shell, Docker, Compose and systemd all take, or that rclone needs for one of its remotes. */
const nameForm = /^[A-Za-z_][\w.+@-]*$/;

const titles = new Map([
  ["\\", "backslash"],
  ["`", "backtick"],
]);

const inSingleQuotes = "put the value in single quotes";

/**
 * Reads a file of `NAME=value` lines, as a shell, Docker, Compose and systemd all read it: a leading `export` and one
 * pair of quotes are taken off, in single quotes everything stands for itself. What they read differently is an error.
 * @param file as messages name it
 */
export function parseEnvFile(file: string, text: string): EnvFile {
  const variables = new Map<string, { readonly value: string; readonly line: number }>();
  const problems: Problem[] = [];
  for (const [index, given] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const line = index + 1;
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
      problems.push({
        message: `${file}, line ${line} ${message}`,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }
  return {
    variables: Object.fromEntries([...variables].map(([name, { value }]) => [name, value])),
    problems,
  };
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

/** Outside of quotes a shell ends the value at one of these, starts another variable or program, or takes them off. */
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
  const sign = /[;&|()<>]/.exec(text)?.[0];
  if (sign !== undefined) refuse(`a ${sign} in ${name} outside of quotes`);
  if (quotes.size > 0) refuse(`a quote within the value of ${name}`);
  if (/(^|:)~/.test(text)) refuse(`a ~ in ${name} outside of quotes`);
  if (/^\S*[ \t]+[A-Za-z_]\w*\+?=/.test(text))
    refuse(`a second variable behind the value of ${name}`, `give it a line of its own, or ${hint}`);
  if (isExported && /[ \t]/.test(text)) refuse(`a blank in ${name} outside of quotes, behind export`);
}
