import { type Advice, advise } from "../../errors.ts";
import {
  type Beginning,
  type Command,
  type ConflictingFlag,
  type DumpPaths,
  type DumpRequest,
  type Engine,
  type Review,
  plainEngine,
} from "../engine.ts";
import { textFormat } from "../format.ts";
import { connectionSecrets, connectionString, fitsServiceFile, unknownParams } from "./connection.ts";

/** One blocked table would hold up the dump, and every query behind it, for ever (pg_dump has no limit of its own). */
const lockWaitTimeoutMs = 300_000;

const plainDump = textFormat(
  "plain pg_dump",
  /^--\n-- PostgreSQL database dump\n/,
  /\n-- PostgreSQL database dump complete\n--\n\n(\\unrestrict [A-Za-z0-9]+\n\n)?$/,
);

const clusterDump = textFormat(
  "pg_dumpall",
  /^--\n-- PostgreSQL database cluster dump/,
  /\n-- PostgreSQL database cluster dump complete\n--\n\n$/,
);

/** The magic of pg_backup_archiver.c; such a dump ends with its data, without a mark. */
const customDump: Beginning = {
  title: "a custom-format dump",
  bytes: new TextEncoder().encode("PGDMP"),
  reader: "pg_restore -f /dev/null",
};

/** Known causes behind the tools' words. */
const advice: readonly Advice[] = [
  [
    /server version mismatch/,
    "use a pg_dump at least as new as the server (a newer dbstash image or client package)",
  ],
  [/password authentication failed/, "check the user and password"],
  [/no password supplied/, "set DB_PASSWORD (--db-password) or DB_PASSWORD_FILE"],
  [/could not translate host name/, "check the host in DB_URI (--db-uri) or DB_HOST (--db-host)"],
  [
    /permission denied for table pg_authid/,
    "DUMP_EXTRA_ARGS=--no-role-passwords backs up all databases without superuser rights",
  ],
  [
    /permission denied for large object/,
    "as a superuser: ALTER ROLE … SET lo_compat_privileges = on, for the role that backs up",
  ],
  [
    /would be affected by row-level security/,
    "as a superuser: ALTER ROLE … BYPASSRLS, for the role that backs up",
  ],
  [
    /permission denied for (table|sequence|schema|view|materialized view|foreign table)/,
    "as a superuser: GRANT pg_read_all_data TO …, the role that backs up (from PostgreSQL 14 on)",
  ],
  [
    /invalid value "?zstd\S* for option -Z/,
    "zstd in directory mode needs pg_dump 16 or newer; BACKUP_COMPRESS=gzip does not, nor does BACKUP_MODE=tar",
  ],
  [
    /canceling statement due to (statement|lock) timeout/,
    "a table stayed locked; DUMP_EXTRA_ARGS=--lock-wait-timeout=… waits longer",
  ],
];

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
  dumpCommand,
  folderPlan: (request, paths) => ({
    steps: [{ command: dumpCommand(request, paths), stdoutFile: null }],
    check: (files) =>
      files.some(({ path }) => path === "toc.dat")
        ? []
        : [{ message: "pg_dump left no toc.dat in its folder" }],
  }),
  defaultExtension,
  passwordFlag: /:\/\/[^/@]*:[^@]*@|password\s*=/i,
  conflictingFlags,
  expectedFormat: (request) =>
    isPlain(request) ? (request.database === null ? clusterDump : plainDump) : null,
  beginning: (request) =>
    request.mode === "stream" && !isPlain(request) && request.extraArgs.length === 0 ? customDump : null,
  judge,
  hint: (stderr) => advise(stderr, advice),
};

function review({ connection, database, mode, compression }: DumpRequest): Review {
  const warnings = unknownParams(connection).map(
    (key) => `DB_URI (--db-uri): the parameter ${key} is unknown to libpq and is left out`,
  );
  const problems = [];
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
  if (!fitsServiceFile(connection)) {
    problems.push({
      message:
        "DB_URI (--db-uri): sslpassword has a line break, or a blank at an end, which a service file of libpq's can't hold",
      hint: "encrypt the client key anew, with another password",
    });
  }
  return { problems, warnings };
}

function dumpCommand(request: DumpRequest, paths: DumpPaths): Command {
  const { connection, database, extraArgs } = request;
  const secrets = connectionSecrets(connection, paths.privateDir);
  const dbname = `--dbname=${connectionString(connection, database, secrets.service)}`;
  const common = ["--no-password", `--lock-wait-timeout=${lockWaitTimeoutMs}`];
  if (database === null) {
    const maintenance = connection.database === null ? [] : [`--database=${connection.database}`];
    return {
      tools: ["pg_dumpall"],
      args: [...common, ...maintenance, ...extraArgs, dbname],
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

function isPlain({ mode, compression, database }: DumpRequest): boolean {
  return mode === "stream" && (database === null || compression.kind !== "native");
}

/** What pg_dump goes on without, subscriptions for all but superusers for one, it warns of. */
function judge(stderr: string): Review {
  const warnings = [...stderr.matchAll(/^(pg_dump(?:all)?): warning: (.+)$/gm)];
  return { problems: [], warnings: warnings.map(([, tool, words]) => `${tool}: ${words}`) };
}

function defaultExtension(request: DumpRequest): string {
  if (request.mode === "directory") return "";
  if (request.mode === "tar") return ".tar";
  return isPlain(request) ? ".sql" : ".dump";
}

function conflictingFlags(mode: DumpRequest["mode"]): readonly ConflictingFlag[] {
  if (mode !== "stream") {
    return [
      {
        pattern: /^(-F|--F|--format=)(?!([dD]|[dD]irectory|DIRECTORY)$)./,
        consequence: "pg_dump writes one file and no folder: the backup will fail",
      },
    ];
  }
  return [
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
