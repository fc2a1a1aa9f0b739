import { Secret } from "../../config/secret.ts";
import type { Problem } from "../../errors.ts";
import type { Connection } from "../connection.ts";
import type { Authorities, NamedFile, PrivateFile } from "../engine.ts";
import { type ParamReading, uriSetting } from "../params.ts";
import { readPostgresParams } from "./params.ts";
import { modeOfLevel } from "./tls.ts";

/** Defaults that end a connection to a dead server; the URI's own values win. */
const defaultParams = { connect_timeout: "30", keepalives_idle: "60", fallback_application_name: "dbstash" };

/** Options that travel in another way than in the connection string. */
const apart = new Set(["sslrootcert", "sslpassword", "servicefile"]);

/** What can't be told to libpq of a second secret, which has no variable: it takes a service file. */
export function serviceFileProblems(connection: Connection): Problem[] {
  const { options } = readPostgresParams(connection);
  const password = options.get("sslpassword")?.value;
  if (password === undefined) return [];
  if (options.has("service") || options.has("servicefile")) {
    return [
      {
        message: `${uriSetting} holds sslpassword and names a service, and both need libpq's service file`,
        hint: "write the password of the key into that file, and leave sslpassword out",
      },
    ];
  }
  // libpq cuts off blanks at the ends of its lines.
  if (password === password.trim() && !/[\r\n]/.test(password)) return [];
  return [
    {
      message: `${uriSetting}: sslpassword has a line break, or a blank at an end, which a service file of libpq's can't hold`,
      hint: "encrypt the client key anew, with another password",
    },
  ];
}

/** PGPASSWORD for the password; a second secret (of a client key) has no variable, so it takes a service file. */
export function connectionSecrets(
  connection: Connection,
  privateDir: string,
): { service: boolean; channel: { env: Record<string, string>; files: PrivateFile[] } } {
  const { options } = readPostgresParams(connection);
  const env: Record<string, string> = {};
  if (connection.password !== null) env["PGPASSWORD"] = connection.password.reveal();
  const services = options.get("servicefile");
  if (services !== undefined) env["PGSERVICEFILE"] = services.value;
  const keyPassword = options.get("sslpassword");
  if (keyPassword === undefined) return { service: false, channel: { env, files: [] } };
  const path = `${privateDir}/pg_service.conf`;
  env["PGSERVICEFILE"] = path;
  const content = new Secret(`[dbstash]\nsslpassword=${keyPassword.value}\n`);
  return { service: true, channel: { env, files: [{ path, content }] } };
}

/** A libpq keyword string without secrets: it takes several hosts, sockets and IPv6 alike, and needs no escapes of a URI. */
export function connectionString(
  connection: Connection,
  database: string | null,
  service: boolean,
  authorities: Authorities,
): string {
  const hosts = connection.hosts.filter(({ host }) => host !== "");
  const reading = readPostgresParams(connection);
  const words: [string, string][] = [];
  if (service) words.push(["service", "dbstash"]);
  if (hosts.length > 0) words.push(["host", hosts.map(({ host }) => host).join(",")]);
  const ports = connection.hosts.map(({ port }) => String(port ?? ""));
  if (ports.some((port) => port !== "")) words.push(["port", ports.join(",")]);
  if (connection.user !== null) words.push(["user", connection.user]);
  if (database !== null) words.push(["dbname", database]);
  if (reading.tls !== null) words.push(["sslmode", modeOfLevel[reading.tls]]);
  const root = rootCertificate(reading, connection, authorities);
  if (root !== null) words.push(["sslrootcert", root]);
  for (const [option, { value }] of reading.options) if (!apart.has(option)) words.push([option, value]);
  for (const [key, value] of Object.entries(defaultParams)) {
    if (!reading.options.has(key)) words.push([key, value]);
  }
  return words.map(([key, value]) => `${key}=${quote(value)}`).join(" ");
}

/** Of the system's authorities libpq knows nothing by itself (before 16 not even by a word), so their file is named. */
function rootCertificate(
  { options, tls }: ParamReading,
  connection: Connection,
  { caBundle, libpqRoot }: Authorities,
): string | null {
  const named = options.get("sslrootcert")?.value ?? null;
  if (named !== null) return named;
  if (tls !== "full") return null;
  if (wantsSystem(connection)) return caBundle ?? "system";
  return libpqRoot === null ? caBundle : null;
}

function wantsSystem({ params }: Connection): boolean {
  return params.some(([key, value]) => key.toLowerCase() === "sslrootcert" && value === "system");
}

/** libpq checks a certificate by a file alone; where none is named, and none is at hand, it fails in words of its own. */
export function missingAuthority(
  connection: Connection,
  { caBundle, libpqRoot }: Authorities,
): Problem | null {
  const { options, tls } = readPostgresParams(connection);
  if ((tls !== "ca" && tls !== "full") || options.has("sslrootcert")) return null;
  if (libpqRoot !== null && !wantsSystem(connection)) return null;
  if (tls === "ca") {
    return {
      message: `${uriSetting}: sslmode=verify-ca asks who signed the server's certificate, and names no authority`,
      hint: "name it with sslrootcert=FILE; the public authorities serve sslmode=verify-full alone",
    };
  }
  if (caBundle !== null) return null;
  return {
    message: `${uriSetting} asks for a check of the server's certificate, and this system has no bundle of authorities`,
    hint: "install ca-certificates, or name the authority with sslrootcert=FILE",
  };
}

const fileOptions = ["sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir"];

/** The files that a URI names for TLS: of one that is missing libpq may say nothing, and check nothing. */
export function namedFiles(connection: Connection): NamedFile[] {
  const { options } = readPostgresParams(connection);
  return fileOptions.flatMap((option) => {
    const setting = options.get(option);
    // `engine:key` names a key in a device.
    if (setting === undefined || (option === "sslkey" && /^\w+:/.test(setting.value))) return [];
    return [{ setting: `${uriSetting}: ${setting.key}`, path: setting.value }];
  });
}

/** libpq's quoting of a keyword value: single quotes, with backslash before `'` and `\`. */
function quote(value: string): string {
  return /^[A-Za-z0-9_.,/:-]+$/.test(value) ? value : `'${value.replace(/['\\]/g, "\\$&")}'`;
}
