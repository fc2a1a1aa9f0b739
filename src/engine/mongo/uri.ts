import { Secret } from "../../config/secret.ts";
import type { Connection, Host } from "../connection.ts";
import type { PrivateFile } from "../engine.ts";
import type { ParamReading } from "../params.ts";
import { splitUri } from "../uri.ts";
import { queryOf, readMongoParams } from "./params.ts";

/** URI schemes of MongoDB's drivers. */
export const mongoSchemes = ["mongodb", "mongodb+srv"];

/**
 * The file that tells mongodump the URI with its secrets. It reads YAML there, and JSON is YAML.
 * @param database what to dump; null for everything
 */
export function configFile(path: string, connection: Connection, database: string | null): PrivateFile {
  return { path, content: new Secret(`${JSON.stringify({ uri: mongoUri(connection, database) })}\n`) };
}

/**
 * The URI with the database to dump as its path, user and password escaped anew, since the driver refuses what people
 * leave unescaped, and of the parameters those that mongodump heeds, in the one form it takes.
 */
function mongoUri(connection: Connection, database: string | null): string {
  const { user, password } = connection;
  const credentials =
    user === null
      ? ""
      : `${encodeURIComponent(user)}${password === null ? "" : `:${encodeURIComponent(password.reveal())}`}@`;
  const path = database === null ? "" : encodeURIComponent(database);
  const reading = readMongoParams(connection);
  const pairs = queryOf(reading);
  if (needsAuthSource(connection, reading, database)) {
    pairs.push(`authSource=${encodeURIComponent(connection.database ?? "admin")}`);
  }
  const query = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  // The private file is ASCII, so that YAML and JSON can't differ over it.
  return `${connection.scheme ?? "mongodb"}://${credentials}${hostsOf(connection)}/${path}${query}`.replace(
    /[^\x21-\x7e]+/gu,
    encodeURIComponent,
  );
}

function hostsOf({ uri, hosts }: Connection): string {
  return uri === null ? hosts.map(hostText).join(",") : splitUri(uri.reveal()).hosts;
}

/**
 * The path of a URI is the default authSource too, so another path needs the old one spelled out.
 * Not where the account is the server's own ($external), nor with SRV, whose TXT record usually names it.
 */
function needsAuthSource(
  { scheme, user, database, uri }: Connection,
  { options }: ParamReading,
  path: string | null,
): boolean {
  const scram = options.get("authMechanism")?.value.startsWith("SCRAM") ?? true;
  return (
    uri !== null &&
    user !== null &&
    path !== database &&
    scheme !== "mongodb+srv" &&
    !options.has("authSource") &&
    scram
  );
}

function hostText({ host, port }: Host): string {
  if (host.startsWith("/")) return encodeURIComponent(host);
  const name = host.includes(":") ? `[${host}]` : host;
  return port === null ? name : `${name}:${port}`;
}
