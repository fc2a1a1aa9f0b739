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

/** What stands before the host of each URL in a text: `joe:pass` of `https://joe:pass@host`. */
const urlUsers = /\b([a-z][a-z0-9+.-]*):\/\/([^\s"<>/?#]*)@/gi;

/** A lone user of these is a database's user. Not of Redis, where a password needs no user, and its colon is forgotten. */
const namesUser = /^(postgres(ql)?|mysql|mariadb|mongodb(\+srv)?)$/i;

/** Whether a text is, or has in it, a URL with a password: before its host, or as a parameter. */
export function holdsUrlPassword(text: string): boolean {
  return /:\/\/[^\s/@]*:[^\s/@]+@|:\/\/\S*[?&]password=/i.test(text);
}

/** Whether a text is a URL that names a user. */
export function isUrlWithUser(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(text);
}

/**
 * The secrets before the host of each URL in a text: the password, or a user without one, which may be a token; in a
 * database's URI it is none.
 */
export function urlSecretsIn(text: string): string[] {
  return [...text.matchAll(urlUsers)].flatMap(([, scheme = "", user = ""]) => {
    const colon = user.indexOf(":");
    if (colon < 0 && namesUser.test(scheme)) return [];
    const secret = colon < 0 ? user : user.slice(colon + 1);
    const clear = decoded(secret);
    return secret === "" ? [] : clear === secret ? [secret] : [secret, clear];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A raw % stands for itself.
    return text;
  }
}

/** Makes foreign text fit to be shown: without secrets, and with control characters written out. */
export type Redact = (text: string) => string;

/** Knows the secrets of a job, and learns of further ones. */
export class Redactor {
  readonly #values = new Set<string>();
  #pattern: RegExp | null = null;

  constructor(values: Iterable<string> = []) {
    this.add(values);
  }

  /** From here on these are secrets, too; none is ever forgotten. */
  add(values: Iterable<string>): void {
    for (const value of values) this.#values.add(value);
    this.#pattern = patternOf(this.#values);
  }

  /** See `Redact`. */
  readonly redact: Redact = (text) => visible(masked(text, this.#pattern));
}

/**
 * A redactor for the given secret values: each is replaced in its raw, its JSON-escaped, its percent-encoded form
 * (whichever characters a tool encodes and in whichever case), and in base64. So are the lines of a value, and the
 * secret parts of one that is a connection string or a signed address. Values of fewer than four characters are not
 * searched for; but what stands before the host of a URL, and behind `Basic` and `Bearer`, is masked whatever it is.
 */
export function redactor(values: Iterable<string>): Redact {
  return new Redactor(values).redact;
}

function masked(text: string, pattern: RegExp | null): string {
  const known = pattern === null ? text : text.replace(pattern, MASK);
  return known
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s"`<>]*@/gi, `$1${MASK}@`)
    .replace(/AGE-SECRET-KEY-[\w-]+/gi, MASK)
    .replace(/\b(Basic|Bearer)(\s+|%20)[\w+/=.~-]{4,}/gi, `$1 ${MASK}`);
}

/** Foreign text with its control characters written out, but for line ends and tabs: a terminal must not obey them. */
export function visible(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu, escaped);
}

/** As JSON and Go write a character that may not stand for itself. */
function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

function patternOf(values: Iterable<string>): RegExp | null {
  const forms = new Set<string>();
  for (const value of values) {
    for (const part of [value, value.trim(), ...linesOf(value), ...partsOf(value)]) {
      if (part.length < SHORTEST_REDACTED) continue;
      const inJson = JSON.stringify(part).slice(1, -1);
      forms.add(part).add(inJson).add(inJson.replace(/[&<>]/g, escaped)).add(base64(part));
    }
  }
  if (forms.size === 0) return null;
  // The longest first, so that a secret holding another one leaves no rest behind.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return new RegExp(ordered.map(percentPattern).join("|"), "g");
}

/** Without its padding, which what follows it in a longer text would change. */
function base64(text: string): string {
  return Buffer.from(text).toString("base64").replace(/=+$/, "");
}

/** A multi-line secret (a key, a config file) shows up line by line in a tool's messages. */
function linesOf(value: string): string[] {
  const lines = value.split("\n").map((line) => line.trim());
  return lines.length === 1 ? [] : lines;
}

/**
 * The secrets in `AccountName=a;AccountKey=b` and in `https://host/path?sv=a&sig=b`; tools show them by themselves.
 * libpq's `sslkey` is none, but a file.
 */
function partsOf(value: string): string[] {
  const parts = value.matchAll(
    /(?:^|[?&;])\s*(?!sslkey=)\w*(?:key|sig|signature|secret|password|pwd|token)=([^&;\s]+)/gi,
  );
  return [...[...parts].map(([, part = ""]) => part), ...urlSecretsIn(value)];
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
