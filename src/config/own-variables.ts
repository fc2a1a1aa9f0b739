import { settingNames } from "./options.ts";
import { settingCalled } from "./strangers.ts";

/**
 * Variables that dump tools, rclone and its backends, their libraries and dbstash's runtime read (PostgreSQL's, MySQL's
 * and MariaDB's manuals, "Environment Variables"; rclone's docs, and those of backends that take credentials from the
 * environment), and beginnings that hardly any other program has but dbstash.
 */
const readByTools =
  /^((BACKUP|RETENTION|NOTIFY|DUMP|DBSTASH|RCLONE|AZURE|ARM|OCI|OS|XDG|LC|LD|KRB5|LIBMYSQL)_\w+|AWS_(?!BUCKET$|URL$)\w+|PG[A-Z]+|PG_COLORS?|MYSQL_(HOST|TCP_PORT|UNIX_PORT|PWD|HOME|GROUP_SUFFIX|TEST_LOGIN_FILE)|MARIADB_TLS_\w+|(REDIS|VALKEY)CLI_\w+|GOOGLE_(APPLICATION_CREDENTIALS|CLOUD_PROJECT)|GCE_METADATA_HOST|CLOUDSDK_CONFIG|ST_(AUTH|USER|KEY)|SSL_CERT_(FILE|DIR)|OPENSSL_\w+|SSH_AUTH_SOCK|NO_COLOR|TZDIR|TMPDIR|HOME|PATH|USER|LANG|LANGUAGE|GODEBUG|GOMAXPROCS|GOMEMLIMIT|ZSTD_\w+|GZIP)$/;

const proxy = /^(https?|all|no|ftp|socks)_proxy$/i;

/** Whether a variable says something to dbstash or to the tools it starts, or was most likely meant to. */
export function isOwnVariable(name: string): boolean {
  if (settingNames().has(name) || settingCalled(name) !== null) return true;
  return readByTools.test(name) || proxy.test(name);
}
