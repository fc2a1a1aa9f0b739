import { advise, type Problem } from "../../errors.ts";
import type { EngineName } from "../../kinds.ts";
import {
  type Command,
  type ConflictingFlag,
  type Authorities,
  type DumpPaths,
  type DumpRequest,
  type Engine,
  type Facts,
  type NamedFile,
  type Review,
  plainEngine,
} from "../engine.ts";
import { aboutItself } from "../flags.ts";
import { textFormat } from "../format.ts";
import { uriSetting } from "../params.ts";
import { defaultPort, loginRefusal, mysqlAdvice } from "./advice.ts";
import { type Client, clientOf, clientProbe, connectionArgs, credentials, dumpTools } from "./client.ts";
import { mysqlDatabases, mysqlOwnDatabases } from "./databases.ts";
import { inspectionProbe } from "./inspection.ts";
import { readMysqlParams } from "./params.ts";
import { answerProbe, tlsProbe } from "./probes.ts";
import { mysqlQuestions } from "./questions.ts";
import { judgeRemarks, mysqlRemarks } from "./remarks.ts";
import { objectArgs, tabPlan, tabProbe } from "./tab.ts";
import { needsCaBundle } from "./tls.ts";

/** The first line of MariaDB's newer clients is a guard against commands of the client in a dump. */
const sqlDump = textFormat(
  "mysqldump",
  /^(\/\*M?!999999\\- enable the sandbox mode \*\/ *\n)?-- (MySQL|MariaDB) dump /,
  /\n-- Dump completed( on \d{4}-\d\d-\d\d [ \d]\d:\d\d:\d\d)?\n$/,
);

const xmlDump = textFormat("mysqldump XML", /^<\?xml /, /<\/mysqldump>\s*$/);

/** Options of one letter that take no value, which may stand before another one in the same word. */
const switches = "[ABCEFHKNQRXYacdefilnqtvxy]*";

/** What makes a dump whole and restorable whatever the client's own defaults are. */
const baseArgs = [
  "--single-transaction",
  "--quick",
  "--hex-blob",
  // Without it MySQL 8 wants the privilege PROCESS, for tablespaces that hardly anyone has.
  "--no-tablespaces",
  // The clients' 16 or 24 MB end a dump at the first larger value; memory is taken as needed.
  "--max-allowed-packet=1G",
];

/** MySQL by Oracle's `mysqldump`. */
export const mysql: Engine = sqlEngine("mysql", "MySQL");

/** MariaDB by `mariadb-dump`. */
export const mariadb: Engine = sqlEngine("mariadb", "MariaDB");

/** Either engine works with either client: what is installed, and what the server is, need not match the name. */
function sqlEngine(name: EngineName, title: string): Engine {
  const command = (request: DumpRequest, paths: DumpPaths, facts: Facts = {}) =>
    dumpCommand(name, request, paths, facts, objectArgs);
  return {
    ...plainEngine,
    dropsSlowReaders: true,
    name,
    title,
    defaultPort,
    schemes: ["mysql", "mariadb"],
    modes: ["stream", "directory", "tar"],
    supportsCompression: false,
    needsDatabase: true,
    serverWritesFolder: true,
    review,
    namedFiles,
    missingAuthority,
    nextProbe: (request, paths, facts) =>
      clientProbe(name, request, facts) ??
      answerProbe(clientOf(name, facts), request, paths, facts) ??
      tlsProbe(clientOf(name, facts), request, paths, facts) ??
      tabProbe(name, request, paths, facts),
    inspection: (request, paths, facts) => inspectionProbe(name, request, paths, facts),
    questions: (request, paths, known) => mysqlQuestions(name, request, paths, known),
    databases: (request, paths, facts) => mysqlDatabases(request, paths, clientOf(name, facts)),
    ownDatabases: mysqlOwnDatabases,
    dumpCommand: command,
    folderPlan: (request, paths, facts = {}) =>
      tabPlan(name, request, paths, facts, (part, own) => dumpCommand(name, part, paths, facts, own)),
    remarks: mysqlRemarks,
    judge: judgeRemarks,
    defaultExtension: (request) =>
      request.mode === "directory" ? "" : request.mode === "tar" ? ".tar" : isXml(request) ? ".xml" : ".sql",
    passwordFlag: /^(-p.|--password\b(?!-[a-z]))/,
    conflictingFlags,
    // The frame that a dump is known by is made of comments.
    formFlag: /^--(loose[-_])?(compac|(skip|disable)[-_]comm|comm\w*=(0|off|false)$)/i,
    expectedFormat: (request) => (request.mode !== "stream" ? null : isXml(request) ? xmlDump : sqlDump),
    loginRefusal,
    hint: (stderr) => advise(stderr, mysqlAdvice),
  };
}

function review({ connection, database, mode, compression }: DumpRequest): Review {
  const reading = readMysqlParams(connection);
  const problems: Problem[] = [...reading.problems];
  const refuse = (message: string, hint: string): void => void problems.push({ message, hint });
  if (connection.hosts.length > 1) {
    refuse("DB_URI (--db-uri) names several hosts, and mysqldump reads one", "name the one to dump");
  }
  if (/[\r\n]/.test(connection.password?.reveal() ?? "")) {
    refuse("the password holds a line break", "an option file of MySQL can't hold it");
  }
  if (database === null && mode !== "stream") {
    refuse(
      "BACKUP_ALL_DATABASES (--backup-all-databases) works with BACKUP_MODE=stream only: mysqldump --tab writes one database",
      "run one job for each database to use directory or tar mode",
    );
  }
  if (compression.kind !== "none" && compression.kind !== "native" && mode === "directory") {
    refuse(
      "BACKUP_COMPRESS (--backup-compress) does not work with BACKUP_MODE=directory: the database server writes the files",
      "BACKUP_MODE=tar can be compressed",
    );
  }
  return { problems, warnings: reading.warnings };
}

/** Options of the client programs that name a file, or a folder of files. */
const fileOptions = /^--(ssl-(ca|capath|cert|key|crl|crlpath)|server-public-key-path)$/;

function namedFiles({ connection }: DumpRequest): NamedFile[] {
  return [...readMysqlParams(connection).options].flatMap(([option, { key, value }]) =>
    fileOptions.test(option) ? [{ setting: `${uriSetting}: ${key}`, path: value }] : [],
  );
}

function missingAuthority({ connection, extraArgs }: DumpRequest, { caBundle }: Authorities): Problem | null {
  if (!needsCaBundle(readMysqlParams(connection)) || caBundle !== null) return null;
  if (extraArgs.some((word) => word.startsWith("--ssl-ca"))) return null;
  return {
    message: `${uriSetting} asks for a check of the server's certificate, and this system has no bundle of authorities`,
    hint: "install ca-certificates, or name the authority with ssl-ca=FILE",
  };
}

/** `mysqldump --xml` writes another format. */
function isXml({ extraArgs }: DumpRequest): boolean {
  return extraArgs.some((word) => new RegExp(`^(--xml?$|-${switches}X)`).test(word));
}

function dumpCommand(
  name: EngineName,
  request: DumpRequest,
  { privateDir, caBundle }: DumpPaths,
  facts: Facts,
  own: readonly string[],
): Command {
  const { connection, extraArgs } = request;
  const client = clientOf(name, facts);
  const optionFile = `${privateDir}/mysqldump.cnf`;
  return {
    tools: dumpTools(name),
    args: [
      ...connectionArgs(connection, client, optionFile, caBundle),
      ...baseArgs,
      ...clientArgs(client),
      ...own,
      ...targetArgs(request.database, extraArgs),
    ],
    ...credentials(connection, optionFile),
  };
}

/** Options of one client alone; the other refuses them, or has no need of them. */
function clientArgs({ flavour, major }: Client): string[] {
  // LOCK TABLES in the dump makes the restore fail where a column's default takes the next value of a sequence.
  if (flavour === "mariadb") return ["--skip-add-locks"];
  return [
    // AUTO would lock all tables, and write a line that most servers refuse at the restore.
    "--set-gtid-purged=OFF",
    // On by default in 8.0, where it fails for servers without that table; 5.7 does not know the option.
    ...(major >= 8 ? ["--column-statistics=0"] : []),
  ];
}

/** The database stands before the user's arguments, so that names among them are tables, as mysqldump reads them. */
function targetArgs(database: string | null, extraArgs: readonly string[]): string[] {
  if (database === null) {
    // Accounts restored into `mysql` count from the next FLUSH PRIVILEGES on; --users brings them as statements.
    const flush = extraArgs.includes("--users") ? [] : ["--flush-privileges"];
    return ["--all-databases", ...flush, ...extraArgs];
  }
  return database.startsWith("-") ? [...extraArgs, "--", database] : [database, ...extraArgs];
}

/** Only the dump would go by them. */
const elsewhere = (pattern: RegExp, setting: string): ConflictingFlag => ({
  pattern,
  consequence: `the dump goes by it, but what is asked of the server before and beside it does not: set ${setting}, or DB_URI (--db-uri), instead`,
  isAlone: true,
});

const connectionFlags: readonly ConflictingFlag[] = [
  elsewhere(new RegExp(`^(-${switches}h.*|--hos?t?(=.*)?)$`), "DB_HOST (--db-host)"),
  elsewhere(new RegExp(`^(-${switches}P.*|--por?t?(=.*)?)$`), "DB_PORT (--db-port)"),
  elsewhere(new RegExp(`^(-${switches}S.*|--soc?k?e?t?(=.*)?)$`), "DB_HOST (--db-host) to the socket's path"),
  elsewhere(new RegExp(`^(-${switches}u.*|--user(=.*)?)$`), "DB_USER (--db-user)"),
];

const severalDatabases: ConflictingFlag = {
  pattern: new RegExp(`^(-${switches}B.*|--datab?a?s?e?s?(=.*)?)$`),
  consequence:
    "the backup will hold CREATE DATABASE and USE, so that its restore writes into the databases of these names whatever name it is given: run one job for each database instead",
  isAlone: true,
};

const allDatabases: ConflictingFlag = {
  pattern: new RegExp(`^(-${switches}A.*|--all-da?t?a?b?a?s?e?s?(=.*)?)$`),
  consequence: "mysqldump refuses it beside the name of a database",
  isAlone: true,
  refusal: "BACKUP_ALL_DATABASES=true, without a name, backs up every database",
};

function conflictingFlags({
  mode,
  database,
}: Pick<DumpRequest, "mode" | "database">): readonly ConflictingFlag[] {
  const toFile: ConflictingFlag = {
    pattern: /^(-r.*|--result-file(=.*)?)$/,
    consequence: "mysqldump writes to that file and no stream: the backup will fail as empty",
  };
  const toServer: ConflictingFlag = {
    pattern: /^(-T.*|--tab(=.*)?|--dir(=.*)?)$/,
    consequence:
      "the database server writes the tables to its own disk: the backup will hold routines and events at the most",
  };
  return [
    aboutItself(
      "mysqldump",
      new RegExp(`^(-${switches}[V?].*|--(loose[-_])?(versi?o?n?|help?|print-defaults)(=.*)?)$`),
    ),
    ...(mode === "stream" ? [toFile, toServer] : [toServer]),
    ...connectionFlags,
    ...(database === null ? [] : [allDatabases]),
    // With --tab the client refuses it, and says so.
    ...(database === null || mode !== "stream" ? [] : [severalDatabases]),
  ];
}
