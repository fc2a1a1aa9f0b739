import type { Connection } from "../connection.ts";
import {
  fold,
  type Meaning,
  type ParamReading,
  type ParamRow,
  type ParamTable,
  type ReadMeaning,
  readParams,
} from "../params.ts";
import { asBoolean, either, oneOf, passedAs, unsupportedRows } from "../param-rows.ts";
import { instead, tlsRows } from "./tls.ts";

const number = (option: string): ReadMeaning => {
  const isSwitch = /^(keepalives|sslsni|sslcompression)$/.test(option);
  return (value) => {
    if (value === "") return {};
    const digits = /^(\d+)s?$/.exec(value)?.[1];
    if (digits !== undefined) return { sets: { [option]: digits } };
    const state = isSwitch ? asBoolean(value) : null;
    return state === null ? { problem: "must be a whole number" } : { sets: { [option]: state ? "1" : "0" } };
  };
};

/** The role of the server to talk to, as libpq and JDBC name them. */
const session = oneOf(
  {
    ...Object.fromEntries(
      ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"].map((word) => [
        word,
        { sets: { target_session_attrs: word } },
      ]),
    ),
    master: { sets: { target_session_attrs: "primary" } },
    slave: { sets: { target_session_attrs: "standby" } },
    secondary: { sets: { target_session_attrs: "standby" } },
    preferslave: { sets: { target_session_attrs: "prefer-standby" } },
    prefersecondary: { sets: { target_session_attrs: "prefer-standby" } },
    preferprimary: {
      warning: "asks for a primary where there is one, which libpq can't; it takes any server",
    },
  },
  { problem: "is none of any, read-write, read-only, primary, standby, prefer-standby" },
);

/** Keywords of libpq (PostgreSQL 18 manual, "Parameter Key Words") that go to it as they are. */
const passedOn =
  "hostaddr passfile options application_name fallback_application_name require_auth channel_binding gssencmode krbsrvname gsslib gssdelegation requirepeer sslcertmode sslnegotiation ssl_min_protocol_version ssl_max_protocol_version min_protocol_version max_protocol_version";
const numbers =
  "connect_timeout keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout sslsni sslcompression";
const wholeDatabase: Meaning = {
  warning:
    "is left out: it says where the application looks for its tables, and the backup holds the whole database (DUMP_EXTRA_ARGS=--schema=… dumps one schema alone)",
};

/** What pools and drivers keep for themselves. */
const harmless =
  "uselibpqcompat connectionlimit pool* sockettimeout max min maxoverflow statementcache* preparedstatement* singleuseconnections maxconnection* maxidleconnection* supa workaround defaultqueryexecmode descriptioncache* minreadbuffersize binaryparameters disableprepared* preparethreshold preferquerymode binarytransfer* rewritebatchedinserts defaultrowfetchsize adaptivefetch* tcpkeepalive tcpnodelay cancelsignaltimeout maxresultbuffer logservererrordetail logger* logunclosedconnections assumeminserverversion stringtype readonly* autosave escapesyntaxcallmode unknownlength hostrecheckseconds localsocketaddress sendbuffersize receivebuffersize timeout commandtimeout querytimeout statementtimeout locktimeout idleintransactionsessiontimeout idletimeout* connectiontimeout* keepalive maxlifetime connectretry prepare* statementlimit advisorylocks reapingfrequency checkouttimeout minmessages variables adapter autocommit rowfactory connmaxage connhealthchecks atomicrequests asyncfallback timezone datestyle serversettings application";

const rows: readonly ParamRow[] = [
  ...tlsRows,
  ...passedOn.split(" ").map((keyword): ParamRow => [fold(keyword), passedAs(keyword)]),
  ...numbers.split(" ").map((keyword): ParamRow => [fold(keyword), number(keyword)]),
  ["appname", passedAs("application_name")],
  ["logintimeout", number("connect_timeout")],
  ["kerberosservername", passedAs("krbsrvname")],
  ["targetsessionattrs targetservertype", session],
  [
    "loadbalancehosts",
    oneOf(
      {
        random: { sets: { load_balance_hosts: "random" } },
        true: { sets: { load_balance_hosts: "random" } },
        disable: {},
        false: {},
      },
      { problem: "must be random or disable" },
    ),
  ],
  ["endpoint", (value) => ({ sets: { options: `endpoint=${value}` } })],
  ["project", (value) => ({ sets: { options: `project=${value}` } })],
  ["service", passedAs("service")],
  ["servicefile", passedAs("servicefile")],
  [
    "replication",
    (value) =>
      asBoolean(value) === false
        ? {}
        : { problem: "asks for a replication connection, which can't be dumped", hint: "leave it out" },
  ],
  [
    "clientencoding encoding charset",
    oneOf(
      { utf8: {}, "utf-8": {}, unicode: {}, auto: {}, utf8mb4: {} },
      {
        warning:
          "is left out: the dump is in the database's own encoding (DUMP_EXTRA_ARGS=--encoding=… changes it)",
      },
    ),
  ],
  ["schema currentschema searchpath schemasearchpath", wholeDatabase],
  [
    "pgbouncer",
    either(
      {
        warning:
          "is left out: through a pooler in transaction mode pg_dump can fail or mix sessions, so name the server itself (of Supabase and Neon the host without -pooler, on port 5432)",
      },
      {},
    ),
  ],
  ...unsupportedRows,
  [harmless, {}],
];

const table: ParamTable = { tool: "libpq", rows, instead };

/** What a URI's parameters ask of libpq. An authority asks for its check where no mode is named. */
export function readPostgresParams(connection: Connection): ParamReading {
  const reading = readParams(connection, table);
  const { options, tls } = reading;
  if (tls === null) return options.has("sslrootcert") ? { ...reading, tls: "require" } : reading;
  const file = options.get("sslrootcert") ?? options.get("sslcert");
  if (tls !== "off" || file === undefined) return reading;
  const problem = {
    message: `DB_URI (--db-uri): ${file.key} names a certificate, and TLS is switched off`,
    hint: "keep the one that is meant",
  };
  return { ...reading, problems: [...reading.problems, problem] };
}
