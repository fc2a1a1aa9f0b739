import { type ListingEntry } from "../catalog/catalog.ts";
import { globLiteral } from "../catalog/scope.ts";
import { DbstashError } from "../errors.ts";
import { succeeded } from "../process/exit.ts";
import type { Workshop } from "../process/workshop.ts";
import { failure } from "./rclone-failure.ts";
import { parseFeatures, type RemoteFeatures } from "./features.ts";
import { parseListing, parseStat, type RcloneLine } from "./log.ts";
export { TooMuchOutput } from "./rclone-runner.ts";
import { type RcloneOutcome, RcloneRunner, type RcloneSetup, type RcloneStart } from "./rclone-runner.ts";
import { Turns } from "./turns.ts";
import { folderPath, withoutAlias } from "./remote.ts";

/** rclone's commands, each one process. Paths are complete ones (see `joinRemote`). */
export class Rclone {
  readonly #runner: RcloneRunner;

  /**
   * @param onSlow told when a command has had no answer for ten seconds
   * @param turns shared by all that share a configuration
   * @throws DbstashError when rclone is not on PATH
   */
  constructor(
    setup: RcloneSetup,
    workshop: Workshop,
    onSlow: (verb: string) => void = () => undefined,
    turns: Turns = new Turns(),
  ) {
    this.#runner = new RcloneRunner(setup, workshop, onSlow, turns);
  }

  /** How many processes were started so far. */
  get calls(): number {
    return this.#runner.started;
  }

  /** The place's own path: paths of what lies there are built on it (see `joinRemote`). */
  get root(): string {
    return this.#runner.setup.remote.path;
  }

  /** A complete path as people know it: rclone's own may begin with an alias. */
  shown(path: string): string {
    return withoutAlias(this.#runner.setup.remote, path);
  }

  /** Lets processes be started again after a loss of the guard (see `Guard.recover`). */
  recover(): void {
    this.#runner.recover();
  }

  /**
   * What the remote can do: asked for unless it is known. `folder` is asked with a slash at its end: without one
   * S3 and WebDAV are called.
   */
  async features(folder: string, signal: AbortSignal): Promise<RemoteFeatures> {
    const { features } = this.#runner.setup;
    if (features !== null) return features;
    const outcome = await this.#succeed(["backend", "features", folderPath(folder)], signal);
    return parseFeatures(decode(outcome.stdout));
  }

  /**
   * Lists a folder; one that does not exist is empty.
   * @param flags further lsjson flags; without times unless they ask for them
   * @param patterns only what one of these meets (rclone's docs, "Filtering"); none: everything
   * @throws TooMuchOutput for more entries than can be held
   */
  async list(
    folder: string,
    flags: readonly string[],
    patterns: readonly string[],
    signal: AbortSignal,
  ): Promise<ListingEntry[]> {
    const filters = patterns.map((pattern) => `--include=${pattern}`);
    const args = ["lsjson", folderPath(folder), "--no-mimetype", ...flags, ...filters];
    const outcome = await this.#runner.call(args, signal);
    if (outcome.exit.code === 3) {
      // On S3 a folder is but the beginning of names: what can be missing is the bucket.
      if (this.#runner.setup.features?.kind !== "s3") return [];
      throw new DbstashError(
        "can't list the remote folder: the bucket does not exist",
        "create the bucket, or correct its name in RCLONE_REMOTE, or RCLONE_EXTRA_REMOTES",
      );
    }
    if (!succeeded(outcome.exit)) throw failure("can't list the remote folder", outcome);
    return parseListing(decode(outcome.stdout));
  }

  /** A file as its folder's listing shows it, which takes no right to read; null when it is in none. */
  async find(path: string, signal: AbortSignal): Promise<ListingEntry | null> {
    const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf(":")) + 1;
    const [folder, name] = [path.slice(0, at), path.slice(at)];
    const entries = await this.list(
      folder,
      ["--no-modtime", "--files-only"],
      [`/${globLiteral(name)}`],
      signal,
    );
    return entries.find((entry) => entry.path === name) ?? null;
  }

  /** A file's size in bytes, as it tells by itself; null when there is none, or an old rclone may not look at it. */
  async size(path: string, signal: AbortSignal): Promise<number | null> {
    const args = ["lsjson", path, "--stat", "--files-only", "--no-modtime", "--no-mimetype"];
    return parseStat(decode((await this.#succeed(args, signal)).stdout));
  }

  /** Bytes of a file: `flags` are `--tail`, or `--offset` and `--count`. */
  async read(path: string, flags: readonly string[], signal: AbortSignal): Promise<Uint8Array> {
    return (await this.#succeed(["cat", path, ...flags], signal)).stdout;
  }

  /**
   * Small files of a folder one behind the other, in no order, by one process; those that are not there are left out.
   * Names go in as they are, one a line (see `removeAll`).
   */
  async readAll(folder: string, names: readonly string[], signal: AbortSignal): Promise<Uint8Array> {
    const stdin = new TextEncoder().encode(names.map((name) => `${name}\n`).join(""));
    return (await this.#succeed(["cat", folderPath(folder), "--files-from-raw", "-"], signal, stdin)).stdout;
  }

  /**
   * Renames on the remote, over whatever stands there. Without `--no-check-dest` rclone takes an old file of the same
   * size for the new one, and removes the new one.
   */
  async move(from: string, to: string, signal: AbortSignal): Promise<void> {
    await this.#succeed(["moveto", from, to, "--no-check-dest", "--retries", "1"], signal);
  }

  /** Removes a file; one that is not there is no error. */
  async remove(path: string, signal: AbortSignal): Promise<void> {
    const outcome = await this.#runner.call(["deletefile", path, "--retries", "1"], signal);
    if (!succeeded(outcome.exit) && !wasMissing(outcome)) throw failure("can't remove a file", outcome);
  }

  /**
   * Removes files of a folder, however many, by one process; names go in as they are, one a line
   * (`--files-from-raw`, so that no name is read as a pattern). Those that are not there are no error.
   */
  async removeAll(folder: string, names: readonly string[], signal: AbortSignal): Promise<void> {
    if (names.length === 0) return;
    const stdin = new TextEncoder().encode(names.map((name) => `${name}\n`).join(""));
    const args = ["delete", folderPath(folder), "--files-from-raw", "-", "--retries", "1"];
    await this.#succeed(args, signal, stdin);
  }

  /**
   * Removes a folder and all in it; one that is not there is no error.
   * @throws DbstashError for a path without a folder's name in it
   */
  async removeFolder(path: string, signal: AbortSignal): Promise<void> {
    if (/(^|[/:])$/.test(path)) throw new DbstashError("refuses to remove the remote's own folder");
    const outcome = await this.#runner.call(["purge", folderPath(path), "--retries", "1"], signal);
    if (!succeeded(outcome.exit) && !wasMissing(outcome)) throw failure("rclone purge failed", outcome);
  }

  /** Removes a folder with nothing in it. @throws DbstashError for any other */
  async removeEmptyFolder(path: string, signal: AbortSignal): Promise<void> {
    await this.#succeed(["rmdir", folderPath(path), "--retries", "1"], signal);
  }

  /** What to start for an upload from standard input, and who reads its messages. */
  upload(
    path: string,
    flags: readonly string[],
    stdin: number,
    onLine: (line: RcloneLine) => void,
  ): RcloneStart {
    return this.#runner.start(["rcat", path, "--use-json-log", ...flags], { stdin, onLine });
  }

  /** What to start for the upload of a local folder's files into a remote folder, and who reads its messages. */
  copy(from: string, to: string, flags: readonly string[], onLine: (line: RcloneLine) => void): RcloneStart {
    return this.#runner.start(["copy", from, folderPath(to), "--use-json-log", ...flags], { onLine });
  }

  /** What to start for reading a whole file to standard output, and who reads its messages. */
  readWhole(path: string, onLine: (line: RcloneLine) => void): RcloneStart {
    return this.#runner.start(["cat", path, ...countingFlags], { onLine });
  }

  /**
   * What to start for the SHA-256 of a file, or of all files below a folder, made of their bytes and not of what the
   * remote says of them; what it prints reads `parseHashes`.
   */
  hashAll(path: string, onLine: (line: RcloneLine) => void): RcloneStart {
    return this.#runner.start(["hashsum", "sha256", path, "--download", ...countingFlags], { onLine });
  }

  /** Writes a small file, over whatever stands there. */
  async write(path: string, content: string, flags: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#succeed(["rcat", path, ...flags], signal, new TextEncoder().encode(content));
  }

  /** @throws DbstashError with rclone's words unless it exits 0 */
  async #succeed(args: readonly string[], signal: AbortSignal, stdin?: Uint8Array): Promise<RcloneOutcome> {
    const outcome = await this.#runner.call(args, signal, stdin);
    if (!succeeded(outcome.exit)) throw failure(`rclone ${args[0]} failed`, outcome);
    return outcome;
  }
}

/** rclone tells every second, and at its end, how many bytes it has moved. */
const countingFlags = ["--use-json-log", "--stats=1s", "--stats-log-level=NOTICE"];

/**
 * Whether what was to be removed was not there: by rclone's exit codes 3 (folder) and 4 (file), or by the end of its
 * words where a release or a backend has no code for it. A host that is not found is something else.
 */
function wasMissing({ exit, messages }: RcloneOutcome): boolean {
  if (exit.code === 3 || exit.code === 4) return true;
  return missingWords.test(messages.lines.at(-1) ?? "");
}

const missingWords =
  /((^|: )(object|directory) not found|is a directory or doesn't exist|: l?stat [^:]+: no such file or directory)$/;

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
