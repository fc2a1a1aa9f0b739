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

/** Replaces every secret value it knows in free text. */
export type Redact = (text: string) => string;

/**
 * A redactor for the given secret values: each is replaced in its raw, its percent-encoded
 * (as `encodeURIComponent` and as libpq print it) and its JSON-escaped form.
 * Values of fewer than four characters are not searched for.
 */
export function redactor(values: Iterable<string>): Redact {
  const forms = new Set<string>();
  for (const value of values) {
    for (const form of [
      value,
      encodeURIComponent(value),
      encodeURI(value),
      JSON.stringify(value).slice(1, -1),
    ]) {
      if (form.length >= SHORTEST_REDACTED) forms.add(form);
    }
    for (const line of value.split("\n")) {
      // A multi-line secret (a key, a config file) shows up line by line in a tool's messages.
      if (value.includes("\n") && line.trim().length >= 2 * SHORTEST_REDACTED) forms.add(line.trim());
    }
  }
  if (forms.size === 0) return (text) => text;
  // The longest first, so that a secret holding another one leaves no rest behind.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(ordered.map((form) => RegExp.escape(form)).join("|"), "g");
  return (text) => text.replace(pattern, MASK);
}
