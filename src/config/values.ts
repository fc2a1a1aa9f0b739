import * as v from "valibot";
import { DbstashError } from "../errors.ts";
import { Secret } from "./secret.ts";

/** A schema from the text of a setting to its value. Messages never hold the text: it may be a secret. */
export type ValueSchema<T> = v.GenericSchema<string, T>;

/**
 * A schema from a parser that returns undefined, or throws DbstashError, for a text it does not take.
 * @param must what the value must be, as the end of a sentence; a DbstashError's own words win.
 */
export function parsed<T>(must: string, parse: (text: string) => T | undefined): ValueSchema<T> {
  return v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        const value = parse(dataset.value);
        if (value !== undefined) return value;
        addIssue({ message: `must be ${must}` });
      } catch (error) {
        if (!(error instanceof DbstashError)) throw error;
        addIssue({ message: error.hint === undefined ? error.message : `${error.message} (${error.hint})` });
      }
      return NEVER;
    }),
  );
}

/** Any text; what an empty value means is decided before (an empty value is an unset value). */
export function text(): ValueSchema<string> {
  return v.string();
}

/** A text that never prints. */
export function secretText(): ValueSchema<Secret> {
  return parsed("text", (value) => new Secret(value));
}

/** One of the given words, in any case. */
export function oneOf<const W extends readonly string[]>(words: W): ValueSchema<W[number]> {
  const list = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return parsed<W[number]>(list, (value) => words.find((word) => word === value.toLowerCase()));
}

/** A whole number within bounds, digits only: `7d` is none. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): ValueSchema<number> {
  const must =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${min} or more`
      : `a whole number from ${min} to ${max}`;
  return parsed(must, (value) => {
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });
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
export function boolean(): ValueSchema<boolean> {
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
export function durationMs(): ValueSchema<number> {
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

/** A time zone of the IANA data base that this runtime knows. */
export function timeZone(): ValueSchema<string> {
  return parsed("an IANA time zone such as UTC or Europe/Berlin", (value) => {
    // The usual zone needs no look-up (CONTRIBUTING, "Memory").
    if (value === "UTC") return value;
    try {
      new Intl.DateTimeFormat("en", { timeZone: value });
      return value;
    } catch {
      return undefined;
    }
  });
}

/** Base64 (standard alphabet, blanks and line ends ignored), decoded. */
export function base64Text(): ValueSchema<Secret> {
  return parsed("the base64 of an rclone.conf (base64 -w0 rclone.conf)", (value) => {
    const packed = value.replace(/\s+/g, "");
    if (packed.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(packed)) return undefined;
    const decoded = Buffer.from(packed, "base64").toString("utf8");
    return decoded.includes("[") || decoded.includes("RCLONE_ENCRYPT") ? new Secret(decoded) : undefined;
  });
}

/** What is wrong with a webhook URL, as the rest of a sentence that names the setting; null when it can be used. */
export function checkWebhookUrl(url: string): string | null {
  const protocol = URL.parse(url)?.protocol;
  if (protocol === undefined) return "must be a URL";
  return protocol === "https:" || protocol === "http:" ? null : "must begin with https:// or http://";
}
