import { DbstashError } from "../errors.ts";

/** A remote and a path as rclone writes them in one text, taken apart. */
export interface ConnectionString {
  /** The remote's name, or `:backend`; null for a local path. */
  readonly head: string | null;
  readonly params: readonly (readonly [key: string, value: string])[];
  /** All before the path: name, parameters and the colon; empty for a local path. */
  readonly before: string;
  readonly path: string;
}

/** What an unquoted URL leaves of itself before its colon. */
const schemeWord = /^(https?|s?ftps?|socks[45]h?|wss?|davs?|smb|s3|tcp)$/i;

/**
 * Takes a remote's text apart by rclone's rules (docs, "Connection strings"; fs/fspath/path.go): a colon before the
 * first slash makes a remote, a leading colon an on-the-fly one, `,key=value` its parameters, quoted where they hold
 * `,` or `:`.
 * @throws DbstashError for an unclosed quote, a parameter without a name or with one rclone takes none of; never
 * quotes a value
 */
export function splitRemote(text: string): ConnectionString {
  const local = { head: null, params: [], before: "", path: text };
  const match = /^(:?[\p{L}\p{N}_.+@ -]+?)([:,])/u.exec(text);
  const firstSlash = text.indexOf("/");
  if (match === null || (firstSlash >= 0 && match[0].length > firstSlash)) return local;
  const head = match[1] ?? "";
  const params: [string, string][] = [];
  let rest = text.slice(match[0].length);
  if (match[2] === ",") {
    do {
      const key = /^[^=:,"'/]*/.exec(rest)?.[0] ?? "";
      checkKey(key);
      rest = rest.slice(key.length);
      let value = "true";
      if (rest.startsWith("=")) [value, rest] = readValue(rest.slice(1));
      params.push([key, value]);
      if (!/^[:,]/.test(rest)) {
        throw new DbstashError(
          "has parameters that no colon ends",
          'they end in a colon before the path: remote,key=value:path; a value that holds , or : stands in quotes: ,pass="a:b"',
        );
      }
      rest = rest.slice(1);
    } while (text[text.length - rest.length - 1] === ",");
  }
  // What a colon in a value has cut off would be a folder, and shown with all that is in it.
  if (params.length > 0 && /,\w+=/.test(rest) && /^\/\/|:/.test(rest))
    throw new DbstashError(
      "has parameters behind a colon, which ends them",
      'a value that holds , or : stands in quotes: ,url="https://host:8443/x"',
    );
  if (rest.startsWith("//") && schemeWord.test(params.at(-1)?.[1] ?? ""))
    throw new DbstashError(
      "has a URL without quotes, which its colon cuts off",
      'a value that holds , or : stands in quotes: ,url="https://host:8443/x"',
    );
  return { head, params, before: text.slice(0, text.length - rest.length), path: rest };
}

/** Quotes a parameter's value so that it may hold any character. */
export function quoteValue(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}

/** Every parameter that stands anywhere in a text of remotes, those of remotes within quotes among them. */
export function parametersIn(text: string): [key: string, value: string][] {
  const found = [
    ...text.matchAll(/,([0-9A-Za-z_.]+)(?:=("(?:[^"]|"")*"|'(?:[^']|'')*'|[^,:"']*)|(?=[,:]))/g),
  ];
  return found.flatMap(([, key = "", raw = "true"]) => {
    const value = unquoted(raw);
    return [[key, value] as [string, string], ...(value === raw ? [] : parametersIn(value))];
  });
}

/**
 * The remotes that a setting such as `remote` or `upstreams` names: what stands before a colon or a comma
 * (rclone's docs, "Union", "Combine").
 */
export function remotesNamedIn(text: string): string[] {
  const names = [
    ...text.matchAll(/(?:^|[\s="'])([\p{L}\p{N}_.+@][\p{L}\p{N}_.+@-]*(?: [\p{L}\p{N}_.+@-]+)*)[:,]/gu),
  ];
  return names.map(([, name = ""]) => name);
}

function checkKey(key: string): void {
  if (/^[0-9A-Za-z_.]+$/.test(key)) return;
  if (key === "")
    throw new DbstashError(
      "has a parameter without a name",
      "parameters are written ,name=value before the colon",
    );
  const meant = key.trim().replaceAll("-", "_").toLowerCase();
  throw new DbstashError(
    "has a parameter whose name holds more than letters, digits and _, which rclone refuses",
    /^[0-9a-z_.]+$/.test(meant) ? `write ${meant}` : "parameters are written ,name=value before the colon",
  );
}

/** A quote is doubled inside a quoted value (rclone's docs, "Connection strings, config and logging"). */
function readValue(text: string): [value: string, rest: string] {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") {
    const end = /[,:]/.exec(text)?.index ?? text.length;
    return [text.slice(0, end), text.slice(end)];
  }
  for (let at = 1; at < text.length; at++) {
    if (text[at] !== quote) continue;
    if (text[at + 1] === quote) at++;
    else return [unquoted(text.slice(0, at + 1)), text.slice(at + 1)];
  }
  throw new DbstashError("has a quote that is not closed");
}

function unquoted(raw: string): string {
  const quote = raw[0];
  return quote === '"' || quote === "'" ? raw.slice(1, -1).replaceAll(quote + quote, quote) : raw;
}
