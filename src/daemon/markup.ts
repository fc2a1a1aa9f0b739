import { visible } from "../config/secret.ts";

/** Markup that is whole in itself. Only `markup` and `raw` make it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template of markup: a text is escaped, markup is not. */
export type Content = Html | string | number | readonly Html[];

/** Markup out of a template: whatever text is put into it stands there as text, between tags and in quoted attributes. */
export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  const text = parts.map((part, at) => part + (at < values.length ? textOf(values[at] ?? "") : ""));
  return new Html(text.join(""));
}

/** Markup of our own that holds no foreign text. */
export function raw(text: string): Html {
  return new Html(text);
}

function textOf(value: Content): string {
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(({ text }) => text).join("");
  return escaped(String(value));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text as markup that shows it, with control characters and those that turn the direction of writing written out. */
function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
