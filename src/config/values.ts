import { DbstashError } from "../errors.ts";
import { Secret } from "./secret.ts";

/**
 * Makes a setting's value of its text.
 * @throws DbstashError for a text that it does not take, as the rest of a sentence that names the setting. One that
 * begins with `must be` gets the text in front of it where that may be shown; by itself it never holds a secret.
 */
export type Parser<T> = (text: string) => T;

/**
 * A parser from one that returns undefined, or throws DbstashError, for a text it does not take.
 * @param must what the value must be, as the end of a sentence; a DbstashError's own words win.
 */
export function parsed<T>(must: string, parse: (text: string) => T | undefined): Parser<T> {
  return (text) => {
    const value = parse(text);
    if (value === undefined) throw new DbstashError(`must be ${must}`);
    return value;
  };
}

/** Any text; what an empty value means is decided before (an empty value is an unset value). */
export function text(): Parser<string> {
  return (value) => value;
}

/** A text that never prints. */
export function secretText(): Parser<Secret> {
  return (value) => new Secret(value);
}

/** One of the given words, in any case. */
export function oneOf<const W extends readonly string[]>(words: W): Parser<W[number]> {
  const list = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return parsed<W[number]>(list, (value) => words.find((word) => word === value.toLowerCase()));
}

/** A whole number within bounds, digits only: `7d` is none. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): Parser<number> {
  const must =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${min} or more`
      : `a whole number from ${min} to ${max}`;
  return parsed(must, (value) => {
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

/** A umask as a shell prints it: one to four octal digits. */
export function umask(): Parser<number> {
  return parsed("a umask in octal such as 077 or 027", (value) =>
    /^0?[0-7]{1,3}$/.test(value) ? Number.parseInt(value, 8) : undefined,
  );
}

const booleans = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["off", false],
  ["0", false],
]);

/** True or false, by the words people use for them; anything else is an error rather than false. */
export function boolean(): Parser<boolean> {
  return parsed("true or false (also yes, no, on, off, 1, 0)", (value) => booleans.get(value.toLowerCase()));
}

const unitMs = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** A duration as Go's time.ParseDuration writes it (`1h30m`, `45s`, `1.5h`, `0`), in whole milliseconds. */
export function durationMs(): Parser<number> {
  return parsed("a duration such as 45s, 30m or 1h30m, or 0 for none", (value) => {
    if (value === "0") return 0;
    if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(value)) return undefined;
    const parts = [...value.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)];
    const ms = parts.reduce(
      (sum, [, number, unit]) => sum + Number(number) * (unitMs.get(unit ?? "") ?? 0),
      0,
    );
    // setTimeout counts in 32 bits; a longer limit would fire at once.
    return ms <= 2_147_483_647 ? Math.ceil(ms) : undefined;
  });
}

/** Whether a text is a whole path, as rclone's own variable holds one: no base64 of a text begins so. */
export function isConfigPath(text: string): boolean {
  return /^\s*\//.test(text);
}

/** Base64 (standard alphabet, blanks and line ends ignored) of an rclone.conf, decoded; a whole path stays one. */
export function base64Text(): Parser<Secret> {
  return (value) => {
    if (isConfigPath(value)) return new Secret(value);
    const packed = value.replace(/\s+/g, "");
    const isBase64 = packed.length % 4 !== 1 && /^[A-Za-z0-9+/]+={0,2}$/.test(packed);
    const decoded = isBase64 ? Buffer.from(packed, "base64").toString("utf8") : "";
    if (decoded.includes("[") || decoded.includes("RCLONE_ENCRYPT")) return new Secret(decoded);
    const must = "must be the base64 of an rclone.conf (base64 -w0 rclone.conf)";
    if (/^(~|\.{0,2}\/)|\.conf$/.test(packed))
      throw new DbstashError(
        `holds a path that does not begin with /, but ${must}`,
        "write the whole path, best as RCLONE_CONFIG_FILE (--rclone-config-file)",
      );
    throw new DbstashError(must);
  };
}

/** Texts that never print, with white space between them. */
export function secretWords(): Parser<readonly Secret[]> {
  return (value) => value.split(/\s+/).map((word) => new Secret(word));
}

/** A URL, and the word that may stand before it: `ntfy+https://…`. */
export function splitPrefix(text: string): { readonly prefix: string | null; readonly url: string } {
  const [, prefix, url] = /^([a-z0-9]+)\+(https?:\/\/.*)$/is.exec(text) ?? [];
  return prefix === undefined || url === undefined
    ? { prefix: null, url: text }
    : { prefix: prefix.toLowerCase(), url };
}

/** An address of a machine, IPv4 or IPv6, also in brackets and with a zone; `localhost` is 127.0.0.1. */
export function address(): Parser<string> {
  return (value) => {
    const bare = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
    if (bare.toLowerCase() === "localhost") return "127.0.0.1";
    const [, ip = "", zone = ""] = /^([^%]*)(%[\w.-]+)?$/.exec(bare) ?? [];
    const isV4 = /^(\d{1,3})(\.\d{1,3}){3}$/.test(ip);
    // The parser of URLs knows what an address is, and takes no others in these forms.
    const host = isV4 ? URL.parse(`http://${ip}`)?.hostname : URL.parse(`http://[${ip}]`)?.hostname;
    if (isV4 ? host === ip && zone === "" : host !== undefined) return bare;
    const must = "must be an IPv4 or IPv6 address of this machine";
    if (/^([^:]*|\[.*\]):\d+$/.test(value))
      throw new DbstashError(must, "the port goes into HEALTH_PORT (--health-port)");
    throw new DbstashError(must, "leave it out for all addresses");
  };
}

/** What somebody else should have put a value for: `<your-uuid>`, `{{token}}`, `${TOKEN}`, `$TOKEN`. */
const placeholder = /[<>`]|\{\{|\$[({]|\$[A-Z_][A-Z0-9_]{2,}/;

/** What is wrong with a webhook URL, as the rest of a sentence that names the setting; null when it can be used. */
export function checkWebhookUrl(url: string): string | null {
  const protocol = URL.parse(url)?.protocol;
  // A browser takes `https:///host`, too.
  if (protocol === undefined || /\s|^https?:(?!\/\/[^/])/i.test(url)) return "must be a URL";
  if (placeholder.test(url)) return "holds a placeholder, which nothing replaces here";
  return protocol === "https:" || protocol === "http:" ? null : "must begin with https:// or http://";
}
