import type { Advice } from "../../errors.ts";
import { commonAdvice } from "../advice.ts";

/** Databases that a hosted PostgreSQL keeps to itself. */
export const providersOwn: readonly string[] = [
  "rdsadmin",
  "cloudsqladmin",
  "azure_maintenance",
  "azure_sys",
];

/** Known causes behind the tools' words. */
export const postgresAdvice: readonly Advice[] = [
  [
    /server version mismatch/,
    "use a pg_dump at least as new as the server (a newer dbstash image or client package)",
  ],
  [/password authentication failed/, "check the user and password"],
  [/no password supplied/, "set DB_PASSWORD (--db-password) or DB_PASSWORD_FILE"],
  [/could not translate host name/, "check the host in DB_URI (--db-uri) or DB_HOST (--db-host)"],
  ...providersOwn.map((name): Advice => [
    new RegExp(`permission denied for database "?${name}\\b`),
    `it is the provider's own: DUMP_EXTRA_ARGS=--exclude-database=${name} leaves it out`,
  ]),
  [
    /permission denied for database/,
    "as its owner: GRANT CONNECT ON DATABASE … TO …, the role that backs up",
  ],
  [
    /permission denied for table pg_authid/,
    "DUMP_EXTRA_ARGS=--no-role-passwords backs up all databases without superuser rights",
  ],
  [
    /permission denied for large object/,
    "as a superuser: ALTER ROLE … SET lo_compat_privileges = on, for the role that backs up",
  ],
  [
    /would be affected by row-level security/,
    "as a superuser: ALTER ROLE … BYPASSRLS, for the role that backs up",
  ],
  [
    /permission denied for (table|sequence|schema|view|materialized view|foreign table)/,
    "as a superuser: GRANT pg_read_all_data TO …, the role that backs up (from PostgreSQL 14 on)",
  ],
  [
    /invalid value "?zstd\S* for option -Z/,
    "zstd in directory mode needs pg_dump 16 or newer; BACKUP_COMPRESS=gzip does not, nor does BACKUP_MODE=tar",
  ],
  [
    /canceling statement due to (statement|lock) timeout/,
    "a table stayed locked; DUMP_EXTRA_ARGS=--lock-wait-timeout=… waits longer",
  ],
  [
    /no pg_hba.conf entry for .*(no encryption|SSL off)/,
    "the server lets this user in over TLS alone: add ?sslmode=require to DB_URI; or its pg_hba.conf has no line for this address",
  ],
  [
    /no pg_hba.conf entry/,
    "the server's pg_hba.conf (of a hosted one its list of allowed addresses) has no line for this user, database and address",
  ],
  [/pg_hba.conf rejects/, "the server's pg_hba.conf shuts this user, database or address out"],
  [
    /server does not support SSL/,
    "the server has no TLS: ?sslmode=prefer in DB_URI allows a connection in clear",
  ],
  [
    /private key file .* (group or world access|must be owned)/,
    "chmod 600 the client's key, which must belong to the user that dbstash runs as (0640 where it is root's)",
  ],
  [
    /server certificate for .* does not match host name/,
    "the certificate is of another name: name the host as it does, or sslmode=verify-ca checks the authority alone",
  ],
  [/certificate verify failed/, "name the server's own authority in DB_URI: sslrootcert=/path/to/ca.pem"],
  [
    /root certificate file .* does not exist/,
    "name the server's authority in DB_URI: sslrootcert=/path/to/ca.pem",
  ],
  [/invalid sslmode value/, "sslmode is one of disable, allow, prefer, require, verify-ca, verify-full"],
  [
    /invalid connection option|invalid URI query parameter/,
    "an older libpq does not know it: use newer client programs (a newer dbstash image), or leave it out",
  ],
  [
    /database ".*" does not exist/,
    "check the name in DB_URI (--db-uri) or DB_NAME (--db-name); upper and lower case count",
  ],
  [/role ".*" does not exist/, "check the user in DB_URI (--db-uri) or DB_USER (--db-user)"],
  [
    /connection to server on socket|Is the server running locally/,
    "without a host the server is looked for on this machine: name it in DB_URI (--db-uri) or DB_HOST (--db-host)",
  ],
  [
    /Connection refused/,
    "check the host and port, and that the server listens there (listen_addresses); in a container localhost is the container itself",
  ],
  [
    /timeout expired|Connection timed out|No route to host|Network is unreachable/,
    "check the host and port, and whether a firewall stands between",
  ],
  [
    /remaining connection slots|too many (clients|connections)/,
    "the server has no connection left: raise max_connections, or back up at another time",
  ],
  [
    /server closed the connection unexpectedly|SSL SYSCALL error/,
    "the server ended the connection: it died, was restarted, or something between cut it; its own log says more",
  ],
  ...commonAdvice,
];
