import type { Secret } from "../config/secret.ts";
import type { Problem } from "../errors.ts";
import type { BackupMode, Compression, EngineName } from "../result.ts";
import type { Connection } from "./connection.ts";
import type { DumpFormat } from "./format.ts";

/** Everything an engine needs to know to build its command: settings resolved, nothing of the machine. */
export interface DumpRequest {
  readonly connection: Connection;
  /** The database to dump; null stands for all of them. */
  readonly database: string | null;
  readonly mode: BackupMode;
  readonly compression: Compression;
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

/** Folders a command may name. */
export interface DumpPaths {
  /** A private 0700 folder of this run, for files with secrets. */
  readonly privateDir: string;
  /** Where directory and tar modes write; does not exist yet. Null in stream mode. */
  readonly outputDir: string | null;
}

/** A flag of the dump tool that works against the mode, and what will come of it. */
export interface ConflictingFlag {
  /** Recognises one word of `DUMP_EXTRA_ARGS`, without the value that may follow it. */
  readonly pattern: RegExp;
  readonly consequence: string;
}

/** What an engine finds wrong with, or worth saying about, a request before anything runs. */
export interface Review {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/**
 * One database engine: pure, from a request to a command line and what is known about its output.
 * A new engine is one file that implements this, and its executable in `bin/`.
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
  /** Problems and warnings of this request beyond what all engines share. */
  review(request: DumpRequest): Review;
  /** The dump command. In stream mode its stdout is the dump and nothing else. */
  dumpCommand(request: DumpRequest, paths: DumpPaths): Command;
  /** The file name's extension, with its dot; of the stream before any compressor of ours. */
  defaultExtension(request: DumpRequest): string;
  /** Flags of `DUMP_EXTRA_ARGS` that write elsewhere in this mode. */
  conflictingFlags(mode: BackupMode): readonly ConflictingFlag[];
  /** The format the request's stream ends in, where its end can be told from its last bytes; else null. */
  expectedFormat(request: DumpRequest): DumpFormat | null;
  /** A known cause behind the tool's last words, as advice; null where there is none. */
  hint(stderr: string): string | null;
}
