import type { Advice } from "../../errors.ts";
import { commonAdvice } from "../advice.ts";

/** Known causes behind mongodump's words. */
export const mongoAdvice: readonly Advice[] = [
  [
    /auth error|AuthenticationFailed|Authentication failed/,
    "check the user and password, and the database that holds the account: ?authSource=admin in DB_URI, or DB_AUTH_SOURCE (--db-auth-source)",
  ],
  [
    /not authorized|Unauthorized|requires authentication/,
    "the user needs the role read on the database, or backup for all of them",
  ],
  [
    /invalid auth mechanism|unsupported mechanism|auth mechanism .*not supported/i,
    "leave authMechanism out of DB_URI: the server and mongodump agree on one",
  ],
  [
    /x509: certificate is (valid for|not valid for)|cannot validate certificate for/,
    "the certificate is of another name: name the host as it does; ?tlsInsecure=true checks nothing",
  ],
  [
    /first record does not look like a TLS handshake/,
    "the server has no TLS on this port: leave ?tls=true out of DB_URI",
  ],
  [/x509:|certificate/, "name the authority in DB_URI: ?tls=true&tlsCAFile=/path/to/ca.pem"],
  [
    /wire version/,
    "use a mongodump that knows this server's version (a newer dbstash image or tools package)",
  ],
  [
    /lookup _mongodb\._tcp/,
    "the host of a mongodb+srv:// URI must have SRV records; a plain server has mongodb://",
  ],
  [
    /ReplicaSetNoPrimary/,
    "no member of the replica set answered as primary: check replicaSet= in DB_URI, and that every member's own name resolves from here",
  ],
  [
    /socket was unexpectedly closed|connection reset by peer|\bEOF\b/,
    "a server that speaks TLS needs ?tls=true in DB_URI, and one without TLS must have none",
  ],
  [
    /connection refused/,
    "check the host and port, and that the server listens there; in a container localhost is the container itself",
  ],
  [
    /i\/o timeout|context deadline exceeded/,
    "check the host and port, and whether a firewall stands between (of Atlas the list of allowed addresses)",
  ],
  [/server selection|no such host/, "check the host and port in DB_URI (--db-uri) or DB_HOST (--db-host)"],
  ...commonAdvice,
];
