const MASK = "[secret]";

/** Shorter values would blank out ordinary words of a log line. */
const SHORTEST_REDACTED = 4;

/** A string that shows itself only when asked by name: it prints, logs and serialises as a mask. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value in clear, for the environment or a private file of a child. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}

/** A URL's part before its host, which may hold a raw `/` or `@`: `scheme://`, then user and password. */
const urlUser = /\b[a-z][a-z0-9+.-]*:\/\/([^\s"'/?#@]*)@/i;

/** Whether a text is, or has in it, a URL with a password: before its host, or as a parameter. */
export function holdsUrlPassword(text: string): boolean {
  return /:\/\/[^\s/@]*:[^\s/@]+@|:\/\/\S*[?&]password=/i.test(text);
}

/** Whether a text is a URL that names a user. */
export function isUrlWithUser(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(text);
}

/** The password before the host of the URL that a text is; null where there is none. */
export function urlPasswordOf(text: string): string | null {
  const user = urlUser.exec(text)?.[1] ?? "";
  const colon = user.indexOf(":");
  return colon < 0 || colon === user.length - 1 ? null : user.slice(colon + 1);
}

/** Replaces every secret value it knows in free text. */
export type Redact = (text: string) => string;

/**
 * A redactor for the given secret values: each is replaced in its raw, its JSON-escaped and its percent-encoded form,
 * whichever characters a tool encodes and in whichever case. So are the lines of a value, and the secret parts of
 * one that is a connection string or a signed address.
 * Values of fewer than four characters are not searched for.
 */
export function redactor(values: Iterable<string>): Redact {
  const forms = new Set<string>();
  for (const value of values) {
    for (const part of [value, ...linesOf(value), ...partsOf(value)]) {
      if (part.length >= SHORTEST_REDACTED) forms.add(part).add(JSON.stringify(part).slice(1, -1));
    }
  }
  if (forms.size === 0) return (text) => text;
  // The longest first, so that a secret holding another one leaves no rest behind.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(ordered.map(percentPattern).join("|"), "g");
  return (text) => text.replace(pattern, MASK);
}

/** A multi-line secret (a key, a config file) shows up line by line in a tool's messages. */
function linesOf(value: string): string[] {
  const lines = value.split("\n").map((line) => line.trim());
  return lines.length === 1 ? [] : lines.filter((line) => line.length >= 2 * SHORTEST_REDACTED);
}

/**
 * The secrets in `AccountName=a;AccountKey=b` and in `https://host/path?sv=a&sig=b`; tools show them by themselves.
 * libpq's `sslkey` is none, but a file.
 */
function partsOf(value: string): string[] {
  const parts = value.matchAll(
    /(?:^|[?&;])\s*(?!sslkey=)\w*(?:key|sig|signature|secret|password|pwd|token)=([^&;\s]+)/gi,
  );
  return [...parts].map(([, part = ""]) => part).filter((part) => part.length >= 2 * SHORTEST_REDACTED);
}

/** Matches a text in which any character but letters, digits and `_` may be percent-encoded (RFC 3986, 2.1). */
function percentPattern(text: string): string {
  // Not `encodeURIComponent`, which leaves some as they are, and throws for half a surrogate pair.
  const encoder = new TextEncoder();
  const characters = [...text].map((character) => {
    const literal = RegExp.escape(character);
    if (/\w/.test(character)) return literal;
    const bytes = [...encoder.encode(character)].map((byte) => byte.toString(16).padStart(2, "0"));
    const encoded = bytes
      .map((hex) => `%${hex.replace(/[a-f]/g, (d) => `[${d}${d.toUpperCase()}]`)}`)
      .join("");
    return `(?:${literal}|${encoded}${character === " " ? "|\\+" : ""})`;
  });
  return characters.join("");
}
