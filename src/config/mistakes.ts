import { DbstashError } from "../errors.ts";
import { escaped } from "./quoted.ts";
import { isUrlWithUser } from "./secret.ts";

/** Two hex digits between percent signs are an escaped character, and no variable of Windows. */
const variable = /\$(?:[A-Za-z_]\w*|\{[^}]*\}?|\([^)]*\)?)|%(?![0-9A-Fa-f]{2}%)[A-Za-z_]\w*%|`/;

/** What only a shell would carry out: in a path it would stand as it is, and name another folder than was meant. */
export function expansionIn(text: string, commentHint = "leave the comment out"): DbstashError | null {
  const comment = /\s#/.exec(text);
  if (comment !== null)
    return new DbstashError(
      "has a # behind a blank, and a comment there would be a part of the value",
      commentHint,
    );
  if (text.startsWith("~"))
    return new DbstashError("begins with ~, which no shell replaces here", "write the folder's whole path");
  const found = variable.exec(text)?.[0];
  return found === undefined ? null : unreplaced(found);
}

function unreplaced(found: string): DbstashError {
  if (found === "`") return new DbstashError("holds a backtick, which no shell carries out here");
  const name = /^\$\{(\w*)/.exec(found)?.[1];
  const what = found.startsWith("$(") ? "$(…)" : name === undefined ? found : `\${${name}}`;
  return new DbstashError(
    `holds ${what}, which nothing replaces here`,
    "write what it stands for, or let a shell or Compose replace it before",
  );
}

/** A parameter of a remote, its value in quotes where it holds a comma or a colon. */
const parameter = /,[\w-]+=(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|[^,:]*)/g;

/** A place of rclone's: a remote and a path, or a local folder. Values of its parameters mean what they say. */
export function placeMistake(text: string): DbstashError | null {
  const [, scheme = "", path = ""] = /^(:?[\w.+ -]+):\/\/+(.*)$/s.exec(text) ?? [];
  if (scheme !== "" && !isUrlWithUser(text)) return urlMistake(scheme, path);
  const isWithParameters = /^:?[\p{L}\p{N}_.+@ -]+,/u.test(text);
  return expansionIn(isWithParameters ? text.replaceAll(parameter, "") : text, placeCommentHint);
}

const placeCommentHint = "leave the comment out; where it is a folder's name write \\# for the #";

/** A place's text without the backslash by which a `#` behind a blank is told from a comment. */
export function withoutEscapes(text: string): string {
  return text.replace(/(?<=\s)\\#/g, "#");
}

function urlMistake(scheme: string, path: string): DbstashError {
  const message = `begins with ${escaped(scheme)}://, but a remote of rclone's is written without slashes behind its colon`;
  if (/^file$/i.test(scheme)) return new DbstashError(message, `write /${escaped(path)} for a local folder`);
  if (/^(https?|davs?)$/i.test(scheme))
    return new DbstashError(
      message,
      "an address is written as an on-the-fly remote: :webdav,url=https://host/path:folder",
    );
  // A slash within a password leaves the rest of it behind the host.
  const shown = /[@?]/.test(path) ? "…" : escaped(path);
  return new DbstashError(message, `write ${escaped(scheme)}:${shown}`);
}

/** Tokens of `date` and of other programs' templates, and ours for them. */
const strftime = /%[-_0^#E]?[A-Za-z]/;
const tokenHint =
  "times are tokens: {date} is 2026-02-07, {time} 020000, {timestamp} 20260207T020000Z, {ts} Unix seconds";

/** What other programs write for a part of a time: moment.js, Java, ISO 8601. */
const unit = "(?:YYYY|yyyy|YY|yy|MMMM|MMM|MM|mm|DD|dd|HH|hh|SS|ss)";
const separator = "[-_./:T ]*";
/** Two of them, or what is no word even within one: a lone `dd` or `MM` may be a name. */
const foreignFormat = new RegExp(
  `(?<![A-Za-z])${unit}(?:${separator}${unit})+Z?(?![A-Za-z])|` +
    `(?<![A-SU-Z])(?:YYYY|yyyy|YYMM|yyMM|MMDD|MMdd|DDMM|ddMM|HHmm|HHMM)(?:${separator}${unit})*`,
);

function foreignFormatIn(text: string): DbstashError | null {
  const found = foreignFormat.exec(text.replace(/\{[^{}]*\}/g, "\0"))?.[0];
  if (found === undefined) return null;
  const token = !/[HhSs]/.test(found) ? "{date}" : /[YyDd]/.test(found) ? "{timestamp}" : "{time}";
  return new DbstashError(
    `holds ${found}, which nothing replaces here`,
    `write ${token} for it; ${tokenHint}`,
  );
}

/** A name template: times stand in it as tokens of ours alone. */
export function templateMistake(text: string): DbstashError | null {
  const format = /\{(\w+):[^{}]*\}/.exec(text);
  if (format !== null)
    return new DbstashError(`has the token ${escaped(format[0])}, but a token takes no format`, tokenHint);
  if (/\$\(\s*date\b|`\s*date\b/.test(text))
    return new DbstashError("holds a call of date, which no shell carries out here", tokenHint);
  const percent = strftime.exec(text)?.[0];
  if (percent !== undefined)
    return new DbstashError(`holds ${percent}, which nothing replaces here`, tokenHint);
  return expansionIn(text) ?? foreignFormatIn(text);
}

/** A connection URI has no blanks: what stands behind one is a comment that became a part of it. */
export function uriMistake(text: string): DbstashError | null {
  return /\s#/.test(text)
    ? new DbstashError(
        "has a # behind a blank, and a comment there would be a part of the value",
        "leave the comment out; in a password a blank is written as %20 and a # as %23",
      )
    : null;
}
