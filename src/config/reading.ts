import { DbstashError } from "../errors.ts";
import { expansionIn, placeMistake, templateMistake, uriMistake, withoutEscapes } from "./mistakes.ts";
import { escaped, quoted } from "./quoted.ts";
import { holdsIdentity } from "./recipients.ts";

/** What is done with a text before its setting's own parser sees it. */
interface TextRule {
  /** What is cut off at both ends. */
  readonly cut: RegExp;
  /** A character that no such text holds. */
  readonly refused: RegExp;
  /** Whether quotes are a part of it, or mean something to who reads it. */
  readonly mayBeQuoted: boolean;
  /** Whether an invisible character at an end is a part of it. */
  readonly mayEndInvisibly: boolean;
  /** Whether a message may show it; null: it may hold a secret. */
  readonly shown: ((text: string) => boolean) | null;
  /** What it says that nobody carries out. */
  readonly mistake: (text: string) => DbstashError | null;
  /** Its meaning, where something in it is written for us alone. */
  readonly meant?: (text: string) => string;
}

const bom = "\uFEFF";
const lineEnds = new RegExp(`^[${bom}\\r\\n]+|[${bom}\\r\\n]+$`, "g");
const blanks = new RegExp(`^[${bom} \\t\\r\\n]+|[${bom} \\t\\r\\n]+$`, "g");

/** Blanks that are no blank to other programs, and characters that nobody sees; a variation selector ends an emoji. */
const invisibleEnd =
  /^(?![ \t\r\n])[\p{Z}\p{Cf}\u034F\u115F\u1160\u2800\u3164\uFFA0]|[\p{Z}\p{Cf}\u034F\u115F\u1160\u2800\u3164\uFFA0]$/u;

/** A pair of quotes, also of those that word processors make of them. */
const quotedWhole = /^(?:"(.*)"|'(.*)'|“(.*)”|‘(.*)’|„(.*)[“”])$/s;

const plain: TextRule = {
  cut: blanks,
  refused: /\p{Cc}/u,
  mayBeQuoted: false,
  mayEndInvisibly: false,
  // An address or a list of parameters may hold a password, in whichever setting it stands by mistake.
  shown: (text) => !/[@,]|:\/\//.test(text),
  mistake: () => null,
};

/** Line ends and tabs stand between its parts. */
const ofLines: TextRule = { ...plain, refused: /[^\P{Cc}\t\r\n]/u, shown: null };

const rules = {
  plain,
  /** Kept as it is but for what an editor leaves at the ends of a file. */
  password: {
    ...plain,
    cut: lineEnds,
    refused: /[\0\r\n]/,
    mayBeQuoted: true,
    mayEndInvisibly: true,
    shown: null,
  },
  uri: { ...plain, shown: null, mistake: uriMistake },
  /** Split as a shell would. */
  words: { ...ofLines, mayBeQuoted: true },
  /** Carried out by a shell. */
  shell: { ...ofLines, mayBeQuoted: true },
  lines: ofLines,
  // A URI by mistake may hold a password: whoever reads the path says what is wrong with it.
  path: { ...plain, mistake: (text) => (text.includes("://") ? null : expansionIn(text)) },
  place: { ...plain, mistake: placeMistake, meant: withoutEscapes },
  template: { ...plain, shown: () => true, mistake: templateMistake },
  /** Its parser names what is wrong itself. */
  schedule: { ...plain, shown: () => true },
} as const satisfies Record<string, TextRule>;

/** What kind of text a setting is: by it alone is decided how its value is read. */
export type TextKind = keyof typeof rules;

/**
 * Reads the text of a setting, from wherever it comes: cuts off what is no part of it, and refuses what would be taken
 * for something else than it was meant as.
 * @returns the text; empty where nothing is left of it
 * @throws DbstashError with what is wrong, as the rest of a sentence that names the setting; it never quotes a secret
 */
export function readText(kind: TextKind, isSecret: boolean, given: string): string {
  const rule: TextRule = rules[kind];
  const cut = given.replace(rule.cut, "");
  // A shell takes the CR of an editor's line end for a part of the command.
  const text = kind === "shell" ? cut.replaceAll("\r\n", "\n") : cut;
  const isShown = maybeShown(kind, isSecret, text);
  if (text.includes("\uFFFD")) throw new DbstashError("holds bytes that are not UTF-8", "save it as UTF-8");
  const control = rule.refused.exec(text)?.[0];
  if (control !== undefined) throw new DbstashError(`holds ${nameOf(control)}`);
  const invisible = rule.mayEndInvisibly ? undefined : invisibleEnd.exec(text);
  if (invisible)
    throw new DbstashError(
      `${invisible.index === 0 ? "begins" : "ends"} with the invisible character ${codeOf(invisible[0])}`,
      "type the value instead of pasting it",
    );
  const inner = rule.mayBeQuoted ? null : withoutQuotes(text);
  if (inner !== null) {
    if (inner === "")
      throw new DbstashError("is a pair of quotes", "leave the value empty, or leave the setting out");
    throw new DbstashError(
      "has quotes around it, which nothing takes off here",
      isShown ? `write ${escaped(inner)}` : "write it without them",
    );
  }
  const mistake = rule.mistake(text);
  if (mistake !== null) throw mistake;
  return rule.meant?.(text) ?? text;
}

/** Whether a message may show this text of a setting. */
export function maybeShown(kind: TextKind, isSecret: boolean, text: string): boolean {
  const { shown }: TextRule = rules[kind];
  return !isSecret && shown !== null && !holdsIdentity(text) && shown(text);
}

/** A parser's refusal, with the text it is about where that may be shown: `is "7d", but must be a whole number`. */
export function withText(error: DbstashError, kind: TextKind, isSecret: boolean, text: string): DbstashError {
  if (!error.message.startsWith("must ") || !maybeShown(kind, isSecret, text)) return error;
  return new DbstashError(`is ${quoted(text)}, but ${error.message}`, error.hint);
}

function withoutQuotes(text: string): string | null {
  const match = quotedWhole.exec(text);
  return match === null ? null : (match.slice(1).find((inner) => inner !== undefined) ?? "").trim();
}

function nameOf(control: string): string {
  if (control === "\0") return "a NUL character";
  if (control === "\t") return "a tab";
  return /[\r\n]/.test(control) ? "a line end" : `the control character ${codeOf(control)}`;
}

function codeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
