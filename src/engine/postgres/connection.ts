import { Secret } from "../../config/secret.ts";
import type { Connection } from "../connection.ts";
import type { PrivateFile } from "../engine.ts";

/** Connection parameters libpq knows (PostgreSQL 18 manual, 32.1.2), less those we set ourselves. */
const libpqParams = new Set([
  "hostaddr",
  "passfile",
  "require_auth",
  "channel_binding",
  "connect_timeout",
  "client_encoding",
  "options",
  "application_name",
  "fallback_application_name",
  "keepalives",
  "keepalives_idle",
  "keepalives_interval",
  "keepalives_count",
  "tcp_user_timeout",
  "replication",
  "gssencmode",
  "sslmode",
  "ssl",
  "requiressl",
  "sslnegotiation",
  "sslcompression",
  "sslcert",
  "sslkey",
  "sslkeylogfile",
  "sslcertmode",
  "sslrootcert",
  "sslcrl",
  "sslcrldir",
  "sslsni",
  "requirepeer",
  "ssl_min_protocol_version",
  "ssl_max_protocol_version",
  "min_protocol_version",
  "max_protocol_version",
  "krbsrvname",
  "gsslib",
  "gssdelegation",
  "service",
  "target_session_attrs",
  "load_balance_hosts",
  "host",
  "port",
  "user",
  "dbname",
]);

/** Defaults that end a connection to a dead server; the URI's own values win. */
const defaultParams = { connect_timeout: "30", keepalives_idle: "60", fallback_application_name: "dbstash" };

/** Parameters that libpq would refuse the whole URI for. */
export function unknownParams(connection: Connection): string[] {
  return connection.params.map(([key]) => key).filter((key) => !libpqParams.has(key));
}

/** Whether the client key's password can be told by a service file: libpq cuts off blanks at the ends of its lines. */
export function fitsServiceFile(connection: Connection): boolean {
  const password = keyPasswordOf(connection)?.reveal() ?? "";
  return password === password.trim() && !/[\r\n]/.test(password);
}

/** PGPASSWORD for the password; a second secret (of a client key) has no variable, so it takes a service file. */
export function connectionSecrets(
  connection: Connection,
  privateDir: string,
): { service: boolean; channel: { env: Record<string, string>; files: PrivateFile[] } } {
  const env: Record<string, string> = {};
  if (connection.password !== null) env["PGPASSWORD"] = connection.password.reveal();
  const keyPassword = keyPasswordOf(connection);
  if (keyPassword === undefined) return { service: false, channel: { env, files: [] } };
  const path = `${privateDir}/pg_service.conf`;
  env["PGSERVICEFILE"] = path;
  const content = new Secret(`[dbstash]\nsslpassword=${keyPassword.reveal()}\n`);
  return { service: true, channel: { env, files: [{ path, content }] } };
}

function keyPasswordOf({ secretParams }: Connection): Secret | undefined {
  return secretParams.find(([key]) => key === "sslpassword")?.[1];
}

/** A libpq keyword string without secrets: it takes several hosts, sockets and IPv6 alike, and needs no escapes of a URI. */
export function connectionString(connection: Connection, database: string | null, service: boolean): string {
  const hosts = connection.hosts.filter(({ host }) => host !== "");
  const words: [string, string][] = [];
  if (service) words.push(["service", "dbstash"]);
  if (hosts.length > 0) words.push(["host", hosts.map(({ host }) => host).join(",")]);
  const ports = connection.hosts.map(({ port }) => String(port ?? ""));
  if (ports.some((port) => port !== "")) words.push(["port", ports.join(",")]);
  if (connection.user !== null) words.push(["user", connection.user]);
  if (database !== null) words.push(["dbname", database]);
  const given = connection.params.filter(([key]) => libpqParams.has(key));
  words.push(
    ...given.map(([key, value]): [string, string] =>
      key === "ssl" ? ["sslmode", sslMode(value)] : [key, value],
    ),
  );
  for (const [key, value] of Object.entries(defaultParams)) {
    if (!given.some(([name]) => name === key)) words.push([key, value]);
  }
  return words.map(([key, value]) => `${key}=${quote(value)}`).join(" ");
}

/** `ssl=true` is a form of JDBC's that libpq reads only inside a URI. */
function sslMode(value: string): string {
  return value === "true" ? "require" : "prefer";
}

/** libpq's quoting of a keyword value: single quotes, with backslash before `'` and `\`. */
function quote(value: string): string {
  return /^[A-Za-z0-9_.,/:-]+$/.test(value) ? value : `'${value.replace(/['\\]/g, "\\$&")}'`;
}
