import type { Secret } from "../config/secret.ts";
import { DbstashError } from "../errors.ts";
import type { Connection, Host } from "./endpoint.ts";
import { fold } from "./params.ts";

/** What of a connection a parameter of the query may name instead of the part of the URI that is made for it. */
type Field = "host" | "port" | "user" | "database" | "socket";

const postgresFields = new Map<string, Field>([
  ["host", "host"],
  ["port", "port"],
  ["user", "user"],
  ["username", "user"],
  ["dbname", "database"],
  ["database", "database"],
  ["db", "database"],
  // Prisma's, and pg8000's.
  ["socket", "socket"],
  ["unixsock", "socket"],
]);

const mysqlFields = new Map<string, Field>([
  ["host", "host"],
  ["port", "port"],
  ["user", "user"],
  ["username", "user"],
  ["db", "database"],
  ["dbname", "database"],
  ["database", "database"],
  ["schema", "database"],
  ["socket", "socket"],
  ["unixsocket", "socket"],
  ["localsocket", "socket"],
]);

/** A database's number chooses nothing of a backup. */
const redisFields = new Map<string, Field>([
  ["host", "host"],
  ["port", "port"],
  ["user", "user"],
  ["username", "user"],
  ["socket", "socket"],
  ["path", "socket"],
  ["unixsocketpath", "socket"],
]);

const fieldsOfScheme: readonly (readonly [scheme: RegExp, fields: ReadonlyMap<string, Field>])[] = [
  [/^postgres/, postgresFields],
  [/^(mysql|mariadb)/, mysqlFields],
  [/^redis/, redisFields],
];

/** A value of the query, and the name it has there. */
interface Given {
  readonly key: string;
  readonly value: string;
}

/**
 * Takes out of a URI's query what the drivers read there as host, port, user or database, and puts it where it belongs.
 * @param parseHost reads `host:port`
 * @throws DbstashError where the URI itself says something else; it quotes neither
 */
export function withQueryFields(connection: Connection, parseHost: (text: string) => Host): Connection {
  const fields = fieldsOfScheme.find(([scheme]) => scheme.test(connection.scheme ?? ""))?.[1];
  if (fields === undefined) return connection;
  const fieldOf = (key: string, value: string): Field | undefined => {
    const field = fields.get(fold(key));
    // A relative path is no socket that a tool could find.
    return field === "socket" && !value.startsWith("/") ? undefined : field;
  };
  const given = (field: Field): Given | null => {
    const hits = connection.params.filter(([key, value]) => value !== "" && fieldOf(key, value) === field);
    for (const [key, value] of hits)
      if (value !== hits[0]?.[1]) throw differs(field, hits[0]?.[0] ?? "", key);
    return hits[0] === undefined ? null : { key: hits[0][0], value: hits[0][1] };
  };
  return {
    ...connection,
    hosts: hostsOf(
      connection.hosts,
      { host: given("host"), port: given("port"), socket: given("socket") },
      parseHost,
    ),
    user: either("user", connection.user, given("user")),
    database: either("database", connection.database, given("database")),
    params: connection.params.filter(([key, value]) => fieldOf(key, value) === undefined),
  };
}

/** The password, which may stand before the host and, in several names, in the query. */
export function onePassword(
  before: Secret | null,
  params: readonly (readonly [string, Secret])[],
): Secret | null {
  const all = [...(before === null ? [] : [before]), ...params.map(([, value]) => value)];
  const values = new Set(all.map((password) => password.reveal()).filter((password) => password !== ""));
  if (values.size > 1)
    throw new DbstashError("names two passwords, which differ", "keep the one that is meant");
  return all.find((password) => password.reveal() !== "") ?? null;
}

function either(field: Field, own: string | null, other: Given | null): string | null {
  if (own !== null && other !== null && own !== other.value) throw differs(field, null, other.key);
  return own ?? other?.value ?? null;
}

function differs(field: Field, own: string | null, key: string): DbstashError {
  const where =
    own ?? (field === "database" ? "its path" : field === "user" ? "its user part" : "its host part");
  return new DbstashError(`names two ${field}s, by ${where} and by ${key}`, "keep the one that is meant");
}

/** A socket in the query wins over any host: drivers want a host there all the same. */
function hostsOf(
  own: readonly Host[],
  { host, port, socket }: Readonly<Record<"host" | "port" | "socket", Given | null>>,
  parseHost: (text: string) => Host,
): readonly Host[] {
  // pg8000 names the socket itself; libpq its folder, and makes the name of the port.
  const [, folder, number] = /^(\/.*)\/\.s\.PGSQL\.(\d+)$/.exec(socket?.value ?? "") ?? [];
  if (folder !== undefined) return [{ host: folder, port: Number(number) }];
  if (socket !== null) return [{ host: socket.value, port: null }];
  if (host === null && port === null) return own;
  const names = host?.value.split(",") ?? own.map((each) => each.host);
  const isSocket = names[0]?.startsWith("/") === true;
  const known = own.filter((each) => each.host !== "");
  if (
    host !== null &&
    !isSocket &&
    known.length > 0 &&
    known.map((each) => each.host).join(",") !== host.value
  )
    throw differs("host", null, host.key);
  const ownPorts = own.map((each) => (each.port === null ? "" : String(each.port)));
  const ports = port?.value.split(",") ?? ownPorts;
  if (port !== null && ownPorts.some((each, index) => each !== "" && each !== (ports[index] ?? ports[0])))
    throw differs("port", null, port.key);
  // One port serves all hosts; a port without a host is one of libpq's default socket.
  const hosts = names.length === 0 ? [""] : names;
  return hosts.map((name, index) => ({
    host: name,
    port: parseHost(`h:${ports[ports.length === 1 ? 0 : index] ?? ""}`).port,
  }));
}
