import { urlSecretsIn } from "../config/secret.ts";
import type { Problem } from "../errors.ts";
import { type FlagWord, flagWords, isSecretFlag } from "./flag-words.ts";
import { readingNothing } from "./rclone-environment.ts";
import { costOf, type FlagRule, flagVariable, reasonOf, ruleOf } from "./rclone-flags.ts";

/** `RCLONE_EXTRA_ARGS`, sorted: what may stand in argv, and what carries a secret and so goes by variable. */
export interface ExtraArgs {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

const setting = "RCLONE_EXTRA_ARGS (--rclone-extra-args)";

/** Flags that go by variable though their value need be no secret: the command may hold one, and must not read the dump. */
const byVariable = /^password-command$/;

/**
 * Sorts the words of `RCLONE_EXTRA_ARGS`. A flag that carries a secret becomes the variable rclone reads the same
 * value from, so that it stands in no argv. No message holds a value.
 */
export function sortExtraArgs(words: readonly string[]): ExtraArgs {
  const args: string[] = [];
  const env: Record<string, string> = {};
  const secrets: string[] = [];
  const problems: Problem[] = [];
  const warnings = new Set<string>();
  let loudness = 0;
  for (const word of flagWords(words)) {
    if (word.kind === "stray") {
      problems.push({ ...word.problem, message: `${setting} ${word.problem.message}` });
      continue;
    }
    loudness += loudnessOf(word);
    const rule = refusalOf(word, loudness);
    if (loudness > 1) loudness = 1;
    if (rule !== null) {
      const message = `${setting} must not hold ${word.shown}`;
      problems.push({ message, hint: reasonOf(rule) });
      continue;
    }
    if (word.kind === "letters" || !(isSecretFlag(word.name) || byVariable.test(word.name))) {
      const cost = word.kind === "letters" ? null : costOf(word.name);
      if (cost !== null) warnings.add(`${setting} holds ${word.shown}: ${cost}`);
      args.push(...word.words);
      secrets.push(...word.words.flatMap(urlSecretsIn));
      continue;
    }
    const variable = flagVariable(word.name);
    if (word.value === null)
      problems.push({
        message: `${setting} has no value behind ${word.shown}`,
        hint: `write ${word.shown}=…`,
      });
    else if (env[variable] !== undefined)
      problems.push({
        message: `${setting} must not hold ${word.shown} more than once`,
        hint: "its value may be a secret, and so goes by a variable, which holds one",
      });
    const value = word.value ?? "";
    env[variable] = byVariable.test(word.name) ? readingNothing(value) : value;
    secrets.push(value);
  }
  return {
    args,
    env,
    secrets: secrets.filter((value) => value !== ""),
    problems,
    warnings: [...warnings],
  };
}

/** Twice as loud, rclone logs its own command line. */
function refusalOf(word: FlagWord, loudness: number): FlagRule | null {
  const flags = word.kind === "letters" ? word.letters : [word];
  for (const { name, value } of flags) {
    const rule = name === "verbose" && loudness < 2 ? null : ruleOf(name, value);
    if (rule !== null) return rule;
  }
  return null;
}

/** By how much a word raises `--verbose`, which counts how often it is said. */
function loudnessOf(word: FlagWord): number {
  const flags = word.kind === "letters" ? word.letters : [word];
  const said = flags.filter(({ name }) => name === "verbose");
  return said.reduce((sum, { value }) => sum + (value === null ? 1 : Number(value) || 0), 0);
}
