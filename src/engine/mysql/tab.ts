import { type Advice, advise, type Problem } from "../../errors.ts";
import type { EngineName } from "../../kinds.ts";
import type { Command, DumpPaths, DumpRequest, Facts, FolderPlan, Probe, ProbeOutcome } from "../engine.ts";
import { clientOf, concernsConnection, sqlCommand } from "./client.ts";
import { loadCommand, loadFile } from "./load.ts";

/** Arguments of every dump but that of a folder's tables. */
export const objectArgs = ["--default-character-set=utf8mb4", "--routines", "--events", "--triggers"];

/** What belongs to a database beside its tables comes on stdout; into these files of the folder it goes. */
const sequencesFile = "dbstash-sequences.sql";
const routinesFile = "dbstash-routines.sql";

/** The fact that the server's answer leaves. */
const tablesFact = "tables";

const alternatives =
  "BACKUP_MODE=stream needs none of this, and is the mode for a server on another machine or in another container";

const refusals: readonly Advice[] = [
  [/FILE privilege|Access denied/, "the user needs the privilege FILE (GRANT FILE ON *.* TO …)"],
  [
    /secure-file-priv/,
    // MariaDB 11 says so, too, of any folder it can't find.
    "the server does not see the folder, or BACKUP_TEMP_DIR does not lie below the one that its secure_file_priv names; every folder above must let everybody through (mode 0711)",
  ],
  [
    /\berrno:? 2\b|Errcode: 2\b/i,
    "the server does not see the folder: it does not share this machine's file system",
  ],
  [
    /\berrno:? 13\b|Errcode: 13\b/i,
    "the server may not write there: every folder above BACKUP_TEMP_DIR must let everybody through (mode 0711)",
  ],
];

const ofTables =
  "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')";

/** Errors of the connection: they say nothing about files. */
const connectionError = /ERROR (1044|1045|1049|1698|20\d\d)\b/;

/**
 * Asks the server, by a file it is to write into the output folder, whether it shares our file system:
 * `--tab` exits 0 with no data at all where it does not and the same path happens to exist there.
 * Null once that is known.
 */
export function tabProbe(
  engine: EngineName,
  request: DumpRequest,
  paths: DumpPaths,
  facts: Facts,
): Probe | null {
  const { outputDir } = paths;
  if (outputDir === null || facts[tablesFact] !== undefined) return null;
  const client = clientOf(engine, facts);
  const path = `${outputDir}/dbstash-probe.txt`;
  // The folder's name is unguessable, so the file holds what nobody else could have written.
  const token = outputDir.slice(outputDir.lastIndexOf("/") + 1);
  const sql = [
    // Of tables that only stand for others the dump tool writes the definition alone.
    `SELECT 'tables', COUNT(*) ${ofTables} AND COALESCE(engine, '') NOT IN ('MRG_MyISAM', 'FEDERATED')`,
    ...(client.flavour === "oracle" ? [unwritable] : []),
    unescaped,
    `SELECT ${sqlString(token)} INTO OUTFILE ${sqlString(path)}`,
  ].join("; ");
  return {
    title: "shared file system",
    command: sqlCommand(request, paths, client, "tab", sql),
    readsFile: path,
    interpret: (outcome) => {
      const tables = /^tables\t(\d+)$/m.exec(outcome.stdout)?.[1] ?? "0";
      const problem = sharingProblem(outcome, token) ?? nameProblem(outcome) ?? encodingProblem(outcome);
      const problems = problem === null ? [] : [problem];
      return { problems, warnings: [], leftOut: [], facts: { [tablesFact]: tables } };
    },
  };
}

function sharingProblem({ exitCode, stderr, fileContent }: ProbeOutcome, token: string): Problem | null {
  const needs = "directory and tar modes need a server that writes into BACKUP_TEMP_DIR (--backup-temp-dir)";
  if (exitCode === null) {
    return {
      message: `${needs}, and whether this one does can't be asked: the mysql or mariadb client program gave no answer`,
      hint: alternatives,
    };
  }
  if (exitCode !== 0) {
    const words =
      stderr
        .trim()
        .split("\n")
        .findLast((line) => line.includes("ERROR")) ?? "it gave no reason";
    if (connectionError.test(words))
      return { message: `the database server could not be asked: ${words}`, words };
    const advice = advise(stderr, refusals);
    return {
      message: `${needs}, and this one did not: ${words}`,
      words,
      hint: advice === null ? alternatives : `${advice}; ${alternatives}`,
    };
  }
  if (fileContent?.trim() === token) return null;
  return {
    message: `${needs}, and what this one wrote can't be read here: it is on another machine, or its files are closed to this user`,
    hint: `on the same machine dbstash must run as root or as the server's user; ${alternatives}`,
  };
}

/** Where MariaDB's client encodes what a file name can't hold, MySQL's takes a `/` for a folder's, anywhere on the disk. */
const unwritable =
  "SELECT 'unwritable', table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND (LOCATE('/', table_name) > 0 OR LOCATE('''', table_name) > 0 OR LOCATE(CHAR(92), table_name) > 0)";

function nameProblem({ stdout }: ProbeOutcome): Problem | null {
  const name = /^unwritable\t(.*)$/m.exec(stdout)?.[1];
  if (name === undefined) return null;
  return {
    // The client doubles a backslash.
    message: `directory and tar modes can't hold ${name.replaceAll("\\\\", "\\")}: MySQL's client makes a file of each table's name, which may have no /, ' or \\ in it`,
    hint: "rename it, or use BACKUP_MODE=stream",
  };
}

/**
 * The server puts a backslash before a tab, a line end or a backslash of a value, but not where that byte is a part of a
 * character, as it may be in these character sets: what it writes can't be read back.
 */
const unescaped = `SELECT 'unescaped', character_set_name, table_name FROM information_schema.columns WHERE table_schema = DATABASE() AND character_set_name IN ('big5', 'cp932', 'gb18030', 'gbk', 'sjis', 'ucs2', 'utf16', 'utf16le', 'utf32') AND table_name IN (SELECT table_name ${ofTables})`;

function encodingProblem({ stdout }: ProbeOutcome): Problem | null {
  const [, encoding, table] = /^unescaped\t(.*)\t(.*)$/m.exec(stdout) ?? [];
  if (encoding === undefined) return null;
  return {
    message: `directory and tar modes can't hold ${table}: in the character set ${encoding} the server writes a file that can't be read back`,
    hint: "use BACKUP_MODE=stream, or convert the columns to utf8mb4",
  };
}

/**
 * The commands of a `--tab` backup, and what must be in the folder after them. Triggers come apart, since they would
 * fire while the tables are loaded.
 * @param dump builds the engine's dump command with these arguments in front of the user's
 */
export function tabPlan(
  engine: EngineName,
  request: DumpRequest,
  paths: DumpPaths,
  facts: Facts,
  dump: (request: DumpRequest, own: readonly string[]) => Command,
): FolderPlan {
  const tableDump = dump(request, [
    // No character set: only then are the definitions in utf8mb4 and the data in the bytes of the columns.
    "--skip-triggers",
    `--tab=${paths.outputDir ?? ""}`,
  ]);
  const routineDump = dump(
    {
      ...request,
      extraArgs: request.extraArgs.filter(
        (word) => concernsConnection(word) || /^--skip-(triggers|routines|events)$/.test(word),
      ),
    },
    ["--no-data", "--no-create-info", ...objectArgs],
  );
  return {
    steps: [
      { command: tableDump, stdoutFile: sequencesFile },
      { command: loadCommand(request, paths, clientOf(engine, facts)), stdoutFile: loadFile },
      { command: routineDump, stdoutFile: routinesFile },
    ],
    check: (files) => {
      const written = files.filter(({ path }) => path.endsWith(".txt")).length;
      const expected = Number(facts[tablesFact] ?? 0);
      // Arguments of the user's may leave tables out; then their number proves nothing.
      if (written >= expected || request.extraArgs.some((word) => !concernsConnection(word))) return [];
      return [
        {
          message: `the server wrote the data of ${written} of ${expected} tables`,
          hint: alternatives,
        },
      ];
    },
  };
}

/** A literal for the default SQL mode; the paths are ours and hold no line breaks. */
function sqlString(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
