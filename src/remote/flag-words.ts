import type { Problem } from "../errors.ts";
import { isSwitch, longName } from "./rclone-flags.ts";
import { isSecretKey } from "./rclone-secrets.ts";

/** A flag by its long name, without dashes. */
interface Flag {
  readonly name: string;
  /** What it is set to; null where nothing stands behind it. */
  readonly value: string | null;
}

/** One flag with its words, several letters behind one dash, or a word that is neither. */
export type FlagWord =
  | (Flag & { readonly kind: "long"; readonly shown: string; readonly words: readonly string[] })
  | {
      readonly kind: "letters";
      readonly letters: readonly Flag[];
      readonly shown: string;
      readonly words: readonly string[];
    };

/** A word that belongs to no flag, and what is wrong with it. */
export interface Stray {
  readonly kind: "stray";
  readonly problem: Problem;
}

/**
 * Reads words as rclone's own parser does (pflag): `--name=value`, `--name value`, letters behind one dash of which one
 * with a value takes the rest. A word behind a flag of which nobody here knows whether it takes one is its value.
 */
export function flagWords(words: readonly string[]): (FlagWord | Stray)[] {
  const found: (FlagWord | Stray)[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const next = words[at + 1];
    const read = readWord(word, next, at);
    found.push(read);
    if (read.kind === "long" && read.words.length > 1) at += 1;
    if (read.kind === "letters" && word.endsWith("f") && next !== undefined) at += 1;
  }
  return found;
}

function readWord(word: string, next: string | undefined, at: number): FlagWord | Stray {
  if (word === "")
    return stray("holds an empty word", "write --flag= for an empty value, or leave the word out");
  if (word === "-" || word === "--")
    return stray(`holds ${word} alone`, "leave it out: every word is a flag or its value");
  if (!word.startsWith("-"))
    return stray(
      `has ${at === 0 ? "a first word" : `a word, number ${at + 1},`} that is neither a flag nor a flag's value`,
      "flags begin with --, and one that takes no value has none behind it; write --flag=value, in quotes where the value holds a blank",
    );
  if (!word.startsWith("--")) return { kind: "letters", ...lettersOf(word), words: [word] };
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const shown = `--${name}`;
  if (/\s/.test(name)) {
    const first = name.split(/\s/)[0] ?? "";
    return stray(
      `has --${first} and what follows it as one word`,
      `close the quotes before the blank, or write --${first}=…`,
    );
  }
  if (equals >= 0) return { kind: "long", name, value: word.slice(equals + 1), shown, words: [word] };
  // The next flag is no value of this one, unless that is a secret, which may look like anything and must not be shown.
  const isValue = isSecretFlag(name) || !/^(-[A-Za-z-].*|-?)$/.test(next ?? "");
  const takesNext = next !== undefined && !isSwitch(name) && isValue;
  return {
    kind: "long",
    name,
    value: takesNext ? next : null,
    shown,
    words: takesNext ? [word, next] : [word],
  };
}

/** Whether the value of a flag is a secret: `--s3-secret-access-key`, `--header`. */
export function isSecretFlag(name: string): boolean {
  return isSecretKey(name.replaceAll("-", "_"));
}

/** Letters behind one dash, by their long names; those that dbstash does not know are rclone's to refuse. */
function lettersOf(word: string): { letters: Flag[]; shown: string } {
  const letters: Flag[] = [];
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] ?? "";
    const hasValue = word[at + 1] === "=";
    const takesRest = letter === "f" || hasValue;
    const rest = word.slice(at + (hasValue ? 2 : 1));
    letters.push({ name: longName(letter) ?? letter, value: takesRest ? rest : null });
    if (takesRest) break;
  }
  return { letters, shown: /^-[A-Za-z]*/.exec(word)?.[0] ?? "" };
}

function stray(message: string, hint: string): Stray {
  return { kind: "stray", problem: { message, hint } };
}
