import { holdsUrlPassword, urlSecretsIn } from "../config/secret.ts";
import type { Problem } from "../errors.ts";
import { type FlagWord, flagWords, isSecretFlag } from "./flag-words.ts";
import { readingNothing } from "./rclone-environment.ts";
import { costOf, type FlagRule, flagVariable, reasonOf, ruleOf } from "./rclone-flags.ts";
import { programSecrets, proxySecrets } from "./rclone-secrets.ts";

/** `RCLONE_EXTRA_ARGS`, sorted: what may stand in argv, and what carries a secret and so goes by variable. */
export interface ExtraArgs {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

const setting = "RCLONE_EXTRA_ARGS (--rclone-extra-args)";

/** A command for a password: its whole text is a secret, and it must not read the dump. */
const passwordCommand = /^password-command$/;

/** Flags that go by variable though their value need be no secret: there may be one in it. */
const proxyFlag = /^(.+-)?(socks|http)-proxy$/;
const programFlag = /(^|-)(ssh|mapper|token-command)$/;

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
  const read = flagWords(words);
  const headers = openHeaders(read);
  for (const word of read.flatMap(harmlessApart)) {
    if (word.kind === "stray") {
      problems.push({ ...word.problem, message: `${setting} ${word.problem.message}` });
      continue;
    }
    if (asksForNothing(word)) continue;
    loudness += loudnessOf(word);
    const rule = refusalOf(word, loudness);
    if (loudness > 1) loudness = 1;
    if (rule?.isHarmless === true) {
      warnings.add(`${setting} holds ${word.shown}, which is left out: ${reasonOf(rule)}`);
      continue;
    }
    if (rule !== null) {
      const message = `${setting} must not hold ${word.shown}`;
      problems.push({ message, hint: reasonOf(rule) });
      continue;
    }
    if (word.kind === "letters" || headers.has(word.name) || !goesByVariable(word)) {
      const cost = word.kind === "letters" ? null : costOf(word.name, word.value);
      if (word.words.some(holdsUrlPassword)) problems.push(urlProblem(word));
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
        hint: `its value may be a secret, and so goes by a variable, which holds one${headerHint(word.name)}`,
      });
    const value = word.value ?? "";
    env[variable] = passwordCommand.test(word.name) ? readingNothing(value) : value;
    secrets.push(...secretsIn(word.name, value));
  }
  return {
    args,
    env,
    secrets: secrets.filter((value) => value !== ""),
    problems,
    warnings: [...warnings],
  };
}

const headerFlag = /^header(-(up|down)load)?$/;

/** Headers that say what is stored and how, and of themselves can't let anybody in. */
const openHeader =
  /^(accept(-\w+)?|cache-control|content-\w+|expires|pragma|prefer|origin|user-agent|x-amz-(acl|storage-class|tagging|request-payer|expected-bucket-owner|website-redirect-location|meta-[\w-]+|grant-[\w-]+|object-lock-[\w-]+)|x-goog-(acl|storage-class|user-project|meta-[\w-]+)|x-ms-(access-tier|blob-\w+|meta-[\w-]+|tags))\s*:/i;

/** Those of `--header` and its like of which several are given, none of which can be a secret: they may stand in argv. */
function openHeaders(words: ReturnType<typeof flagWords>): ReadonlySet<string> {
  const given = words.flatMap((word) => (word.kind === "long" && headerFlag.test(word.name) ? [word] : []));
  const names = given.map(({ name }) => name);
  const several = names.filter((name, at) => names.indexOf(name) !== at);
  return new Set(
    several.filter((name) =>
      given.every((word) => word.name !== name || (word.value !== null && openHeader.test(word.value))),
    ),
  );
}

function headerHint(name: string): string {
  return headerFlag.test(name)
    ? "; of WebDAV and HTTP remotes RCLONE_WEBDAV_HEADERS or RCLONE_HTTP_HEADERS takes several: NAME,value,NAME,value"
    : "";
}

function goesByVariable({ name, value }: Extract<FlagWord, { kind: "long" }>): boolean {
  if (isSecretFlag(name) || passwordCommand.test(name)) return true;
  return value !== "" && (proxyFlag.test(name) || programFlag.test(name));
}

/** What of a value that goes by variable nobody may read elsewhere. */
function secretsIn(name: string, value: string): string[] {
  if (proxyFlag.test(name)) return proxySecrets(value);
  if (!programFlag.test(name)) return [value];
  return [...(/\s/.test(value) ? [value] : []), ...programSecrets(value)];
}

function urlProblem(word: FlagWord): Problem {
  const message = `${setting} holds a password in a URL, which everyone on this machine could read in the process list`;
  if (word.kind === "letters") return { message };
  return { message, hint: `set rclone's own variable instead: ${word.shown} is ${flagVariable(word.name)}` };
}

/**
 * Whether a flag that is not taken is switched off, as by `--dry-run=false`: it is left out, as a variable is. In two
 * words rclone would read it as switched on.
 */
function asksForNothing(word: FlagWord): boolean {
  if (word.kind === "letters" || word.words.length > 1 || !word.value) return false;
  return ruleOf(word.name, word.value)?.off.test(word.value) ?? false;
}

/** Of letters behind one dash those that nothing depends on are words of their own: the others may be refused. */
function harmlessApart<Word extends ReturnType<typeof flagWords>[number]>(word: Word): (Word | FlagWord)[] {
  if (word.kind !== "letters" || word.letters.length < 2) return [word];
  const harmless = word.letters.filter(({ name }) => ruleOf(name, null)?.isHarmless === true);
  const others = word.letters.filter((letter) => !harmless.includes(letter));
  if (harmless.length === 0 || !/^-[A-Za-z]+$/.test(word.words.join(" "))) return [word];
  const text = (given: string): FlagWord => ({
    kind: "letters",
    letters: given === "-q" ? harmless.slice(0, 1) : others,
    shown: given,
    words: [given],
  });
  return [text("-q"), ...(others.length === 0 ? [] : [text(word.shown.replaceAll("q", ""))])];
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
