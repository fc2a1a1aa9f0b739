import type { Secret } from "../config/secret.ts";
import type { Selectable } from "../config/selection.ts";
import type { Problem } from "../errors.ts";
import type { BackupMode, Compression, EngineName } from "../kinds.ts";
import type { Connection } from "./connection.ts";
import type { Content } from "./content.ts";
import type { DumpFormat } from "./format.ts";

/** Everything an engine needs to know to build its command: settings resolved, nothing of the machine. */
export interface DumpRequest {
  readonly connection: Connection;
  /** The database to dump; null stands for all of them. */
  readonly database: string | null;
  /** Not databases, but what they share: roles and tablespaces, as a stream. `database` is null then. */
  readonly isGlobals?: true;
  readonly mode: BackupMode;
  readonly compression: Compression;
  /** Whom the backup is encrypted to, as `age` takes them; null where it is not encrypted. */
  readonly recipients: readonly string[] | null;
  /** The words of `DUMP_EXTRA_ARGS`. */
  readonly extraArgs: readonly string[];
}

/** A file that a command reads a secret from: written with mode 0600 before the start, removed after the end. */
export interface PrivateFile {
  readonly path: string;
  readonly content: Secret;
}

/** A command line, complete and free of secrets; those travel in `env` or `files`. */
export interface Command {
  /** Names to look for on PATH, in order of preference. */
  readonly tools: readonly string[];
  readonly args: readonly string[];
  /** Variables added to the child's environment; may hold secrets. */
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly PrivateFile[];
}

/** Where this machine keeps the authorities that certificates are checked by. */
export interface Authorities {
  /** The system's bundle of public ones (PEM); null where none was found. */
  readonly caBundle: string | null;
  /** The file that libpq reads where none is named: `$PGSSLROOTCERT`, or `~/.postgresql/root.crt`; null for none. */
  readonly libpqRoot: string | null;
}

/** A file that a setting names and a dump tool reads. */
export interface NamedFile {
  /** As messages name it: `DB_URI (--db-uri): sslrootcert`. */
  readonly setting: string;
  readonly path: string;
}

/** What of this machine a command may name. */
export interface DumpPaths extends Authorities {
  /** A private 0700 folder of this run, for files with secrets. */
  readonly privateDir: string;
  /** Where directory and tar modes write (see `Engine.serverWritesFolder`). Null in stream mode. */
  readonly outputDir: string | null;
}

/** What an engine's probes learnt. Keys and values are the engine's own: collect them and hand them back. */
export type Facts = Readonly<Record<string, string>>;

/** The first bytes of a format that has no end mark, and who can tell whether all of it is there. */
export interface Beginning {
  /** For people, with its article: `a zstd file`. */
  readonly title: string;
  readonly bytes: Uint8Array;
  /** What reads a whole backup, and fails over a cut one: a command, for people. */
  readonly reader: string;
}

/** How long a probe's command may take: it needs seconds, and a server that does not answer must not hold up the run. */
export const probeLimitMs = 30_000;

/** How a probe's command ended. */
export interface ProbeOutcome {
  /** Null: it could not be started, was killed, or ran out of time. */
  readonly exitCode: number | null;
  /** It ran out of time. */
  readonly isLate: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** It was ended when it had printed as much as `Inquiry.enoughBytes`, of which no more is kept. */
  readonly isEnough: boolean;
  /** What `Probe.readsFile` held; null where there is no such file or it can't be read. */
  readonly fileContent: string | null;
}

/** Problems end the run before the dump (or fail it after); the rest is told; facts shape what follows. */
export interface Finding extends Judgement {
  readonly facts: Facts;
}

/** A short command that asks something. It needs no more than seconds and changes nothing. */
export interface Inquiry {
  /** For the debug log: `client version`. */
  readonly title: string;
  readonly command: Command;
  /** A file to read once the command has ended, and to remove; null for most. */
  readonly readsFile: string | null;
  /** It would print far more, and is ended when it has printed so much; left out: it prints little. */
  readonly enoughBytes?: number;
  /** What it prints is no text: each character of `ProbeOutcome.stdout` stands for one byte then. */
  readonly isBinary?: true;
}

/** An inquiry of a run, whose output is interpreted purely. */
export interface Probe extends Inquiry {
  readonly interpret: (outcome: ProbeOutcome) => Finding;
}

/** What `check` is told: what the run's own probes tell, and what is well. */
export interface Answered extends Judgement {
  /** A phrase such as `as backup, PostgreSQL 18.1`; null where nothing is worth saying. */
  readonly found: string | null;
  /** What could not be tried, and a dump may fail by. */
  readonly untried: readonly Remark[];
}

/** An inquiry of `check` alone. Its title is that of its line: `connection`, `rights`. */
export interface Question extends Inquiry {
  readonly interpret: (outcome: ProbeOutcome) => Answered;
}

/** A database that a server has. */
export interface ServerDatabase extends Selectable {
  /** Why it can't be backed up; null where nothing speaks against it. */
  readonly problem: Problem | null;
}

/** The databases of a server, as far as the user may see them. */
export interface DatabaseList extends Finding {
  readonly databases: readonly ServerDatabase[];
  /** What a backup of roles and tablespaces will lack: warnings of a run that makes one. */
  readonly leftOutOfGlobals: readonly Remark[];
}

/** An inquiry that is answered by the databases of a server. */
export interface DatabasesInquiry extends Inquiry {
  /** Null: this one tells nothing, and the next one is asked. */
  readonly interpret: (outcome: ProbeOutcome) => DatabaseList | null;
}

/** How a server is asked for its databases. */
export interface DatabasesQuestion {
  /** One after another, until one tells; the last one always does. */
  readonly inquiries: readonly DatabasesInquiry[];
  /** Whether the user sees all of them, where the list itself does not tell; null where it does. Finds no problems. */
  readonly sight: Probe | null;
}

/** What is known when an engine is asked for its questions. */
export interface Known {
  /** What the run's probes have learnt. */
  readonly facts: Facts;
  /** What the dump tool says of its version; empty where it says nothing. */
  readonly toolVersion: string;
}

/** One file of a finished folder, by its path inside it. */
export interface FolderFile {
  readonly path: string;
  readonly bytes: number;
}

/** How directory and tar modes fill their folder. */
export interface FolderPlan {
  /** Run one after another; each must exit 0. `stdoutFile` (inside the folder) takes a step's stdout. */
  readonly steps: readonly { readonly command: Command; readonly stdoutFile: string | null }[];
  /** What is missing from the finished folder; none when it is whole. */
  readonly check: (files: readonly FolderFile[]) => readonly Problem[];
}

/** A flag of the dump tool that works against the mode, and what will come of it. */
export interface ConflictingFlag {
  /** Recognises a flag of `DUMP_EXTRA_ARGS`: alone, and in its `--flag=value` or `-fvalue` form (see `findConflicts`). */
  readonly pattern: RegExp;
  readonly consequence: string;
  /** Its value says nothing: it is never tried together with the word behind it. */
  readonly isAlone?: true;
  /** What to do about a flag with which there can be no backup, so that it is a problem; left out: a warning. */
  readonly refusal?: string;
}

/** What an engine finds wrong with, or worth saying about, a request. */
export interface Review {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** A sentence of ours, or one with foreign words at its end. */
export type Remark = string | Problem;

/** What an engine finds wrong with, or worth saying about, a dump or what it asked before one. */
export interface Judgement {
  readonly problems: readonly Problem[];
  /** Told, and that is all. */
  readonly warnings: readonly Remark[];
  /** What is not in the backup although it was to be, whatever the reason: warnings of the run. */
  readonly leftOut: readonly Remark[];
}

/**
 * One database engine: pure, from a request to a command line and what is known about its output.
 * A new engine is a folder with one of these (CONTRIBUTING, "Add an engine").
 */
export interface Engine {
  readonly name: EngineName;
  /** For people: `PostgreSQL`. */
  readonly title: string;
  readonly defaultPort: number;
  /** URI schemes this engine's `DB_URI` may have. */
  readonly schemes: readonly string[];
  readonly modes: readonly BackupMode[];
  /** True when the dump tool compresses by itself. */
  readonly supportsCompression: boolean;
  /** False where a backup needs no database name (the whole server is dumped). */
  readonly needsDatabase: boolean;
  /**
   * False: the dump tool makes `outputDir`, which must not exist before.
   * True: the database server writes into it, so it must exist before the probes run, with mode 0777
   * and an unguessable name, below a folder that everyone may enter and only we may list (0711).
   */
  readonly serverWritesFolder: boolean;
  /** Problems and warnings of this request beyond what all engines share. */
  review(request: DumpRequest): Review;
  /** Files that settings of the connection name, each of which must be there. */
  namedFiles(request: DumpRequest): readonly NamedFile[];
  /** A certificate is to be checked, and this machine has nothing to check it by; null where it has, or none is. */
  missingAuthority(request: DumpRequest, authorities: Authorities): Problem | null;
  /**
   * The next probe to run before the dump, given the facts so far; null when there is nothing left to ask.
   * Every probe adds a fact whatever its outcome, so asking again and again comes to an end.
   */
  nextProbe(request: DumpRequest, paths: DumpPaths, facts: Facts): Probe | null;
  /** A probe to run beside the dump, whose finding holds no problems; null where there is none. */
  inspection(request: DumpRequest, paths: DumpPaths, facts: Facts): Probe | null;
  /**
   * What `check` asks once the run's probes have found nothing wrong: the connection first, as whom and to which
   * release, then the rights that a dump needs, and what the inspection looks for. Where one finds a problem the next
   * ones are not asked.
   */
  questions(request: DumpRequest, paths: DumpPaths, known: Known): readonly Question[];
  /** How the server is asked for its databases, whichever the request names; null where they have no names. */
  databases(request: DumpRequest, paths: DumpPaths, facts: Facts): DatabasesQuestion | null;
  /** Databases of the server's own, or its provider's, which patterns of `BACKUP_DATABASES` pass over. */
  readonly ownDatabases: readonly string[];
  /** True when it can back up what databases share by itself (`DumpRequest.isGlobals`). */
  readonly hasGlobals: boolean;
  /**
   * The dump command. In stream mode its stdout is the dump and nothing else.
   * Without facts (a dry run) it is built for the tool that belongs to the engine.
   */
  dumpCommand(request: DumpRequest, paths: DumpPaths, facts?: Facts): Command;
  /** The commands of directory and tar modes, and the check of what they leave. */
  folderPlan(request: DumpRequest, paths: DumpPaths, facts?: Facts): FolderPlan;
  /**
   * What must stand between the dump and the compressor, told from the dump's stderr
   * when its first byte is there: a command, or null for nothing.
   * Undefined: stderr does not tell yet; read more of it.
   */
  streamFilter(stderr: string): Command | null | undefined;
  /** The possible sizes of the filtered, uncompressed stream, told from the finished dump's stderr; null where it says nothing. */
  announcedBytes(stderr: string): readonly number[] | null;
  /** The lines of a dump's stderr that `judge` has to see, those that go on with a sentence among them; null for none. */
  readonly remarks: RegExp | null;
  /** What these lines of a dump that exited 0 tell about what is missing. */
  judge(remarks: string): Judgement;
  /** The file name's extension, with its dot; of the stream before any compressor of ours. */
  defaultExtension(request: DumpRequest): string;
  /** Flags of `DUMP_EXTRA_ARGS` that write elsewhere or something else in this mode, or don't do what they seem to. */
  conflictingFlags(request: Pick<DumpRequest, "mode" | "database">): readonly ConflictingFlag[];
  /** A word of `DUMP_EXTRA_ARGS` with which a whole stream may lack the expected format's beginning and end; null for none. */
  readonly formFlag: RegExp | null;
  /** A word of `DUMP_EXTRA_ARGS` that carries a password, which would stand in the tool's command line for all to see. */
  readonly passwordFlag: RegExp;
  /** Its server gives up a dump that waits for its reader for a minute. */
  readonly dropsSlowReaders: boolean;
  /** The format the request's stream ends in, where its end can be told from its last bytes; else null. */
  expectedFormat(request: DumpRequest): DumpFormat | null;
  /** What the request's stream is made of, where that is more than its format's end; null where it is not. */
  content(request: DumpRequest): Content | null;
  /** How the request's stream always begins, where its end tells nothing and its beginning does; else null. */
  beginning(request: DumpRequest): Beginning | null;
  /**
   * Tells why a stored stream is no backup although every tool exited 0, or null for a good one; null itself where its
   * bytes tell nothing.
   * `head`: the object's first `headBytes`, or all of it where it is smaller; compressed or not.
   */
  readonly emptiness: ((request: DumpRequest, head: Uint8Array) => Problem | null) | null;
  /** Words of the tool that say that the server refused the login: asking again may lock the account. */
  readonly loginRefusal: RegExp;
  /**
   * The same told from the dump's messages, for a stream whose stored bytes nobody here can read: what a line says when
   * there is something in it, and why it is no backup where none does; null where the bytes tell nothing either.
   */
  readonly signOfContent:
    | ((request: DumpRequest) => { readonly line: RegExp; readonly missing: Problem })
    | null;
  /** A known cause behind the tool's last words, as advice; null where there is none. */
  hint(stderr: string): string | null;
}

/** What an engine without probes, filters and the like answers: spread it, then say what differs. */
export const plainEngine = {
  serverWritesFolder: false,
  nextProbe: () => null,
  inspection: () => null,
  databases: () => null,
  ownDatabases: [],
  hasGlobals: false,
  streamFilter: () => null,
  dropsSlowReaders: false,
  announcedBytes: () => null,
  namedFiles: () => [],
  missingAuthority: () => null,
  formFlag: null,
  remarks: null,
  judge: () => ({ problems: [], warnings: [], leftOut: [] }),
  content: () => null,
  beginning: () => null,
  emptiness: null,
  signOfContent: null,
} satisfies Partial<Engine>;
