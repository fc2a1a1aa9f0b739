import { type Advice, advise, type Problem } from "../errors.ts";
import {
  type Command,
  type ConflictingFlag,
  type DumpRequest,
  type Engine,
  type Review,
  plainEngine,
} from "./engine.ts";
import type { DumpFormat } from "./format.ts";

/** What stands behind an RDB that was sent without a file on the server's disk (Redis' diskless replication). */
const markerBytes = 40;

/** URI parameters, without case, `_` and `-`, that become a flag of redis-cli with the same value. */
const flagOfParam = new Map([
  ["cacert", "--cacert"],
  ["sslcacerts", "--cacert"],
  ["tlscacertfile", "--cacert"],
  ["cacertdir", "--cacertdir"],
  ["sslcapath", "--cacertdir"],
  ["cert", "--cert"],
  ["sslcertfile", "--cert"],
  ["tlscertfile", "--cert"],
  ["key", "--key"],
  ["sslkeyfile", "--key"],
  ["tlskeyfile", "--key"],
  ["sni", "--sni"],
]);

/** Parameters, in the same form, that switch the check of the server's certificate off, with the value that does. */
const insecureParams = new Map([
  ["insecure", /^(true|1|yes|)$/i],
  ["skipverify", /^(true|1|yes|)$/i],
  ["sslcertreqs", /^none$/i],
  ["verifypeer", /^(none|false|no)$/i],
]);

const tlsParams = new Set(["tls", "ssl"]);

/**
 * An RDB file: its magic, and the EOF opcode 0xFF before the eight bytes of the checksum,
 * or before those and the 40 hexadecimal digits of a diskless transfer.
 */
const rdb: DumpFormat = {
  title: "Redis RDB",
  begins: (head) => /^(REDIS\d{4}|VALKEY\d{3})/.test(new TextDecoder("latin1").decode(head.subarray(0, 9))),
  ends: (tail) =>
    tail.at(-9) === 0xff ||
    (tail.at(-9 - markerBytes) === 0xff &&
      /^[0-9a-f]{40}$/.test(new TextDecoder("latin1").decode(tail.subarray(-markerBytes)))),
  stranger: "bad",
};

const advice: readonly Advice[] = [
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
  [/certificate verify failed/, "name the authority in the URI: rediss://…?cacert=/path/to/ca.pem"],
  [
    /I\/O Error reading RDB payload/i,
    "the server ended the transfer: it died, or the upload stalled longer than its repl-timeout allows",
  ],
  [
    /Error reading bulk length/i,
    "the server ended before it sent a byte: it died, or could not write its RDB file (its own log says why)",
  ],
  [/I\/O error/, "a server that speaks TLS needs rediss:// instead of redis://"],
  [
    /Could not connect|Name or service not known|Connection refused/,
    "check the host and port in DB_URI (--db-uri) or DB_HOST (--db-host)",
  ],
];

/** Redis and Valkey by `redis-cli --rdb -`: the server's whole data set, all numbered databases. */
export const redis: Engine = {
  ...plainEngine,
  name: "redis",
  title: "Redis",
  defaultPort: 6379,
  schemes: ["redis", "rediss"],
  modes: ["stream"],
  supportsCompression: false,
  needsDatabase: false,
  review,
  dumpCommand,
  folderPlan: () => ({ steps: [], check: () => [{ message: "Redis has no directory mode" }] }),
  streamFilter,
  announcedBytes,
  defaultExtension: () => ".rdb",
  passwordFlag: /^(-a|--pass|-u)(=|$)/,
  conflictingFlags,
  expectedFormat: () => rdb,
  hint: (stderr) => advise(stderr, advice),
};

function review({ connection, compression }: DumpRequest): Review {
  const { hosts, scheme, user, password, params } = connection;
  const problems: Problem[] = [];
  if (hosts.length > 1) {
    problems.push({
      message: "DB_URI (--db-uri) names several hosts, and a backup of Redis reads one",
      hint: "name one node; of a cluster, run one job for each shard",
    });
  }
  if (scheme !== null && user !== null && password === null) {
    // Most drivers, and redis-cli, take such a user for the password; as a user it would stand in the command line.
    problems.push({
      message: "DB_URI (--db-uri) has a user and no password",
      hint: "with a password alone the URI is redis://:PASSWORD@host, with a colon before it",
    });
  }
  const unknown = params.map(([key]) => key).filter((key) => !isKnownParam(plain(key)));
  const warnings = unknown.map(
    (key) => `DB_URI (--db-uri): the parameter ${key} is unknown to redis-cli and is left out`,
  );
  if (compression.kind === "native") {
    warnings.push("BACKUP_COMPRESS (--backup-compress): an RDB is compact already, true does nothing here");
  }
  return { problems, warnings };
}

/** Never `-u`, which shows the password in the process list and misreads `redis://:password@host` and IPv6. */
function dumpCommand({ connection, extraArgs }: DumpRequest): Command {
  const { hosts, user, password } = connection;
  const { host = "", port = null } = hosts[0] ?? {};
  const target = host.startsWith("/")
    ? ["-s", host]
    : [...(host === "" ? [] : ["-h", host]), ...(port === null ? [] : ["-p", String(port)])];
  const env: Record<string, string> = {};
  // Without this variable redis-cli sends no AUTH at all, also for a user who has no password.
  if (password !== null || user !== null) env["REDISCLI_AUTH"] = password?.reveal() ?? "";
  return {
    tools: ["redis-cli", "valkey-cli"],
    args: [
      ...target,
      ...(user === null ? [] : ["--user", user]),
      ...tlsArgs(connection, host),
      "--rdb",
      "-",
      ...extraArgs,
    ],
    env,
    files: [],
  };
}

function tlsArgs({ scheme, params }: DumpRequest["connection"], host: string): string[] {
  const plainParams = params.map(([key, value]) => [plain(key), value] as const);
  const asked = plainParams.some(([key, value]) => tlsParams.has(key) && /^(true|1|yes|)$/i.test(value));
  if (scheme !== "rediss" && !asked) return [];
  const flags = plainParams.flatMap(([key, value]) => {
    const flag = flagOfParam.get(key);
    return flag === undefined ? [] : [flag, value];
  });
  // redis-cli sends no server name by itself; hosted services choose the certificate, or the server, by it.
  const sni = flags.includes("--sni") || /^[\d.]+$|:|^\/|^$/.test(host) ? [] : ["--sni", host];
  const insecure = plainParams.some(([key, value]) => insecureParams.get(key)?.test(value) === true);
  return ["--tls", ...flags, ...sni, ...(insecure ? ["--insecure"] : [])];
}

/** `ssl_cert_reqs`, `sslCertReqs` and `ssl-cert-reqs` are one parameter in three drivers. */
function plain(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, "");
}

function isKnownParam(key: string): boolean {
  return flagOfParam.has(key) || insecureParams.has(key) || tlsParams.has(key);
}

/**
 * redis-cli says before the first byte which way the RDB comes (redis-cli.c, getRDB). Diskless, it writes the
 * end marker to a pipe too; `head` (coreutils, busybox) takes it off in a process of its own.
 */
function streamFilter(stderr: string): Command | null | undefined {
  if (stderr.includes("until EOF marker"))
    return { tools: ["head"], args: ["-c", `-${markerBytes}`], env: {}, files: [] };
  return /writing \d+ bytes/.test(stderr) ? null : undefined;
}

/** redis-cli's own count of the RDB; with a marker where no filter took it off. */
function announcedBytes(stderr: string): readonly number[] | null {
  const diskless = /finished with success after (\d+) bytes/.exec(stderr)?.[1];
  if (diskless !== undefined) return [Number(diskless), Number(diskless) + markerBytes];
  const onDisk = /writing (\d+) bytes/.exec(stderr)?.[1];
  return onDisk === undefined ? null : [Number(onDisk)];
}

function conflictingFlags(): readonly ConflictingFlag[] {
  return [
    {
      pattern: /^--rdb(=.*)?$/,
      consequence: "redis-cli writes to that file and no stream: the backup will fail as empty",
    },
    {
      pattern: /^--functions-rdb(=.*)?$/,
      consequence: "redis-cli writes the functions alone: the data will not be in the backup",
    },
    {
      pattern:
        /^(--(stat|scan|bigkeys|memkeys|keystats|hotkeys|latency(-history|-dist)?|replica|slave|pipe|lru-test|intrinsic-latency|eval|cluster|help|version)(=.*)?|-[rxX].*|-v)$/,
      consequence: "redis-cli does that instead of writing the data: the backup will fail",
    },
  ];
}
