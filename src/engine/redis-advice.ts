import type { Advice } from "../errors.ts";
import { commonAdvice } from "./advice.ts";

/** Known causes behind redis-cli's words. */
export const redisAdvice: readonly Advice[] = [
  [
    /WRONGPASS/,
    "check the user and password; with a password alone the URI is redis://:PASSWORD@host, with a colon before it",
  ],
  [/NOAUTH/, "set DB_PASSWORD (--db-password) or DB_PASSWORD_FILE"],
  [
    /without any password configured/,
    "the server has no password: leave DB_PASSWORD out, or the one in DB_URI",
  ],
  [/NOPERM/, "the user needs the rights +ping +replconf +sync +psync (ACL SETUSER)"],
  [
    /unknown command .?SYNC/i,
    "this server does not hand out its data by replication, as many managed services don't: use the service's own export",
  ],
  [/NOMASTERLINK/, "this replica is not connected to its master: back up the master, or try again later"],
  [
    /wrong version number|packet length too long|unexpected eof while reading/i,
    "the server has no TLS on this port: write redis:// instead of rediss://",
  ],
  [/\bLOADING\b/, "the server is still loading its data: try again later"],
  [
    /max number of clients/,
    "the server has no connection left: raise maxclients, or back up at another time",
  ],
  [/protected mode/i, "the server takes no one from elsewhere: set a password there, or protected-mode no"],
  [/certificate verify failed/, "name the authority in the URI: rediss://…?cacert=/path/to/ca.pem"],
  [
    /I\/O Error reading RDB payload/i,
    "the server ended the transfer: it died, or the upload stalled longer than its repl-timeout allows",
  ],
  [
    /Error reading bulk length/i,
    "the server ended before it sent a byte: it died, or could not write its RDB file (its own log says why)",
  ],
  [
    /I\/O error|Server closed the connection|Connection reset by peer/,
    "a server that speaks TLS needs rediss:// instead of redis://",
  ],
  [
    /Could not connect|Name or service not known|Connection refused/,
    "check the host and port in DB_URI (--db-uri) or DB_HOST (--db-host)",
  ],
  ...commonAdvice,
];
