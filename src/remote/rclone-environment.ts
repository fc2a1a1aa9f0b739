/** Variables that change what rclone does behind our back (each is the default of a flag), by facts of its docs. */
const falsifying =
  /^RCLONE_(CONFIG|CONFIG_FILE|REMOTE|EXTRA_ARGS|DRY_RUN|INTERACTIVE|SIZE|PROGRESS|LOG_FILE|LOG_LEVEL|LOG_FORMAT|VERBOSE|QUIET|STATS\w*|USE_JSON_LOG|RC|RC_\w+|STAT|FILES_ONLY|DIRS_ONLY|RECURSIVE|HASH|INCLUDE\w*|EXCLUDE\w*|FILTER\w*|FILES_FROM\w*|MIN_\w+|MAX_(SIZE|AGE|DEPTH|DELETE|DURATION|TRANSFER)|IMMUTABLE|EXISTING|IGNORE_EXISTING|UPDATE|BACKUP_DIR|COMPARE_DEST|COPY_DEST|SUFFIX|ASK_PASSWORD|ERROR_ON_NO_TRANSFER|COUNT|HEAD|TAIL|OFFSET|DISCARD|TIMEOUT)$/;

/** rclone's environment: what it was given less the variables that would falsify a backup, in UTC, with its own temp folder. */
export function rcloneEnvironment(
  env: Readonly<Record<string, string>>,
  tempDir: string,
): Record<string, string> {
  const kept = Object.entries(env).filter(([name]) => !falsifying.test(name));
  return { ...Object.fromEntries(kept), TMPDIR: tempDir, TZ: "UTC" };
}

const secretName =
  /(PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|ACCOUNT_KEY|SAS_URL|_SAS|CONNECTION_STRING|ACCESS_GRANT|MNEMONIC|COOKIES?|CREDENTIALS?|PWD|AUTH)(_ID|_KEY|\d)?$/;
const remoteSecretName =
  /^RCLONE_CONFIG_.+_(PASS\w*|SECRET\w*|KEY\w*|TOKEN\w*|SAS\w*|.*HEADERS|.+_(PASS|PASSWORD|SECRET|KEY|TOKEN))$/;
const noSecretName = /(_FILE|_PATH|_DIR|_COMMAND|_METHOD|ASKPASS|^PWD|^OLDPWD|_USE_AGENT|ENV_AUTH)$/;

/** Values of environment variables that are secrets by their names (`AWS_SECRET_ACCESS_KEY`, `RCLONE_CONFIG_X_PASS` …). */
export function environmentSecrets(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const secret = (secretName.test(name) || remoteSecretName.test(name)) && !noSecretName.test(name);
    return secret && value && !/^(true|false|none|yes|no)$/i.test(value) ? [value] : [];
  });
}

/** Secrets inside an rclone.conf: the values of its `pass`, `secret`, `key`, `token` lines and the like. */
export function configFileSecrets(text: string): string[] {
  return [...text.matchAll(/^\s*([\w-]+)\s*=\s*(.+?)\s*$/gm)].flatMap(([, key = "", value = ""]) =>
    /pass|secret|token|key(?!_file|_use_agent)|^sas|credentials$|connection_string|access_grant|mnemonic|cookies|headers/i.test(
      key,
    ) && !/_file$/i.test(key)
      ? [value]
      : [],
  );
}

/** What a section of an rclone.conf sets a parameter to; null where it does not. */
export function configValue(text: string, section: string, key: string): string | null {
  const body = text.split(/^\s*\[/m).find((part) => part.startsWith(`${section}]`));
  return (
    new RegExp(`^[^\\S\\n]*${key}[^\\S\\n]*=[^\\S\\n]*(.*?)[^\\S\\n]*$`, "m").exec(body ?? "")?.[1] ?? null
  );
}
