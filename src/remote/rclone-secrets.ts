import { revealObscured } from "../config/obscured.ts";
import { holdsUrlPassword, urlSecretsIn } from "../config/secret.ts";
import { parametersIn } from "./connection-string.ts";
import { parseConf } from "./rclone-conf.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Entry = readonly [key: string, value: string];

/** Words of a key whose value is a secret, by the options of all backends of rclone 1.60 to 1.76. */
const secretKey =
  /(^|_)(pass(word|wd|phrase)?2?|secret|token|keys?|pem|bearer|authorization|headers?|sas|credentials?|grant|mnemonic|cookies?|pwd|connection_string|2fa)(_|$)/;
/** Keys that have such a word and are a file, an address, a choice or what anybody may know. */
const openKey =
  /(_(file|path|dir|ur[il]|expiry|command|methods?|use_agent|algorithms?|exchange|md5|sha256|id|name))$|(^|_)(host_keys?|public_key|client_credentials|bad_blocks|use_cookies|ask_password|from_header|header_bytes)(_|$)|^seafile_2fa$/;
const secretAllTheSame = /(^|_)(access_key_id|sas_url|header_(upload|download))$/;

/** Values of a secret's key that say whether there is one, and are none. */
const noSecret = /^(true|false|none|yes|no)?$/i;

/** Keys whose values `rclone obscure` has made. */
const obscuredKey = /pass|library_key|otp_secret_key/;
const userKey = /^(user|username|account)$/;
const passwordKey = /^(pass|password|api_password)$/;

/** Keys whose values may hold a password without being one: a proxy, which needs no scheme, and a program with its words. */
const proxyKey = /(^|_)(socks|http)_proxy$/;
const programKey = /(^|_)(ssh|mapper|command)$/;

/** Whether a backend's option (`secret_access_key`, also `s3_secret_access_key`) holds a secret. */
export function isSecretKey(key: string): boolean {
  return secretAllTheSame.test(key) || (secretKey.test(key) && !openKey.test(key));
}

/**
 * Every secret in what a section, or a connection string, sets: by its key, in a URL, in the remotes it names; obscured
 * ones in clear, too, and beside their user, as HTTP sends them.
 */
export function secretsOf(entries: Iterable<Entry>): string[] {
  const all = [...entries].map(([key, value]): Entry => [key.toLowerCase(), value]);
  const own = all.flatMap(([key, value]) => [
    ...urlSecretsIn(value),
    ...ownUrlSecrets(value),
    ...(proxyKey.test(key) ? proxySecrets(value) : []),
    ...(programKey.test(key) ? programSecrets(value) : []),
    ...(isSecretKey(key) && !noSecret.test(value) ? formsOf(key, value) : []),
    ...nestedSecrets(value),
  ]);
  const users = all.filter(([key]) => userKey.test(key));
  const passwords = all
    .filter(([key]) => passwordKey.test(key))
    .flatMap(([key, value]) => formsOf(key, value));
  const pairs = users.flatMap(([, user]) => passwords.map((password) => `${user}:${password}`));
  return [...new Set([...own, ...pairs])].filter((secret) => secret !== "");
}

/** Secrets inside an rclone.conf: none of an encrypted one, which nobody here can read. */
export function configFileSecrets(text: string): string[] {
  const sections = [...parseConf(text).values()].flatMap((section) => secretsOf(section));
  return [...new Set([...sections, ...urlSecretsIn(text)])];
}

const secretName =
  /(PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|ACCOUNT_KEY|SAS_URL|_SAS|CONNECTION_STRING|ACCESS_GRANT|MNEMONIC|COOKIES?|CREDENTIALS?|PWD|AUTH)(_ID|_KEY|\d)?$|^RCLONE_PASSWORD_COMMAND$/;
const noSecretName =
  /(_FILE|_PATH|_DIR|(?<!RCLONE_PASSWORD)_COMMAND|_METHOD|ASKPASS|^PWD|^OLDPWD|_USE_AGENT|ENV_AUTH)$/;
const proxy = /^(https?|all|ftp)_proxy$/i;

/**
 * Values of environment variables that are secrets: by their names (`AWS_SECRET_ACCESS_KEY`, `RCLONE_CONFIG_X_PASS` …),
 * or before the host of a URL (`HTTPS_PROXY`, `RCLONE_CONFIG_X_URL`).
 */
export function environmentSecrets(env: Env): string[] {
  const given = Object.entries(env).flatMap(([name, value]): Entry[] => (value ? [[name, value]] : []));
  const remotes = Map.groupBy(remoteEntries(given), ({ remote }) => remote);
  const ofRemotes = [...remotes.values()].flatMap((entries) => secretsOf(entries.map(({ entry }) => entry)));
  const others = given.flatMap(([name, value]) => {
    if (/^RCLONE_CONFIG_./.test(name) && name !== "RCLONE_CONFIG_PASS") return [];
    const isRclones = name.startsWith("RCLONE_");
    const key = name.slice("RCLONE_".length).toLowerCase();
    const isSecret = (secretName.test(name) && !noSecretName.test(name)) || (isRclones && isSecretKey(key));
    return [
      ...(isSecret && !noSecret.test(value) ? [value] : []),
      ...(isRclones ? secretsOf([[key, value]]) : []),
      ...(proxy.test(name) || holdsUrlPassword(value) ? urlSecretsIn(value) : []),
      ...(proxy.test(name) ? proxySecrets(value) : []),
    ];
  });
  return [...new Set([...others, ...ofRemotes])];
}

/** The variables that define remotes, each with its remote, as far as that is known, and its key. */
function remoteEntries(given: readonly Entry[]): { remote: string; entry: Entry }[] {
  const names = given.flatMap(([name]) => /^RCLONE_CONFIG_(.+)_TYPE$/.exec(name)?.[1] ?? []);
  const longestFirst = names.toSorted((a, b) => b.length - a.length);
  return given.flatMap(([name, value]) => {
    const rest = /^RCLONE_CONFIG_(.+)$/.exec(name)?.[1];
    if (rest === undefined || rest === "PASS") return [];
    const remote = longestFirst.find((candidate) => rest.startsWith(`${candidate}_`));
    const key = remote === undefined ? rest : rest.slice(remote.length + 1);
    return { remote: remote ?? "", entry: [key.toLowerCase(), value] };
  });
}

/** A secret as it may show up: as it is, in clear where it is obscured, by its parts. */
function formsOf(key: string, value: string): string[] {
  const clear = obscuredKey.test(key) ? revealObscured(value) : null;
  // An rclone.conf holds the line ends of a key as \n.
  const lines = value.includes("\\n") ? value.split("\\n") : [];
  const parts = /headers?$/.test(key) ? value.split(",").map((part) => part.replace(/^[^:]*: */, "")) : [];
  const known = [...lines, ...parts, ...(value.startsWith("{") ? jsonSecrets(value) : [])];
  return [value, ...(clear === null ? [] : [clear]), ...known.map((part) => part.trim())];
}

/** The tokens within a `token` or a `service_account_credentials`. */
function jsonSecrets(text: string): string[] {
  const found = [...text.matchAll(/"(\w+)"\s*:\s*"((?:[^"\\]|\\.)*)"/g)];
  return found.flatMap(([, key = "", value = ""]) =>
    isSecretKey(key) && key !== "token_type" ? [value, ...value.split("\\n")] : [],
  );
}

/** Of a value that is a URL all before its host: a quote ends it only in a longer text. */
function ownUrlSecrets(value: string): string[] {
  const user = /^[a-z][a-z0-9+.-]*:\/\/([^\s/?#]*)@/i.exec(value)?.[1] ?? "";
  const secret = user.replace(/^[^:]*:/, "");
  try {
    return [...new Set([secret, decodeURIComponent(secret)])].filter((form) => form !== "");
  } catch {
    return [secret];
  }
}

/** The password of a proxy, with or without a scheme: `hunter2` of `joe:hunter2@host:1080`. */
export function proxySecrets(value: string): string[] {
  const password = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^:@/\s]*:(.*)@[^@]*$/i.exec(value)?.[1] ?? "";
  return [...new Set([...urlSecretsIn(value), ...(password.startsWith("//") ? [] : [password])])].filter(
    (secret) => secret !== "",
  );
}

/** The password in a program's words, as sshpass takes it: `-p hunter2`, `-phunter2`. */
export function programSecrets(value: string): string[] {
  const found = /\bsshpass\s(?:.*?\s)?(?:"-p([^"]+)"|-p\s*(?:"([^"]*)"|([^\s"]+)))/.exec(value);
  const password = found?.[1] ?? found?.[2] ?? found?.[3] ?? "";
  return password === "" ? [] : [password];
}

function nestedSecrets(value: string): string[] {
  const nested = parametersIn(value);
  return nested.length === 0 ? [] : secretsOf(nested);
}
