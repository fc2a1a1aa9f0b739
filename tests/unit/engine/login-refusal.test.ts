import { expect, test } from "bun:test";
import type { Engine } from "../../../src/engine/engine.ts";
import { mongo } from "../../../src/engine/mongo/mongo.ts";
import { mariadb, mysql } from "../../../src/engine/mysql/mysql.ts";
import { postgres } from "../../../src/engine/postgres/postgres.ts";
import { redis } from "../../../src/engine/redis.ts";

const handshake =
  "Failed: can't create session: connection() error occurred during connection handshake: auth error:";
const sasl = `${handshake} sasl conversation error: unable to authenticate using mechanism "SCRAM-SHA-256":`;
const when = "when trying to connect";

const refused: readonly (readonly [Engine, string])[] = [
  [postgres, 'pg_dump: error: FATAL:  password authentication failed for user "joe"'],
  [postgres, 'FATAL:  Peer authentication failed for user "joe"'],
  [postgres, "fe_sendauth: no password supplied"],
  [postgres, 'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "joe", database "app", no encryption'],
  [postgres, 'FATAL:  role "joe" is not permitted to log in'],
  [postgres, "FATAL:  connection requires a valid client certificate"],
  [postgres, "FATAL:  SASL authentication failed"],
  [mysql, `mysqldump: Got error: 1045: Access denied for user 'joe'@'%' (using password: YES) ${when}`],
  [
    mysql,
    `mysqldump: Got error: 1045: Accès refusé pour l'utilisateur: 'joe'@'@%' (mot de passe: OUI) ${when}`,
  ],
  [mysql, "ERROR 3118 (HY000): Access denied for user 'joe'@'%'. Account is locked."],
  [
    mysql,
    `mysqldump: Got error: 3955: Access denied for user 'joe'@'%'. Account is blocked for 3 day(s) ${when}`,
  ],
  [mysql, "ERROR 1862 (HY000): Your password has expired."],
  [
    mariadb,
    `mariadb-dump: Got error: 1045: "Access denied for user 'joe'@'%' (using password: YES)" ${when}`,
  ],
  [mariadb, `mariadb-dump: Got error: 4151: "Access denied, this account is locked" ${when}`],
  [mariadb, "ERROR 1698 (28000): Access denied for user 'root'@'localhost'"],
  [
    mariadb,
    "User is blocked because of too many credential errors; unblock with 'ALTER USER / FLUSH PRIVILEGES'",
  ],
  [
    mariadb,
    `mariadb-dump: Got error: 1130: "Host '10.0.0.1' is not allowed to connect to this server" ${when}`,
  ],
  [mongo, `${sasl} (AuthenticationFailed) Authentication failed.`],
  [mongo, `${sasl} (AtlasError) bad auth : authentication failed`],
  [mongo, "Failed: error dumping metadata: (Unauthorized) command listCollections requires authentication"],
  [redis, "AUTH failed: WRONGPASS invalid username-password pair or user is disabled."],
  [redis, "SYNC with master failed: -NOAUTH Authentication required."],
  [redis, "AUTH failed: ERR invalid password"],
  [redis, "AUTH failed: ERR AUTH <password> called without any password configured for the default user."],
  [
    redis,
    "SYNC with master failed: -DENIED Redis is running in protected mode because protected mode is enabled",
  ],
];

const passing: readonly (readonly [Engine, string])[] = [
  [postgres, 'connection to server at "db", port 5432 failed: FATAL:  the database system is starting up'],
  [postgres, "FATAL:  sorry, too many clients already"],
  [postgres, 'pg_dump: error: query failed: ERROR:  permission denied for table "secrets"'],
  [mysql, "Error 2013: Lost connection to MySQL server during query when dumping table `t` at row: 1045"],
  [mysql, `mysqldump: Got error: 1040: Too many connections ${when}`],
  [mariadb, `mariadb-dump: Got error: 2002: "Can't connect to server on 'db' (115)" ${when}`],
  [mariadb, "Got error: 1205: Lock wait timeout exceeded; 3118 rows were read"],
  [mongo, `${sasl} connection(db:27017[-5]) incomplete read of message header: EOF`],
  [mongo, "Failed: server selection error: context deadline exceeded"],
  [redis, "SYNC with master failed: -LOADING Redis is loading the dataset in memory"],
  [redis, "SYNC with master failed: -NOPERM this user has no permissions to run the 'sync' command"],
];

for (const [what, isRefusal, words] of [
  ["is", true, refused],
  ["is not", false, passing],
] as const)
  test.each(words.map(([engine, said]) => [engine.name, said, engine] as const))(
    `of %s, “%s” ${what} a refused login`,
    (_name, said, engine) => expect(engine.loginRefusal.test(said)).toBe(isRefusal),
  );
