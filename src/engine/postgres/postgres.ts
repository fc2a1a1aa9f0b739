import { advise, type Problem } from "../../errors.ts";
import {
  type Command,
  type ConflictingFlag,
  type DumpPaths,
  type DumpRequest,
  type Engine,
  type Facts,
  type Review,
  plainEngine,
} from "../engine.ts";
import { postgresAdvice, providersOwn } from "./advice.ts";
import {
  connectionSecrets,
  connectionString,
  missingAuthority,
  namedFiles,
  serviceFileProblems,
} from "./connection.ts";
import { lacksPasswords, postgresDatabases } from "./databases.ts";
import { aboutItself } from "../flags.ts";
import { streamForm, switches } from "./format.ts";
import { readPostgresParams } from "./params.ts";
import { namedForAll, reachProbe } from "./probes.ts";
import { postgresQuestions } from "./questions.ts";
import { judgeRemarks, postgresRemarks } from "./remarks.ts";

/** One blocked table would hold up the dump, and every query behind it, for ever (pg_dump has no limit of its own). */
const lockWaitTimeoutMs = 300_000;

/** PostgreSQL by `pg_dump` and `pg_dumpall`. */
export const postgres: Engine = {
  ...plainEngine,
  name: "pg",
  title: "PostgreSQL",
  defaultPort: 5432,
  schemes: ["postgres", "postgresql"],
  modes: ["stream", "directory", "tar"],
  supportsCompression: true,
  needsDatabase: true,
  review,
  namedFiles: ({ connection }) => namedFiles(connection),
  missingAuthority: ({ connection }, authorities) => missingAuthority(connection, authorities),
  questions: postgresQuestions,
  databases: postgresDatabases,
  nextProbe: reachProbe,
  ownDatabases: ["template0", "template1", ...providersOwn],
  hasGlobals: true,
  dumpCommand,
  folderPlan: (request, paths) => ({
    steps: [{ command: dumpCommand(request, paths), stdoutFile: null }],
    check: (files) =>
      files.some(({ path }) => path === "toc.dat")
        ? []
        : [{ message: "pg_dump left no toc.dat in its folder" }],
  }),
  defaultExtension,
  passwordFlag: /:\/\/[^/@]*:[^@]*@|(?<!_)password\s*=/i,
  conflictingFlags,
  // A program in pg_dump's place may leave out the frame, which is made of comments, along with those of the objects.
  formFlag: new RegExp(`^(-${switches}F.*|--form(at?)?(=.*)?|--no-comments)$`),
  expectedFormat: (request) => (request.mode === "stream" ? streamForm(request).endMark : null),
  content: (request) => (request.mode === "stream" ? streamForm(request).content : null),
  beginning: (request) => (request.mode === "stream" ? streamForm(request).beginning : null),
  remarks: postgresRemarks,
  judge: judgeRemarks,
  loginRefusal:
    /authentication failed|no password supplied|no pg_hba.conf entry|pg_hba.conf rejects|not permitted to log in|role ".*" does not exist|requires a valid client certificate|no such user|Tenant or user not found/,
  hint: (stderr) => advise(stderr, postgresAdvice),
};

function review({ connection, database, mode, compression }: DumpRequest): Review {
  const reading = readPostgresParams(connection);
  const problems: Problem[] = [...reading.problems, ...serviceFileProblems(connection)];
  const warnings = [...reading.warnings, ...poolerWarnings(connection)];
  if (database === null && mode !== "stream") {
    problems.push({
      message: `BACKUP_ALL_DATABASES (--backup-all-databases) works with BACKUP_MODE=stream only: pg_dumpall writes plain SQL`,
      hint: "run one job for each database to use directory or tar mode",
    });
  }
  if (database === null && compression.kind === "native") {
    warnings.push(
      "BACKUP_COMPRESS (--backup-compress): pg_dumpall can't compress, true does nothing here; zstd can",
    );
  }
  return { problems, warnings };
}

/** A pooler in transaction mode gives each transaction another session: what pg_dump sets up in one is gone in the next. */
function poolerWarnings({ hosts }: DumpRequest["connection"]): string[] {
  const pooler = hosts.find(({ host, port }) => /-pooler\./.test(host) || port === 6543);
  if (pooler === undefined) return [];
  return [
    `${pooler.host} looks like a connection pooler, through which pg_dump can fail or mix sessions: name the server itself (of Supabase and Neon the host without -pooler, on port 5432)`,
  ];
}

function dumpCommand(request: DumpRequest, paths: DumpPaths, facts: Facts = {}): Command {
  const { connection, database, isGlobals, extraArgs } = request;
  const secrets = connectionSecrets(connection, paths.privateDir);
  const dbname = `--dbname=${connectionString(connection, database, secrets.service, paths)}`;
  const common = ["--no-password", `--lock-wait-timeout=${lockWaitTimeoutMs}`];
  if (database === null) {
    const named = namedForAll(request);
    const maintenance = named === null ? [] : [`--database=${named}`];
    return {
      tools: ["pg_dumpall"],
      args: [
        ...common,
        ...(isGlobals ? ["--globals-only", ...(lacksPasswords(facts) ? ["--no-role-passwords"] : [])] : []),
        ...maintenance,
        ...extraArgs,
        dbname,
      ],
      ...secrets.channel,
    };
  }
  return {
    tools: ["pg_dump"],
    args: [...common, ...formatArgs(request, paths), ...extraArgs, dbname],
    ...secrets.channel,
  };
}

function formatArgs({ mode, compression }: DumpRequest, { outputDir }: DumpPaths): string[] {
  if (mode === "stream" || outputDir === null)
    return compression.kind === "native" ? ["--format=custom"] : ["--format=plain"];
  return ["--format=directory", `--file=${outputDir}`, ...directoryCompression(mode, compression)];
}

/** In directory mode there is no pipe to compress, so the tool does what was asked; tar's pipe compresses itself. */
function directoryCompression(mode: DumpRequest["mode"], compression: DumpRequest["compression"]): string[] {
  if (compression.kind === "native") return [];
  if (mode === "tar" || compression.kind === "none") return ["--compress=0"];
  if (compression.kind === "gzip")
    return compression.level === null ? [] : [`--compress=${compression.level}`];
  return [`--compress=zstd${compression.level === null ? "" : `:${compression.level}`}`];
}

function defaultExtension(request: DumpRequest): string {
  if (request.mode === "directory") return "";
  if (request.mode === "tar") return ".tar";
  return streamForm(request).extension;
}

/** The connection string, which comes last, wins. */
const overridden = (pattern: RegExp, what: string, setting: string): ConflictingFlag => ({
  pattern,
  consequence: `it has no effect where the settings name ${what}: set ${setting}, or DB_URI (--db-uri), instead`,
  isAlone: true,
});

const connectionFlags: readonly ConflictingFlag[] = [
  overridden(new RegExp(`^(-${switches}d.*|--dbn?a?m?e?(=.*)?)$`), "the database", "DB_NAME (--db-name)"),
  overridden(new RegExp(`^(-${switches}h.*|--hos?t?(=.*)?)$`), "the host", "DB_HOST (--db-host)"),
  overridden(new RegExp(`^(-${switches}p.*|--por?t?(=.*)?)$`), "the port", "DB_PORT (--db-port)"),
  overridden(new RegExp(`^(-${switches}U.*|--usern?a?m?e?(=.*)?)$`), "the user", "DB_USER (--db-user)"),
];

function conflictingFlags({ mode }: Pick<DumpRequest, "mode">): readonly ConflictingFlag[] {
  const always = [aboutItself("pg_dump", /^(--help|--version|-[V?])$/), ...connectionFlags];
  if (mode !== "stream") {
    return [
      ...always,
      {
        pattern: /^(-F|--F|--format=)(?!([dD]|[dD]irectory|DIRECTORY)$)./,
        consequence: "pg_dump writes one file and no folder: the backup will fail",
      },
    ];
  }
  return [
    ...always,
    {
      pattern: /^(-F|--F|--format=)([dD]|[dD]irectory|DIRECTORY)$/,
      consequence: "pg_dump writes a folder and no stream: the backup will fail as empty",
    },
    {
      pattern: /^(-f.*|--file(=.*)?)$/,
      consequence: "pg_dump writes to that file and no stream: the backup will fail as empty",
    },
  ];
}
