import { advise, type Problem } from "../../errors.ts";
import {
  type Command,
  type ConflictingFlag,
  type DumpPaths,
  type DumpRequest,
  type Engine,
  type FolderFile,
  type Review,
  plainEngine,
} from "../engine.ts";
import { aboutItself } from "../flags.ts";
import { uriSetting } from "../params.ts";
import { mongoAdvice } from "./advice.ts";
import { isEmptyArchive, mongoArchive } from "./archive.ts";
import { mongoDatabases, mongoOwnDatabases } from "./databases.ts";
import { concernsConnection, inspectionProbe } from "./inspection.ts";
import { readMongoParams } from "./params.ts";
import { mongoQuestions } from "./questions.ts";
import { judgeRemarks, mongoRemarks } from "./remarks.ts";
import { configFile, mongoSchemes } from "./uri.ts";

/** MongoDB by `mongodump`. */
export const mongo: Engine = {
  ...plainEngine,
  name: "mongo",
  title: "MongoDB",
  defaultPort: 27_017,
  schemes: mongoSchemes,
  modes: ["stream", "directory", "tar"],
  supportsCompression: true,
  needsDatabase: true,
  review,
  namedFiles: ({ connection }) =>
    [...readMongoParams(connection).options].flatMap(([option, { key, value }]) =>
      fileOptions.includes(option) ? [{ setting: `${uriSetting}: ${key}`, path: value }] : [],
    ),
  inspection: (request, paths) => (request.database === null ? inspectionProbe(request, paths) : null),
  questions: (request, paths) => {
    const dump = dumpCommand(plainStream(request), { ...paths, outputDir: null });
    return mongoQuestions(request, paths, dump, nothingFound(request.database));
  },
  databases: (request, paths) => {
    const extraArgs = request.extraArgs.filter((word) => concernsConnection.test(word));
    const all: DumpRequest = { ...plainStream(request), database: null, extraArgs };
    return mongoDatabases(all, paths, dumpCommand(all, { ...paths, outputDir: null }));
  },
  ownDatabases: mongoOwnDatabases,
  dumpCommand,
  folderPlan: (request, paths) => ({
    steps: [{ command: dumpCommand(request, paths), stdoutFile: null }],
    check: (files) => (files.some(holdsCollection) ? [] : [nothingFound(request.database)]),
  }),
  remarks: mongoRemarks,
  judge: judgeRemarks,
  defaultExtension,
  passwordFlag:
    /^(-p|--password\b(?!-[a-z])|--uri\b(?!=[a-z+]+:\/\/[\w.-]+(:\d+)?(,[\w.-]+(:\d+)?)*(\/\w*)?$)|--sslPEMKeyPassword\b)/,
  conflictingFlags,
  expectedFormat: (request) => (request.mode === "stream" && !isGzip(request) ? mongoArchive : null),
  content: (request) =>
    request.mode === "stream" && isGzip(request)
      ? { packedBy: "gzip", endMark: mongoArchive, reader: null }
      : null,
  emptiness: ({ mode, database }, object) =>
    mode === "stream" && isEmptyArchive(object) ? nothingFound(database) : null,
  // Not by "auth error": the driver says so, too, of a connection that is lost on the way.
  loginRefusal:
    /\((AuthenticationFailed|UserNotFound|MechanismUnavailable)\)|authentication failed|bad auth|requires authentication/i,
  // A collection, or a view, as the archive's prelude names it; later versions may word it otherwise.
  signOfContent: ({ database }) => ({
    line: /\barchive prelude \S|\bwriting \S.* to archive\b|\bdone dumping \S/,
    missing: nothingFound(database),
  }),
  hint: (stderr) => advise(stderr, mongoAdvice),
};

function plainStream(request: DumpRequest): DumpRequest {
  return { ...request, mode: "stream", compression: { kind: "none" }, recipients: null };
}

function review({ connection, mode, compression, recipients, extraArgs }: DumpRequest): Review {
  const reading = readMongoParams(connection);
  const problems: Problem[] = [...reading.problems];
  const warnings = [...reading.warnings];
  const { scheme, hosts, uri } = connection;
  if (scheme === "mongodb+srv" && (hosts.length !== 1 || hosts[0]?.port !== null)) {
    problems.push({
      message: "DB_URI (--db-uri): a mongodb+srv:// URI names one host, without a port",
      hint: "hosts with ports are written as mongodb://host1:27017,host2:27017/…",
    });
  }
  // A path in a URI, which the driver knows by its end, is a socket too.
  if (hosts.some(({ host }) => host.indexOf("/") > 0 && !host.endsWith(".sock"))) {
    problems.push({
      message: `${uri === null ? "" : "DB_URI (--db-uri) or "}DB_HOST (--db-host): a host's name can't hold a /`,
      hint: "DB_HOST takes hosts alone; a replica set is named as in DB_URI=mongodb://h1,h2/?replicaSet=rs0",
    });
  }
  if (mode === "directory" && compression.kind === "zstd") {
    problems.push({
      message: "BACKUP_COMPRESS (--backup-compress): mongodump can't write a folder of zstd files",
      hint: "BACKUP_COMPRESS=true compresses each file with gzip; BACKUP_MODE=tar can be compressed with zstd",
    });
  }
  if (mode === "stream" && recipients !== null && extraArgs.some((word) => /^--quiet\b/.test(word))) {
    problems.push({
      message:
        "DUMP_EXTRA_ARGS (--dump-extra-args) has --quiet: of an encrypted backup only mongodump's words tell whether a collection is in it",
      hint: "leave --quiet out; its words stand in the log at LOG_LEVEL=debug alone",
    });
  }
  if (mode === "directory" && compression.kind === "gzip" && compression.level !== null) {
    warnings.push(
      "BACKUP_COMPRESS (--backup-compress): mongodump chooses gzip's level itself in directory mode",
    );
  }
  return { problems, warnings };
}

/** Options that name a file. */
const fileOptions = ["tlsCAFile", "tlsCertificateKeyFile", "tlsCertificateFile", "tlsPrivateKeyFile"];

function dumpCommand(request: DumpRequest, { privateDir, outputDir }: DumpPaths): Command {
  const { connection, database, mode, compression, recipients, extraArgs } = request;
  const config = configFile(`${privateDir}/mongodump.yaml`, connection, database);
  const gzip = compression.kind === "native" || (mode === "directory" && compression.kind === "gzip");
  const target = mode === "stream" || outputDir === null ? "--archive" : `--out=${outputDir}`;
  // Then it names each collection and view, and nobody can look for them in what is stored.
  const loud = mode === "stream" && recipients !== null ? ["-v"] : [];
  return {
    tools: ["mongodump"],
    args: [`--config=${config.path}`, target, ...(gzip ? ["--gzip"] : []), ...loud, ...extraArgs],
    env: {},
    files: [config],
  };
}

function holdsCollection({ path }: FolderFile): boolean {
  return /\.(bson|metadata\.json)(\.gz)?$/.test(path);
}

/** mongodump exits 0 then, with an empty archive or without a folder. */
function nothingFound(database: string | null): Problem {
  if (database === null) {
    return {
      message: "the server shows this user no database with a collection",
      hint: "the role backup lets a user read all databases",
    };
  }
  return {
    message: `the database ${database} does not exist or holds no collection`,
    hint: "check the name in DB_URI (--db-uri) or DB_NAME (--db-name); upper and lower case count",
  };
}

function defaultExtension(request: DumpRequest): string {
  if (request.mode === "directory") return "";
  if (request.mode === "tar") return ".tar";
  return isGzip(request) ? ".archive.gz" : ".archive";
}

/** Extra arguments win. */
function isGzip({ compression, extraArgs }: DumpRequest): boolean {
  return (
    compression.kind === "native" || extraArgs.some((word) => word === "--gzip" || word === "--gzip=true")
  );
}

/** A server by `--uri` with nothing that could be a secret, so that it may be shown. */
const plainUri = /^--uri=[a-z+]+:\/\/[\w.-]+(:\d+)?(,[\w.-]+(:\d+)?)*(\/\w*)?$/;

function conflictingFlags({
  mode,
  database,
}: Pick<DumpRequest, "mode" | "database">): readonly ConflictingFlag[] {
  const ofItself = aboutItself("mongodump", /^(--(help|version)(=.*)?|-[V?])$/);
  const ofServer: ConflictingFlag = {
    pattern: plainUri,
    consequence: "dbstash tells mongodump the server itself",
    refusal: "set DB_URI (--db-uri) instead",
  };
  // Beside the name of a database mongodump takes none but the same.
  const oneOfAll: readonly ConflictingFlag[] =
    database !== null
      ? []
      : [
          {
            pattern: /^(-d.*|--db(=.*)?)$/,
            consequence: "mongodump dumps that database alone, and the backup would be called one of all",
            refusal: "set DB_NAME (--db-name) instead of BACKUP_ALL_DATABASES",
          },
        ];
  if (mode !== "stream") {
    return [
      ofItself,
      ofServer,
      ...oneOfAll,
      {
        pattern: /^--archive(=.*)?$/,
        consequence: "mongodump writes one archive and no folder: the backup will fail",
      },
    ];
  }
  return [
    ofItself,
    ofServer,
    ...oneOfAll,
    {
      pattern: /^(-o.*|--out(=.*)?)$/,
      consequence: "mongodump refuses it beside --archive: the backup will fail",
    },
    {
      pattern: /^--archive=(?!-$)/,
      consequence: "mongodump writes to that file and no stream: the backup will fail as empty",
    },
  ];
}
