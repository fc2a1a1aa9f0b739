import { advise, type Problem } from "../errors.ts";
import {
  type Command,
  type ConflictingFlag,
  type DumpRequest,
  type Engine,
  type Probe,
  type Review,
  plainEngine,
} from "./engine.ts";
import { aboutItself } from "./flags.ts";
import type { Reader } from "./content.ts";
import type { DumpFormat } from "./format.ts";
import { uriSetting } from "./params.ts";
import { redisAdvice } from "./redis-advice.ts";
import { readRedisParams, wantsTls } from "./redis-params.ts";
import { redisQuestions } from "./redis-questions.ts";
import { silentServer } from "./silence.ts";
import { socketHint } from "./uri.ts";

const defaultPort = 6379;

/** What stands behind an RDB that was sent without a file on the server's disk (Redis' diskless replication). */
const markerBytes = 40;

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

/** Reads every key, and compares the checksum (redis-check-rdb.c). */
const checkRdb: Reader = {
  tools: ["redis-check-rdb", "valkey-check-rdb"],
  args: ["/dev/stdin"],
  damage: /RDB ERROR DETECTED/,
  aboutItself: /Can't handle RDB format version|Server crash|out of memory/i,
  tellsOnStdout: true,
  isOptional: true,
};

/** Redis and Valkey by `redis-cli --rdb -`: the server's whole data set, all numbered databases. */
export const redis: Engine = {
  ...plainEngine,
  dropsSlowReaders: true,
  name: "redis",
  title: "Redis",
  defaultPort,
  schemes: ["redis", "rediss", "valkey", "valkeys"],
  modes: ["stream"],
  supportsCompression: false,
  needsDatabase: false,
  review,
  namedFiles: ({ connection }) =>
    [...readRedisParams(connection).options].flatMap(([option, { key, value }]) =>
      /^--(cacert|cacertdir|cert|key)$/.test(option)
        ? [{ setting: `${uriSetting}: ${key}`, path: value }]
        : [],
    ),
  nextProbe: (request, _, facts) => (facts["answer"] === undefined ? answerProbe(request) : null),
  questions: (request) =>
    redisQuestions(request, (...words) =>
      clientCommand(request.connection, [...connectionWords(request.extraArgs), ...words]),
    ),
  dumpCommand,
  folderPlan: () => ({ steps: [], check: () => [{ message: "Redis has no directory mode" }] }),
  streamFilter,
  announcedBytes,
  defaultExtension: () => ".rdb",
  passwordFlag: /^(-a|--pass|-u)(=|$)/,
  conflictingFlags,
  expectedFormat: () => rdb,
  content: () => ({ packedBy: null, endMark: rdb, reader: checkRdb }),
  loginRefusal:
    /WRONGPASS|NOAUTH|invalid (username-password|password)|protected mode|without any password configured|no password is set/,
  hint: (stderr) => advise(stderr, redisAdvice),
};

function review({ connection, compression }: DumpRequest): Review {
  const { hosts, scheme, user, password } = connection;
  const reading = readRedisParams(connection);
  const problems: Problem[] = [...reading.problems];
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
  if (scheme !== null && !/^\d*$/.test(connection.database ?? "")) {
    problems.push({
      message: `${uriSetting}: the path of a URI of Redis is a database's number`,
      hint: /\/|\.sock/.test(connection.database ?? "")
        ? socketHint
        : "a backup holds all databases: leave the path out",
    });
  }
  const warnings = [...reading.warnings];
  if (compression.kind === "native") {
    warnings.push("BACKUP_COMPRESS (--backup-compress): an RDB is compact already, true does nothing here");
  }
  return { problems, warnings };
}

function dumpCommand({ connection, extraArgs }: DumpRequest): Command {
  return clientCommand(connection, ["--rdb", "-", ...extraArgs]);
}

/**
 * Asks for any answer at all. What else may be wrong redis-cli tells at the dump, but in a server that takes the
 * connection and stays silent it waits for ever.
 */
function answerProbe({ connection, extraArgs }: DumpRequest): Probe {
  const hint = wantsTls(connection, readRedisParams(connection))
    ? "a server without TLS stays silent towards rediss://: write redis://; else check the host and port, and whether a firewall stands between"
    : "a server with TLS may stay silent towards redis://: write rediss://; else check the host and port, and whether a firewall stands between";
  return {
    title: "an answer of the server",
    command: clientCommand(connection, [...connectionWords(extraArgs), "PING"]),
    readsFile: null,
    interpret: ({ isLate }) => ({
      problems: isLate ? [silentServer(connection, defaultPort, hint)] : [],
      warnings: [],
      leftOut: [],
      facts: { answer: String(!isLate) },
    }),
  };
}

/** What of the user's words is about the connection, with their values. */
function connectionWords(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    if (/^(--tls|--insecure|-[23])$/.test(word)) return [word];
    const value = words[index + 1];
    const takesValue =
      /^(-h|-p|-s|--user|--cacert|--cacertdir|--cert|--key|--sni|--tls-ciphers|--tls-ciphersuites)$/;
    return takesValue.test(word) && value !== undefined ? [word, value] : [];
  });
}

/** Never `-u`, which shows the password in the process list and misreads `redis://:password@host` and IPv6. */
function clientCommand(connection: DumpRequest["connection"], words: readonly string[]): Command {
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
    args: [...target, ...(user === null ? [] : ["--user", user]), ...tlsArgs(connection, host), ...words],
    env,
    files: [],
  };
}

function tlsArgs(connection: DumpRequest["connection"], host: string): string[] {
  const reading = readRedisParams(connection);
  if (!wantsTls(connection, reading)) return [];
  const flags = [...reading.options].flatMap(([option, { value }]) =>
    option.startsWith("--") ? [option, value] : [],
  );
  // redis-cli sends no server name by itself; hosted services choose the certificate, or the server, by it.
  const sni = flags.includes("--sni") || /^[\d.]+$|:|^\/|^$/.test(host) ? [] : ["--sni", host];
  const insecure = reading.options.get("check")?.value === "none";
  return ["--tls", ...flags, ...sni, ...(insecure ? ["--insecure"] : [])];
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

/** Only the dump would go by them, and the backup's name tells of another server. */
const elsewhere = (pattern: RegExp, setting: string): ConflictingFlag => ({
  pattern,
  consequence: `the dump goes by it, but neither the backup's name nor what is asked before it does: set ${setting}, or DB_URI (--db-uri), instead`,
  isAlone: true,
});

function conflictingFlags(): readonly ConflictingFlag[] {
  return [
    aboutItself("redis-cli", /^(--help|--version|-v)$/),
    elsewhere(/^-h$/, "DB_HOST (--db-host)"),
    elsewhere(/^-p$/, "DB_PORT (--db-port)"),
    elsewhere(/^-s$/, "DB_HOST (--db-host) to the socket's path"),
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
        /^(--(stat|scan|bigkeys|memkeys|keystats|hotkeys|latency(-history|-dist)?|replica|slave|pipe|lru-test|intrinsic-latency|eval|cluster)(=.*)?|-[rxX].*)$/,
      consequence: "redis-cli does that instead of writing the data: the backup will fail",
    },
  ];
}
