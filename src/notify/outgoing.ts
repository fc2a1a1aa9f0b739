/** One HTTP request as a platform wants it, before it is sent. */
export interface Outgoing {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** None for what is said by the address alone. */
  readonly body?: string;
}

/** A request that posts a value as JSON. */
export function postJson(url: URL, value: object): Outgoing {
  return {
    method: "POST",
    url: url.href,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  };
}

/** At most `max` UTF-16 units of a text, marked where it was cut; never half a character. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** At most `max` bytes of a text in UTF-8, marked where it was cut; never half a character. */
export function clipBytes(text: string, max: number): string {
  if (Buffer.byteLength(text) <= max) return text;
  const mark = "…";
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(max - Buffer.byteLength(mark)));
  return text.slice(0, read) + mark;
}

/** A text on one line. */
export function onOneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
