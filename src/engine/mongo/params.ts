import type { Problem } from "../../errors.ts";
import type { Connection } from "../connection.ts";
import {
  type Meaning,
  type ParamReading,
  type ParamRow,
  paramOf,
  type ParamTable,
  type ReadMeaning,
  readParams,
  uriSetting,
} from "../params.ts";
import { asBoolean, either, oneOf, unsupportedRows } from "../param-rows.ts";
import { loginRows } from "./login-params.ts";
import { instead, tlsRows } from "./tls-params.ts";

const isSrv = ({ scheme }: Connection): boolean => scheme === "mongodb+srv";

const direct: ReadMeaning = (value, connection, key) => {
  if (asBoolean(value) !== true) return either({}, {})(value, connection, key);
  if (connection.hosts.length > 1 || isSrv(connection))
    return {
      problem: "asks for one server, and the URI names several",
      hint: "leave it out, or name one host",
    };
  return { sets: { directConnection: "true" } };
};

const connect: ReadMeaning = (value, ...more) =>
  value.toLowerCase() === "direct" ? direct("true", ...more) : {};

const srvOnly =
  (option: string): ReadMeaning =>
  (value, connection) =>
    isSrv(connection)
      ? { sets: { [option]: value } }
      : { problem: "belongs to a mongodb+srv:// URI", hint: "leave it out" };

const preferences = ["primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"];
const readPreference = oneOf(
  Object.fromEntries(preferences.map((word) => [word.toLowerCase(), { sets: { readPreference: word } }])),
  { problem: `is none of ${preferences.join(", ")}` },
);

/** mongodump takes these beside a preference alone that is not for the primary. */
const besidePreference =
  (option: string): ReadMeaning =>
  (value, connection) => {
    const preference = paramOf(connection, "readpreference")?.toLowerCase() ?? "primary";
    if (preference !== "primary") return { sets: { [option]: value } };
    return {
      problem: "says nothing without a readPreference",
      hint: "add readPreference=secondaryPreferred, or leave it out",
    };
  };

const levels = ["local", "available", "majority", "linearizable", "snapshot"];
const readConcern = oneOf(
  Object.fromEntries(levels.map((word) => [word, { sets: { readConcernLevel: word } }])),
  {
    problem: `is none of ${levels.join(", ")}`,
  },
);

const otherDatabase: ReadMeaning = (value, { database }) =>
  value === (database ?? "")
    ? {}
    : {
        problem: "names another database than the URI's path",
        hint: "name the database in the path: mongodb://host/database",
      };

const seconds: Meaning = {
  warning: "is left out, since mongodump reads it as seconds; it waits 30 seconds by itself",
};

/** What pools and drivers keep for themselves, what writes need alone, and what mongodump sets or ignores itself. */
const harmless =
  "timeoutms heartbeat* localthresholdms servermonitoringmode maxpoolsize minpoolsize maxidletimems maxconnecting waitqueue* compressors zlibcompressionlevel zstdcompressionlevel retrywrites retryreads w wtimeout* journal j fsync safe appname uuidrepresentation useunifiedtopology usenewurlparser usecreateindex usefindandmodify autoreconnect reconnecttries reconnectinterval poolsize keepalive* family nodelay bufferm* buffercommands autoindex promotevalues unicodedecodeerrorhandler tzaware documentclass ignoreundefined monitorcommands enableutf8validation maxlifetimems minheartbeatfrequencyms threadsallowedtoblock* ha readpreferencehedge srvpollinginterval";

const rows: readonly ParamRow[] = [
  ...tlsRows,
  ...loginRows,
  ["replicaset", (value) => (value === "" ? {} : { sets: { replicaSet: value } })],
  ["directconnection", direct],
  ["connect", connect],
  ["loadbalanced", either({ sets: { loadBalanced: "true" } }, {})],
  ["srvservicename", srvOnly("srvServiceName")],
  ["srvmaxhosts", srvOnly("srvMaxHosts")],
  ["readpreference", (value, ...more) => (value === "" ? {} : readPreference(value, ...more))],
  // Several of them are a list; each has an option of its own here, whose name ends at the blank.
  ["readpreferencetags", (value, ...more) => besidePreference(`readPreferenceTags ${value}`)(value, ...more)],
  [
    "maxstalenessseconds",
    (value, ...more) => (value === "-1" ? {} : besidePreference("maxStalenessSeconds")(value, ...more)),
  ],
  ["slaveok", either({ sets: { readPreference: "secondaryPreferred" } }, {})],
  ["readconcernlevel", readConcern],
  ["serverselectiontimeoutms connecttimeoutms sockettimeoutms", seconds],
  ["database dbname", otherDatabase],
  ...unsupportedRows,
  [harmless, {}],
];

const table: ParamTable = { tool: "mongodump", rows, instead };

/** What a URI's parameters ask of mongodump, by the names of its driver. */
export function readMongoParams(connection: Connection): ParamReading {
  const reading = readParams(connection, table);
  const { options } = reading;
  const problems: Problem[] = [...reading.problems];
  const conflict = (one: string, other: string): void => {
    const [first, second] = [options.get(one), options.get(other)];
    if (first === undefined || second === undefined) return;
    problems.push({
      message: `${uriSetting}: ${first.key} and ${second.key} exclude each other`,
      hint: "keep the one that is meant",
    });
  };
  conflict("loadBalanced", "replicaSet");
  conflict("loadBalanced", "directConnection");
  conflict("srvMaxHosts", "replicaSet");
  if (options.has("loadBalanced") && connection.hosts.length > 1)
    problems.push({ message: `${uriSetting}: loadBalanced takes one host, and the URI names several` });
  if (options.get("tls")?.value === "false") {
    for (const [option, { key }] of options) {
      if (!/^tls./.test(option)) continue;
      problems.push({
        message: `${uriSetting}: ${key} is about TLS, and TLS is switched off`,
        hint: "keep the one that is meant",
      });
    }
  }
  return { ...reading, problems };
}

/** The parameters as the driver takes them, for a URI that is built anew. */
export function queryOf({ options }: ParamReading): string[] {
  return [...options].map(([option, { value }]) => `${option.split(" ")[0]}=${encodeURIComponent(value)}`);
}
