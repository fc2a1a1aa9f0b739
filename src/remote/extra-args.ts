import type { Problem } from "../errors.ts";

/** `RCLONE_EXTRA_ARGS`, sorted: what may stand in argv, and what carries a secret and so goes by variable. */
export interface ExtraArgs {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly problems: readonly Problem[];
}

/** Flags that would falsify what dbstash reads from rclone or does with it, and why. */
const refused: readonly (readonly [RegExp, string])[] = [
  [/^--config$/, "set RCLONE_CONFIG_FILE (--rclone-config-file) instead"],
  [/^(--dry-run|-n)$/, "rclone would upload nothing and report success; dbstash has DRY_RUN (--dry-run)"],
  [/^(--interactive|-i)$/, "nobody is there to answer"],
  [
    /^--(log-file|use-json-log|progress|progress-terminal-title|log-level|log-format|quiet|stats.*)$/,
    "dbstash reads rclone's log; LOG_LEVEL (--log-level) sets its own",
  ],
  [/^(-P|-q|-vv+)$/, "dbstash reads rclone's log; LOG_LEVEL (--log-level) sets its own"],
  [/^--size$/, "the size of a dump is not known before its end"],
  [
    /^--(include.*|exclude.*|filter.*|files-from.*|min-.*|max-age|max-size|max-depth|ignore-case|hash-filter)$/,
    "a filter would hide backups from retention",
  ],
  [
    /^(--(existing|ignore-existing|immutable|update|compare-dest|copy-dest|backup-dir|suffix)|-u)$/,
    "rclone could leave out what it was to store, or put it elsewhere, and report success",
  ],
];

const secretFlag = /^--[a-z0-9-]*(pass|secret|token|key|bearer|auth|header|sas-url|credentials)[a-z0-9-]*$/;
const noSecret = /(-file|-command|-method|-use-agent|-id|env-auth|-url-auth|-key-path)$/;

/**
 * Sorts the words of `RCLONE_EXTRA_ARGS`. A flag that carries a secret becomes the variable rclone reads the same
 * value from (rclone's docs, "Environment Variables": `--a-b` is `RCLONE_A_B`), so that it stands in no argv.
 */
export function sortExtraArgs(words: readonly string[]): ExtraArgs {
  const args: string[] = [];
  const env: Record<string, string> = {};
  const secrets: string[] = [];
  const problems: Problem[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const equals = word.indexOf("=");
    const flag = word.startsWith("--") && equals > 0 ? word.slice(0, equals) : word;
    const reason = refused.find(([pattern]) => pattern.test(flag))?.[1];
    if (reason !== undefined) {
      problems.push({
        message: `RCLONE_EXTRA_ARGS (--rclone-extra-args) must not hold ${flag}`,
        hint: reason,
      });
    } else if (secretFlag.test(flag) && !noSecret.test(flag)) {
      const value = equals > 0 ? word.slice(equals + 1) : (words[++at] ?? "");
      env[`RCLONE_${flag.slice(2).toUpperCase().replaceAll("-", "_")}`] = value;
      secrets.push(value);
    } else {
      args.push(word);
    }
  }
  return { args, env, secrets, problems };
}
