import type { Problem } from "../errors.ts";

/** `RCLONE_EXTRA_ARGS`, sorted: what may stand in argv, and what carries a secret and so goes by variable. */
export interface ExtraArgs {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly problems: readonly Problem[];
}

const ownLog = "dbstash reads rclone's log; LOG_LEVEL (--log-level) sets its own";

/**
 * Flags that would falsify what dbstash reads from rclone or does with it, and why. Those of one letter may stand
 * together behind one dash, as in `-vn`.
 */
const refused: readonly (readonly [RegExp, string])[] = [
  [/^--config$/, "set RCLONE_CONFIG_FILE (--rclone-config-file) instead"],
  [
    /^(--dry-run|-[A-Za-z]*n[A-Za-z]*)$/,
    "rclone would upload nothing and report success; dbstash has DRY_RUN (--dry-run)",
  ],
  [/^(--interactive|-[A-Za-z]*i[A-Za-z]*)$/, "nobody is there to answer"],
  [/^--(log-file|use-json-log|progress|progress-terminal-title|log-level|log-format|quiet|stats.*)$/, ownLog],
  [/^-[A-Za-z]*[Pq][A-Za-z]*$/, ownLog],
  [/^--size$/, "the size of a dump is not known before its end"],
  [/^--error-on-no-transfer$/, "rclone would fail every listing"],
  [
    /^(--(include.*|exclude.*|filter.*|files-from.*|min-.*|max-age|max-size|max-depth|ignore-case|hash-filter)|-[A-Za-z]*f[A-Za-z]*)$/,
    "a filter would hide backups from retention",
  ],
  [
    /^(--(existing|ignore-existing|immutable|update|compare-dest|copy-dest|backup-dir|suffix)|-[A-Za-z]*u[A-Za-z]*)$/,
    "rclone could leave out what it was to store, or put it elsewhere, and report success",
  ],
];

const secretFlag =
  /^--[a-z0-9-]*(pass|secret|token|key|bearer|auth|header|-sas|credentials|connection-string|access-grant|mnemonic|cookie)[a-z0-9-]*$/;
/** Names of files and the like, and flags that take no value. */
const noSecret =
  /(-file|-command|-method|-use-agent|-id|env-auth|-url-auth|-key-path|use-cookies|ask-password|-v2-auth|-pass-bad-blocks|-auth-owner-only|-auth-redirect)$/;

/**
 * Sorts the words of `RCLONE_EXTRA_ARGS`. A flag that carries a secret becomes the variable rclone reads the same
 * value from (rclone's docs, "Environment Variables": `--a-b` is `RCLONE_A_B`), so that it stands in no argv.
 */
export function sortExtraArgs(words: readonly string[]): ExtraArgs {
  const args: string[] = [];
  const env: Record<string, string> = {};
  const secrets: string[] = [];
  const problems: Problem[] = [];
  let verbosity = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const equals = word.indexOf("=");
    const flag = word.startsWith("-") && equals > 0 ? word.slice(0, equals) : word;
    verbosity += verbosityOf(word);
    // Twice as loud, rclone logs its own command line, and old releases the secrets of a remote.
    const reason = verbosity > 1 ? ownLog : refused.find(([pattern]) => pattern.test(flag))?.[1];
    if (verbosity > 1) verbosity = 1;
    if (reason !== undefined) {
      problems.push({
        message: `RCLONE_EXTRA_ARGS (--rclone-extra-args) must not hold ${flag}`,
        hint: reason,
      });
    } else if (secretFlag.test(flag) && !noSecret.test(flag)) {
      const value = equals > 0 ? word.slice(equals + 1) : (words[++at] ?? "");
      const variable = `RCLONE_${flag.slice(2).toUpperCase().replaceAll("-", "_")}`;
      if (env[variable] !== undefined)
        problems.push({
          message: `RCLONE_EXTRA_ARGS (--rclone-extra-args) must not hold ${flag} more than once`,
          hint: "its value may be a secret, and so goes by a variable, which holds one",
        });
      env[variable] = value;
      secrets.push(value);
    } else {
      args.push(word);
    }
  }
  return { args, env, secrets, problems };
}

/** By how much a word raises `--verbose`, which counts how often it is said. */
function verbosityOf(word: string): number {
  const counted = /^(?:--verbose|-v)=(\d+)$/.exec(word)?.[1];
  if (counted !== undefined) return Number(counted);
  if (word === "--verbose") return 1;
  return /^-[A-Za-z]+$/.test(word) ? word.split("v").length - 1 : 0;
}
