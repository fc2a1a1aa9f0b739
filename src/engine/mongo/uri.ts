import { Secret } from "../../config/secret.ts";
import type { Connection, Host } from "../connection.ts";
import type { PrivateFile } from "../engine.ts";
import { splitUri } from "../uri.ts";

/** mongodump reads the value as seconds (mongo-tools, common/db/db.go), so that 30000 would wait for eight hours. */
export const misreadParam = "serverselectiontimeoutms";

/**
 * The file that tells mongodump the URI with its secrets. It reads YAML there, and JSON is YAML.
 * @param database what to dump; null for everything
 */
export function configFile(path: string, connection: Connection, database: string | null): PrivateFile {
  return { path, content: new Secret(`${JSON.stringify({ uri: mongoUri(connection, database) })}\n`) };
}

/**
 * The URI as given, with the database to dump as its path, or the one that separate settings describe.
 * User and password are escaped anew, since the driver refuses what people leave unescaped.
 */
function mongoUri(connection: Connection, database: string | null): string {
  const { user, password } = connection;
  const credentials =
    user === null
      ? ""
      : `${encodeURIComponent(user)}${password === null ? "" : `:${encodeURIComponent(password.reveal())}`}@`;
  const path = database === null ? "" : encodeURIComponent(database);
  if (connection.uri === null) {
    const hosts = connection.hosts.map(hostText).join(",");
    const query = connection.params.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
    return `mongodb://${credentials}${hosts}/${path}${query === "" ? "" : `?${query}`}`;
  }
  const parts = splitUri(connection.uri.reveal());
  const pairs = parts.query
    .split("&")
    .filter((pair) => pair !== "" && pair.split("=")[0]?.toLowerCase() !== misreadParam);
  if (needsAuthSource(connection, database)) {
    pairs.push(`authSource=${encodeURIComponent(connection.database ?? "admin")}`);
  }
  const query = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  // The private file is ASCII, so that YAML and JSON can't differ over it.
  return `${parts.scheme}://${credentials}${parts.hosts}/${path}${query}`.replace(
    /[^\x21-\x7e]+/gu,
    encodeURIComponent,
  );
}

/**
 * The path of a URI is the default authSource too, so another path needs the old one spelled out.
 * Not where the account is the server's own ($external), nor with SRV, whose TXT record usually names it.
 */
function needsAuthSource({ scheme, user, database, params }: Connection, path: string | null): boolean {
  const given = new Map(params.map(([key, value]) => [key.toLowerCase(), value]));
  const scram = given.get("authmechanism")?.startsWith("SCRAM") ?? true;
  return user !== null && path !== database && scheme !== "mongodb+srv" && !given.has("authsource") && scram;
}

function hostText({ host, port }: Host): string {
  if (host.startsWith("/")) return encodeURIComponent(host);
  const name = host.includes(":") ? `[${host}]` : host;
  return port === null ? name : `${name}:${port}`;
}
