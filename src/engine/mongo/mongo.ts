import { type Advice, advise, type Problem } from "../../errors.ts";
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
import { isEmptyArchive, mongoArchive } from "./archive.ts";
import { inspectionProbe } from "./inspection.ts";
import { configFile, misreadParam } from "./uri.ts";

const advice: readonly Advice[] = [
  [
    /auth error|AuthenticationFailed|Authentication failed/,
    "check the user and password, and the database that holds the account: ?authSource=admin in DB_URI, or DB_AUTH_SOURCE (--db-auth-source)",
  ],
  [
    /not authorized|Unauthorized|requires authentication/,
    "the user needs the role read on the database, or backup for all of them",
  ],
  [/x509:|certificate/, "name the authority in DB_URI: ?tls=true&tlsCAFile=/path/to/ca.pem"],
  [
    /wire version/,
    "use a mongodump that knows this server's version (a newer dbstash image or tools package)",
  ],
  [
    /lookup _mongodb\._tcp/,
    "the host of a mongodb+srv:// URI must have SRV records; a plain server has mongodb://",
  ],
  [
    /ReplicaSetNoPrimary/,
    "no member of the replica set answered as primary: check replicaSet= in DB_URI, and that every member's own name resolves from here",
  ],
  [/server selection|no such host/, "check the host and port in DB_URI (--db-uri) or DB_HOST (--db-host)"],
];

/** MongoDB by `mongodump`. */
export const mongo: Engine = {
  ...plainEngine,
  name: "mongo",
  title: "MongoDB",
  defaultPort: 27_017,
  schemes: ["mongodb", "mongodb+srv"],
  modes: ["stream", "directory", "tar"],
  supportsCompression: true,
  needsDatabase: true,
  review,
  inspection: (request, paths) => (request.database === null ? inspectionProbe(request, paths) : null),
  dumpCommand,
  folderPlan: (request, paths) => ({
    steps: [{ command: dumpCommand(request, paths), stdoutFile: null }],
    check: (files) => (files.some(holdsCollection) ? [] : [nothingFound(request.database)]),
  }),
  judge,
  defaultExtension,
  passwordFlag: /^(-p|--password\b|--uri\b|--sslPEMKeyPassword\b)/,
  conflictingFlags,
  expectedFormat: ({ mode, compression }) =>
    mode === "stream" && compression.kind !== "native" ? mongoArchive : null,
  emptiness: ({ mode, database }, object) =>
    mode === "stream" && isEmptyArchive(object) ? nothingFound(database) : null,
  hint: (stderr) => advise(stderr, advice),
};

function review({ connection, mode, compression }: DumpRequest): Review {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const { scheme, hosts, params } = connection;
  if (scheme === "mongodb+srv" && (hosts.length !== 1 || hosts[0]?.port !== null)) {
    problems.push({
      message: "DB_URI (--db-uri): a mongodb+srv:// URI names one host, without a port",
      hint: "hosts with ports are written as mongodb://host1:27017,host2:27017/…",
    });
  }
  if (params.some(([key]) => key.toLowerCase() === misreadParam)) {
    warnings.push(
      "DB_URI (--db-uri): serverSelectionTimeoutMS is left out, since mongodump reads it as seconds; it waits 30 seconds by itself",
    );
  }
  if (mode === "directory" && compression.kind === "zstd") {
    problems.push({
      message: "BACKUP_COMPRESS (--backup-compress): mongodump can't write a folder of zstd files",
      hint: "BACKUP_COMPRESS=true compresses each file with gzip; BACKUP_MODE=tar can be compressed with zstd",
    });
  }
  if (mode === "directory" && compression.kind === "gzip" && compression.level !== null) {
    warnings.push(
      "BACKUP_COMPRESS (--backup-compress): mongodump chooses gzip's level itself in directory mode",
    );
  }
  return { problems, warnings };
}

function dumpCommand(request: DumpRequest, { privateDir, outputDir }: DumpPaths): Command {
  const { connection, database, mode, compression, extraArgs } = request;
  const config = configFile(`${privateDir}/mongodump.yaml`, connection, database);
  const gzip = compression.kind === "native" || (mode === "directory" && compression.kind === "gzip");
  const target = mode === "stream" || outputDir === null ? "--archive" : `--out=${outputDir}`;
  return {
    tools: ["mongodump"],
    args: [`--config=${config.path}`, target, ...(gzip ? ["--gzip"] : []), ...extraArgs],
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

function judge(stderr: string): Review {
  const dropped = [...stderr.matchAll(/the collection (.+) appears to have been dropped/g)];
  const warnings = dropped.map(
    ([, name]) => `the collection ${name} was dropped during the dump: it is not in it`,
  );
  return { problems: [], warnings };
}

function defaultExtension({ mode, compression }: DumpRequest): string {
  if (mode === "directory") return "";
  if (mode === "tar") return ".tar";
  return compression.kind === "native" ? ".archive.gz" : ".archive";
}

function conflictingFlags(mode: DumpRequest["mode"]): readonly ConflictingFlag[] {
  if (mode !== "stream") {
    return [
      {
        pattern: /^--archive(=.*)?$/,
        consequence: "mongodump writes one archive and no folder: the backup will fail",
      },
    ];
  }
  return [
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
