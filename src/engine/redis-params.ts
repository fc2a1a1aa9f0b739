import type { Problem } from "../errors.ts";
import type { Connection } from "./connection.ts";
import {
  type Meaning,
  type ParamReading,
  type ParamRow,
  paramOf,
  type ParamTable,
  type ReadMeaning,
  readParams,
  uriSetting,
} from "./params.ts";
import { asBoolean, either, fileAs, oneOf, passedAs, unsupportedRows } from "./param-rows.ts";

const instead =
  "write what is meant as redis-cli does: rediss:// and cacert=FILE; insecure=true leaves the certificate unchecked";

/** Options that say something and are no flag have no dashes. */
const on: Meaning = { sets: { tls: "on" } };
const unchecked: Meaning = { sets: { check: "none" } };
const checked: Meaning = { sets: { check: "authority" } };

const noNameCheck: Meaning = {
  problem: "can't be honoured: redis-cli checks who signed the certificate, and never the name in it",
  hint: "leave it out, and name the server's own authority with cacert=FILE",
};

/** One of two files that make a certificate together. */
const half =
  (option: string, ...others: readonly string[]): ReadMeaning =>
  (value, connection, key) =>
    others.some((other) => paramOf(connection, other) !== null)
      ? fileAs(option)(value, connection, key)
      : { problem: "stands alone", hint: "a client's certificate and its key are cert=FILE and key=FILE" };

const oneNode: Meaning = {
  problem: "is about a cluster, and a backup of Redis reads one node",
  hint: "name one node; run one job for each shard",
};

const noSentinel: Meaning = {
  problem: "is about Sentinel, which is not asked",
  hint: "name the node itself: redis-cli -p 26379 SENTINEL get-master-addr-by-name NAME tells it",
};

const noFlag: Meaning = { problem: "has no option of redis-cli's behind it", hint: "leave it out" };

/** What pools and drivers keep for themselves; an RDB holds all databases. */
const harmless =
  "db database dbindex protocol timeout socket* connecttimeout* commandtimeout readtimeout writetimeout dialtimeout retry* maxretries* minretrybackoff maxretrybackoff reconnectattempts maxconnections pool* minidleconns maxidleconns maxactiveconns connmax* idletimeout maxconnage healthcheckinterval clientname lib* library* connectionname decoderesponses encoding* keyprefix prefix globalkeyprefix namespace lazy* enablereadycheck enableofflinequeue autoresubscribe family persistent* tcpkeepalive keepalive nodelay driver serializer compression failover readfromreplicas route* virtualhost visibilitytimeout fanout* queue* cache* ttl contexttimeoutenabled pipelinewindow";

const rows: readonly ParamRow[] = [
  ["tls ssl usessl", either(on, { sets: { tls: "off" } })],
  ["cacert sslcacerts sslcafile tlscacertfile ca", fileAs("--cacert")],
  ["cacertdir sslcapath", passedAs("--cacertdir")],
  ["cert sslcertfile tlscertfile", half("--cert", "key", "sslkeyfile", "tlskeyfile")],
  ["key sslkeyfile tlskeyfile", half("--key", "cert", "sslcertfile", "tlscertfile")],
  [
    "sslpassword sslkeyfilepassword",
    {
      problem: "is the password of a key, for which redis-cli would ask",
      hint: "openssl pkey -in key.pem -out plain.pem takes it off",
    },
  ],
  ["sslcadata", { problem: "holds a certificate itself", hint: "write it into a file: cacert=FILE" }],
  [
    "sslcertreqs",
    oneOf(
      {
        ...Object.fromEntries(["none", "cert-none", "ssl.cert-none", "0"].map((word) => [word, unchecked])),
        ...Object.fromEntries(
          [
            "optional",
            "required",
            "cert-optional",
            "cert-required",
            "ssl.cert-optional",
            "ssl.cert-required",
            "1",
            "2",
          ].map((word) => [word, checked]),
        ),
      },
      { problem: "must be required or none" },
    ),
  ],
  ["insecure skipverify insecureskipverify", either(unchecked, checked)],
  ["rejectunauthorized", either(checked, unchecked)],
  [
    "verifypeer",
    (value, connection, key) => {
      if (/^full$/i.test(value)) return noNameCheck;
      return /^(none|ca)$/i.test(value)
        ? value.toLowerCase() === "none"
          ? unchecked
          : checked
        : either(checked, unchecked)(value, connection, key);
    },
  ],
  ["sslcheckhostname verifypeername", either(noNameCheck, {})],
  ["sni servername peername", passedAs("--sni")],
  ["sslciphers", passedAs("--tls-ciphers")],
  ["tlsciphersuites", passedAs("--tls-ciphersuites")],
  ["sslminversion tlsminversion sslvalidateocsp* sslocsp* sslincludeverifyflags sslparams*", noFlag],
  ["starttls", either(noFlag, {})],
  [
    "auth",
    {
      problem: "is a password in a place of its own",
      hint: "write it before the host: redis://:PASSWORD@host",
    },
  ],
  ["addr rediscluster cluster", (value) => (asBoolean(value) === false ? {} : oneNode)],
  ["class", (value) => (/cluster/i.test(value) ? oneNode : {})],
  ["sentinel* redissentinel mastername masterset masterid servicename name", noSentinel],
  [
    "role",
    oneOf(
      { master: {}, primary: {} },
      { problem: "asks for a replica", hint: "name the replica itself as the host" },
    ),
  ],
  ["path socket unixsocketpath", { problem: "must be a path that begins with /" }],
  ...unsupportedRows,
  [harmless, {}],
];

const table: ParamTable = { tool: "redis-cli", rows, instead };

/** Whether a URI asks for TLS, by its scheme or by a parameter. */
export function wantsTls({ scheme }: Connection, { options }: ParamReading): boolean {
  return scheme === "rediss" || options.get("tls")?.value === "on";
}

/** What a URI's parameters ask of redis-cli: flags by their names, and `tls` and `check`, which become some. */
export function readRedisParams(connection: Connection): ParamReading {
  const reading = readParams(connection, table);
  const problems: Problem[] = [...reading.problems];
  const off = reading.options.get("tls");
  if (connection.scheme === "rediss" && off?.value === "off") {
    problems.push({
      message: `${uriSetting} begins with rediss://, which asks for TLS, and ${off.key} asks against it`,
      hint: "keep the one that is meant",
    });
  }
  if (!wantsTls(connection, reading)) {
    for (const [option, { key }] of reading.options) {
      if (option === "tls") continue;
      problems.push({
        message: `${uriSetting}: ${key} is about TLS, and TLS is not asked for`,
        hint: "write rediss:// instead of redis://, or leave it out",
      });
    }
  }
  return { ...reading, problems };
}
