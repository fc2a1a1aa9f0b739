import { visible } from "../config/secret.ts";
import type { Problem } from "../errors.ts";
import { clip, onOneLine } from "./outgoing.ts";

/** How a run ended, as far as a reader of notifications cares. */
export type Ending = "success" | "warning" | "failure";

/** One label and its value; short ones may stand side by side. */
export interface MessageField {
  readonly label: string;
  readonly value: string;
  readonly short: boolean;
}

/** What a notification says, before a platform gives it a shape. Plain text, without markup. */
export interface Notification {
  readonly ending: Ending;
  /** One line with the status sign. */
  readonly title: string;
  /** Where in the title the database's name stands: it is of other people's making. */
  readonly subject: { readonly at: number; readonly length: number };
  readonly fields: readonly MessageField[];
  /** The cause of a failure and what to do about it; may have several lines. */
  readonly error: string | null;
  readonly finishedAt: Date;
  /** The same for programs: the fields of the summary line, by its names. */
  readonly facts: Facts;
}

/** Values by the names that the log gives them. */
export type Facts = Readonly<Record<string, string | number | null>>;

/** What a notification is made of. */
export interface Parts {
  readonly ending: Ending;
  readonly title: readonly [before: string, database: string, after: string];
  readonly fields: readonly (MessageField | null)[];
  readonly error: Problem | null;
  readonly finishedAt: Date;
  readonly facts: Facts;
}

/** A program's facts are whole, but not without end. */
const longestFact = 10_000;

/** Puts a message together: of texts that anybody can read, without control characters and half characters. */
export function notification({ ending, title, fields, error, finishedAt, facts }: Parts): Notification {
  const [before, database, after] = title;
  const name = onOneLine(clean(database));
  const lines = error === null ? [] : [error.message];
  if (error?.hint !== undefined) lines.push(`hint: ${error.hint}`);
  return {
    ending,
    title: before + name + after,
    subject: { at: before.length, length: name.length },
    fields: fields.flatMap((field) =>
      field === null || field.value.trim() === "" ? [] : [{ ...field, value: clean(field.value) }],
    ),
    error: lines.length === 0 ? null : clean(lines.join("\n")),
    finishedAt,
    facts: Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [
        name,
        typeof value === "string" ? clip(clean(value), longestFact) : value,
      ]),
    ),
  };
}

/** The whole message below its title, as plain text: what went wrong, then the fields, one a line. */
export function textOf({ error, fields }: Notification): string {
  const lines = fields.map(({ label, value }) => `${label}: ${value}`);
  return [...(error === null ? [] : [error, ""]), ...lines].join("\n");
}

function clean(text: string): string {
  return visible(text).toWellFormed();
}
