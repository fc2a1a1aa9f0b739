import type { Advice } from "../../errors.ts";
import { commonAdvice } from "../advice.ts";

export const defaultPort = 3306;

/** Known causes behind the words of either client. */
export const mysqlAdvice: readonly Advice[] = [
  [errorNumber(1045), "check the user and password"],
  [
    // It escapes the name where it then selects the database by it (fetch_db_collation in mysqldump.cc).
    /mariadb-dump: Got error: 1049: "Unknown database '.*\\/,
    "mariadb-dump can't dump the events of a database with quotes or backslashes in its name: rename it, or leave them out with DUMP_EXTRA_ARGS=--skip-events",
  ],
  [errorNumber(1049), "check the name in DB_URI (--db-uri) or DB_NAME (--db-name)"],
  [
    /SSL is required,? but the server does(n't| not) support it/,
    "the server has no TLS, and this client insists on it: ?ssl-mode=PREFERRED in DB_URI, or DUMP_EXTRA_ARGS=--skip-ssl, allows a connection in clear",
  ],
  [
    /self-signed certificate|certificate verif|unable to get local issuer/i,
    "name the authority with ?ssl-ca=/path/to/ca.pem in DB_URI; ?ssl-mode=REQUIRED encrypts without a check of the certificate",
  ],
  [
    /CA certificate is required/,
    "name the authority with ?ssl-ca=/path/to/ca.pem in DB_URI: the client has none of its own",
  ],
  [
    /requires secure connection|insecure transport are prohibited/i,
    "this account wants TLS: add ?ssl-mode=REQUIRED to DB_URI",
  ],
  [
    /(host ?name|certificate).{0,40}(mismatch|does not match|verification failure)/i,
    "the certificate is of another name: name the host as it does, or ?ssl-mode=VERIFY_CA checks the authority alone",
  ],
  [
    /mysql_native_password.* (cannot be loaded|is not loaded)|plugin.* mysql_native_password/i,
    "MySQL's clients from 9 on lack mysql_native_password: ALTER USER … IDENTIFIED WITH caching_sha2_password BY …, or dbstash-mariadb, whose client has it",
  ],
  [
    /plugin .* cannot be loaded/i,
    "the client lacks this account's way to log in: another client may have it",
  ],
  [
    errorNumber(1130),
    "no account lets this user in from this address: CREATE USER or GRANT … TO 'user'@'address'",
  ],
  [errorNumber(1129), "the server has shut this address out after failed connections: FLUSH HOSTS there"],
  [errorNumber(1040), "the server has no connection left: raise max_connections, or back up at another time"],
  [/'show events'/i, "the user needs the privilege EVENT; DUMP_EXTRA_ARGS=--skip-events leaves events out"],
  [
    /insufficient privileges to SHOW CREATE|mysql.*proc\b/i,
    "the user needs SHOW_ROUTINE (MySQL) or SELECT on mysql.proc (MariaDB); DUMP_EXTRA_ARGS=--skip-routines leaves routines out",
  ],
  [/SHOW VIEW command denied/, "the user needs the privilege SHOW VIEW"],
  [
    errorNumber(1356),
    "a view refers to something that is gone: repair or drop it, or leave it out with DUMP_EXTRA_ARGS=--ignore-table=database.view",
  ],
  [
    errorNumber(1044, 1142),
    "the user needs more rights: GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE on the database",
  ],
  [errorNumber(1412), "a table was altered or truncated during the dump: back up at another time"],
  [
    errorNumber(2006, 2013),
    "the server ended the connection: it died, or the upload stalled longer than its net_write_timeout allows",
  ],
  [errorNumber(1227), "the user needs the privilege that is named: GRANT … ON *.* TO …"],
  [/COLUMN_STATISTICS/, "DUMP_EXTRA_ARGS=--column-statistics=0 leaves out what this server does not know"],
  [errorNumber(2002, 2003, 2005), "check the host and port in DB_URI (--db-uri) or DB_HOST (--db-host)"],
  ...commonAdvice,
];

/**
 * Refused logins by the servers' numbers, since their words may be in another language (MySQL, "Server Error Message
 * Reference"; MariaDB, "MariaDB Error Code Reference"): a wrong user or password (1045, 1698), no account for this
 * address (1130), a way to log in that client or server lacks (1251), an expired password (1820, 1862), and a locked
 * account (3118, 3955, 4151). MariaDB's `max_password_errors` is told by its words.
 */
export const loginRefusal = new RegExp(
  `${errorNumber(1045, 1698, 1130, 1251, 1820, 1862, 3118, 3955, 4151).source}|too many credential errors`,
  "i",
);

/** An error's number as the client programs print it: `Got error: 1045: …`, `Error 2013: …`, `… (1044)`. */
function errorNumber(...numbers: readonly number[]): RegExp {
  return new RegExp(`(?:error:? |\\()(?:${numbers.join("|")})\\b`, "i");
}
