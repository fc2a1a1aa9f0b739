/** What becomes of a flag's variable: a wish that can't be met, one passed over with a word, one that was not for us. */
export type VariableFate = "error" | "warning" | "silent";

/** Flags of rclone's that dbstash takes neither by themselves nor as `RCLONE_*` or `global.*`, and why. */
export interface FlagRule {
  /** Their long names, without dashes. */
  readonly names: RegExp;
  /** What would come of it, as a clause. */
  readonly why: string;
  /** What to do instead. */
  readonly instead?: string;
  readonly variable: VariableFate;
  /** Values by which a flag or a variable asks for nothing. */
  readonly off: RegExp;
  /** The values that are meant, where it is not each. */
  readonly only?: RegExp;
  /** Nothing of a backup depends on it: as a flag, too, it is passed over with a word. */
  readonly isHarmless?: true;
}

const no = /^(f|false|0|off)$/i;
const noLimit = /^(off|-1)$/i;
const never = /^$/;

const nothing = "rclone could upload nothing, or later, and report success";
const elsewhere = "rclone would store under a name or in a place that dbstash does not know";
const hides = "a filter would hide backups from retention";
const sayWhere =
  "BACKUP_NAME_TEMPLATE (--backup-name-template) and RCLONE_REMOTE (--rclone-remote) say where";
const otherState = "rclone would list and read something else than what is stored";
const limit = "rclone would stop in the middle of an upload or of retention";
const showsSecrets = "rclone would log secrets or names in clear";
const log = "dbstash reads rclone's log";
const logLevel = "LOG_LEVEL (--log-level) sets how much dbstash says";

/**
 * What would falsify a backup, or what dbstash reads of rclone, by rclone 1.60 to 1.76 (docs, "Global flags" and the
 * backends' options; each tried on both). All other flags are the user's: how fast, through what, and where to.
 */
const rules: readonly FlagRule[] = [
  {
    names: /^config$/,
    why: "dbstash tells rclone its configuration itself",
    instead: "set RCLONE_CONFIG_FILE (--rclone-config-file)",
    variable: "silent",
    off: never,
  },
  {
    names: /^dry-run$/,
    why: "rclone would upload nothing and report success",
    instead: "dbstash has DRY_RUN (--dry-run)",
    variable: "error",
    off: no,
  },
  {
    names: /^help$/,
    why: "rclone would print its help, upload nothing and report success",
    variable: "silent",
    off: no,
  },
  {
    names: /^(interactive|(sftp|ftp)-ask-password)$/,
    why: "rclone would ask somebody, and nobody is there to answer",
    variable: "error",
    off: no,
  },
  {
    names: /^ask-password$/,
    why: "rclone would ask for a password, and nobody is there to answer",
    instead: "set RCLONE_CONFIG_PASS for an encrypted rclone.conf",
    variable: "silent",
    off: no,
  },
  {
    names: /^temp-dir$/,
    why: "rclone would spool dumps in clear to a folder that nobody clears",
    instead: "set TMPDIR, below which dbstash makes a private folder for each run",
    variable: "silent",
    off: never,
  },
  {
    names: /^size$/,
    why: "the size of a dump is not known before its end",
    variable: "silent",
    off: no,
  },
  {
    names: /^(immutable|ignore-existing|update|memory-discard|cache-writes)$/,
    why: nothing,
    variable: "error",
    off: no,
  },
  { names: /^max-delete(-size)?$/, why: limit, variable: "error", off: noLimit },
  { names: /^max-transfer$/, why: limit, variable: "warning", off: noLimit },
  {
    names: /^max-duration$/,
    why: limit,
    instead: "dbstash has BACKUP_TIMEOUT (--backup-timeout)",
    variable: "warning",
    off: /^(off|0s?)$/i,
  },
  { names: /^cutoff-mode$/, why: limit, variable: "warning", off: /^hard$/i },
  { names: /^cache-tmp-upload-path$/, why: nothing, variable: "error", off: never },
  {
    names: /-batch-mode$/,
    why: "rclone would report success before anything is stored",
    instead: "use sync or off",
    variable: "error",
    off: never,
    only: /^async$/i,
  },
  {
    names: /^(name-transform|suffix|backup-dir|compare-dest|copy-dest|drive-import-formats)$/,
    why: elsewhere,
    instead: sayWhere,
    variable: "error",
    off: never,
  },
  {
    names:
      /^(suffix-keep-extension|(local-)?links|fix-case|local-unicode-normalization|drive-allow-import-name-change)$/,
    why: elsewhere,
    instead: sayWhere,
    variable: "error",
    off: no,
  },
  {
    names: /^(copy-links|track-renames)$/,
    why: elsewhere,
    instead: sayWhere,
    variable: "warning",
    off: no,
  },
  {
    names: /^track-renames-strategy$/,
    why: elsewhere,
    instead: sayWhere,
    variable: "warning",
    off: never,
  },
  { names: /^local-encoding$/, why: elsewhere, variable: "error", off: never },
  {
    names: /^(alias|archive|cache|chunker|combine|compress|crypt|hasher|union)-(remote|upstreams)$/,
    why: elsewhere,
    instead: "set it in the remote's section of rclone.conf",
    variable: "error",
    off: never,
  },
  {
    names: /^disable$/,
    why: "dbstash would take the remote for one that can do what you switch off",
    variable: "error",
    off: never,
  },
  {
    names: /^((include|exclude|filter|files-from|min-|metadata-(include|exclude|filter)).*|hash-filter)$/,
    why: hides,
    variable: "warning",
    off: never,
  },
  { names: /^max-(age|size)$/, why: hides, variable: "warning", off: noLimit },
  { names: /^max-depth$/, why: hides, variable: "warning", off: /^-1$/ },
  { names: /^(ignore-case|delete-excluded)$/, why: hides, variable: "warning", off: no },
  {
    names:
      /^((?!.*-no-versions).*-versions|s3-version-deleted|.*-trashed-only|drive-(starred-only|shared-with-me|show-all-gdocs)|dropbox-shared-(files|folders)|gphotos-read-only|.*-no-head-object|.*-decompress|local-zero-size-links|crypt-pass-bad-blocks)$/,
    why: otherState,
    variable: "error",
    off: no,
  },
  {
    names: /^.*-version-at$/,
    why: otherState,
    variable: "error",
    off: /^off$/i,
  },
  { names: /^default-time$/, why: otherState, variable: "silent", off: never },
  {
    names: /^(log-(level|format)|stats.*|progress-.*|quiet)$/,
    why: log,
    instead: logLevel,
    variable: "warning",
    off: never,
    isHarmless: true,
  },
  {
    names: /^(use-json-log|log-systemd|progress)$/,
    why: log,
    instead: logLevel,
    variable: "warning",
    off: no,
  },
  {
    names: /^(log-.*|syslog.*|windows-event-log.*)$/,
    why: log,
    instead: logLevel,
    variable: "warning",
    off: never,
  },
  {
    names: /^verbose$/,
    why: "rclone would log its own command line, and old releases the secrets of a remote",
    instead: `say -v once; ${logLevel}`,
    variable: "silent",
    off: never,
  },
  {
    names: /^(dump.*|s3-sdk-log-mode)$/,
    why: showsSecrets,
    variable: "silent",
    off: /^off$/i,
  },
  {
    names: /^crypt-show-mapping$/,
    why: showsSecrets,
    variable: "silent",
    off: no,
  },
  {
    names: /^error-on-no-transfer$/,
    why: "rclone would fail every listing",
    variable: "silent",
    off: no,
  },
  {
    names: /^(rc|rc-.*|metrics-.*|cpuprofile|memprofile)$/,
    why: "dbstash runs several rclones at once, which would meet at one port or file",
    variable: "silent",
    off: never,
  },
];

/** Long names of the flags that have a letter, too. */
const letters: Readonly<Record<string, string>> = {
  n: "dry-run",
  i: "interactive",
  q: "quiet",
  P: "progress",
  f: "filter",
  h: "help",
  u: "update",
  l: "links",
  L: "copy-links",
  v: "verbose",
  c: "checksum",
  I: "ignore-times",
  M: "metadata",
  x: "one-file-system",
};

/** Flags of single commands, whose variables every command of theirs reads: never meant for dbstash. */
const commandFlags = new Set(
  "size stat files-only dirs-only recursive hash hash-type original encrypted metadata no-modtime no-mimetype rmdirs count head tail offset discard separator create-empty-src-dirs json option absolute combined csv differ error match missing-on-src missing-on-dst dest-after dir-slash format timeformat version color".split(
    " ",
  ),
);

/** Flags without a value that people give, so that a word behind one is known to be none (rclone takes `=false` alone). */
const switches = new Set(
  "fast-list checksum no-traverse check-first use-mmap no-check-certificate no-gzip-encoding ignore-checksum size-only ignore-size ignore-times ignore-errors inplace metadata no-check-dest no-unicode-normalization no-update-modtime no-update-dir-modtime refresh-times disable-http2 disable-http-keep-alives use-cookies use-server-modtime server-side-across-configs one-file-system skip-links skip-specials verbose no-console auto-confirm crypt-no-data-encryption allow-https-downgrade s3-no-check-bucket s3-no-head s3-env-auth s3-force-path-style".split(
    " ",
  ),
);

/** Flags that are taken, and what they cost. */
const costs: readonly (readonly [RegExp, string])[] = [
  [/^timeout$/, "a dump that pauses for longer is ended by rclone"],
  [
    /^(no-check-certificate|allow-https-downgrade)$/,
    "whoever stands between here and the remote can read and change backups",
  ],
  [/^ignore-size$/, "rclone no longer compares sizes after an upload"],
  [
    /^crypt-no-data-encryption$/,
    "what is in backups is stored in clear, and crypt hides their names alone: leave it out unless that is meant",
  ],
  [/-object-lock-/, "retention can't remove what is still locked"],
];

/** Why a flag is not taken; null for one that is. @param value its value; null where that is not known */
export function ruleOf(name: string, value: string | null): FlagRule | null {
  const rule = rules.find(({ names }) => names.test(name)) ?? null;
  return rule?.only === undefined || value === null || rule.only.test(value) ? rule : null;
}

/** Why a flag is not taken, and what to do instead, in one line. */
export function reasonOf({ why, instead }: FlagRule): string {
  return instead === undefined ? why : `${why}; ${instead}`;
}

/** The long name of a letter; null where rclone has none that dbstash knows. */
export function longName(letter: string): string | null {
  return letters[letter] ?? null;
}

/** Whether a flag takes no word behind it as its value, as far as that is known. */
export function isSwitch(name: string): boolean {
  return switches.has(name);
}

/** Whether a name is a flag of single commands. */
export function isCommandFlag(name: string): boolean {
  return commandFlags.has(name);
}

/** What a flag that is taken costs, as a clause; null for nothing. @param value null where it has none */
export function costOf(name: string, value: string | null): string | null {
  if (value !== null && no.test(value)) return null;
  return costs.find(([names]) => names.test(name))?.[1] ?? null;
}

/** The variable that rclone reads a flag's value from, too (docs, "Environment Variables"): `--a-b` is `RCLONE_A_B`. */
export function flagVariable(name: string): string {
  return `RCLONE_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** The flag whose value a variable is; null for one of no flag, such as `RCLONE_CONFIG_S3_TYPE`. */
export function variableFlag(variable: string): string | null {
  const name = /^RCLONE_((?!CONFIG_)[A-Z0-9_]+)$/.exec(variable)?.[1];
  return name === undefined ? null : name.toLowerCase().replaceAll("_", "-");
}
