import type { Warn } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { capture } from "../process/capture.ts";
import { succeeded } from "../process/exit.ts";
import { processFailure } from "../process/failure.ts";
import { LineSplitter } from "../process/lines.ts";
import { findTool } from "../process/spawn.ts";
import { withWorkshop, type WorkshopDoors, writePrivateFile } from "../process/workshop.ts";
import { configPath, type ConfigSource } from "../remote/config-source.ts";
import { type BackupResult, backupsOf, failuresOf, type RunResult } from "../result.ts";

/** How long a hook that is stopped gets to end by itself. */
const graceMs = 2_000;

/** More lines of one hook are counted, not logged: a hook that never stops talking must not fill the log. */
const loggedLines = 1_000;

/** What running a hook needs of the world. */
export interface HookDoors extends WorkshopDoors {
  /** The environment of hooks: the user's own code, so all that dbstash was given. */
  readonly hookEnv: Readonly<Record<string, string>>;
  readonly log: Logger;
}

/** One hook: the command, and what it sees. */
export interface Hook {
  /** The setting's name, for messages. */
  readonly title: "HOOK_PRE_BACKUP" | "HOOK_POST_BACKUP";
  readonly command: string;
  /** The run's configuration of rclone, for an rclone of the hook's. */
  readonly config: ConfigSource;
  /** What it learns of the run, besides the environment of hooks. */
  readonly variables: Readonly<Record<string, string>>;
  /** What came of each backup so far, as `DBSTASH_RESULTS_FILE` tells it. */
  readonly results: readonly BackupResult[];
  /** Takes a warning of the run, such as that of something left behind. */
  readonly warn: Warn;
}

/**
 * Runs a hook by `sh -c`, under a guard of its own, and logs its output line by line.
 * @throws DbstashError when it does not exit 0; the signal's reason when that ends it
 */
export async function runHook(hook: Hook, doors: HookDoors, signal: AbortSignal): Promise<void> {
  const { log, hookEnv } = doors;
  const { title, command, config, variables, results, warn } = hook;
  let lines = 0;
  const onLine = (line: string) => {
    lines += 1;
    if (lines <= loggedLines) log.info(`output of ${title}`, { output: line });
  };
  const stdout = new LineSplitter(onLine);
  const { exit, messages } = await withWorkshop(doors, process.umask(), [], warn, (workshop) => {
    const resultsFile = `${workshop.privateDir}/results.json`;
    writePrivateFile(resultsFile, resultsAsJson(results));
    const env = withRcloneConfig(hookEnv, configPath(config, workshop, "rclone.conf"));
    return capture(
      {
        title,
        file: findTool(["sh"], workshop.env["PATH"]),
        args: ["-c", command],
        env: { ...env, ...variables, DBSTASH_RESULTS_FILE: resultsFile },
        stdout: (bytes) => stdout.push(bytes),
        onStderrLine: onLine,
        graceMs,
      },
      workshop.guard,
      signal,
    );
  }).finally(() => {
    stdout.end();
    if (lines > loggedLines) log.info(`more output of ${title} was left out`, { lines: lines - loggedLines });
  });
  if (!succeeded(exit)) throw processFailure(title, exit, messages.lines.at(-1) ?? "", null);
}

/**
 * A hook's environment: in `RCLONE_CONFIG`, where dbstash may have the configuration's base64, its path, as rclone takes
 * it (docs, "--config").
 */
export function withRcloneConfig(
  env: Readonly<Record<string, string>>,
  path: string | null,
): Record<string, string> {
  const { RCLONE_CONFIG: _, ...rest } = env;
  return path === null ? rest : { ...rest, RCLONE_CONFIG: path };
}

/** What the post hook learns about the run: DBSTASH_STATUS, DBSTASH_FILE and the rest. */
export function hookVariables(result: RunResult): Record<string, string> {
  return {
    DBSTASH_STATUS: result.status,
    DBSTASH_FILE: "backups" in result ? "" : (result.fileName ?? ""),
    DBSTASH_ENGINE: result.engine,
    DBSTASH_DATABASE: result.database,
    DBSTASH_SIZE: result.bytes === null ? "" : String(result.bytes),
    DBSTASH_DURATION_MS: String(result.durationMs),
    DBSTASH_ERROR: result.error?.message ?? "",
    DBSTASH_BACKUP_ID: result.backupId,
    DBSTASH_DATABASES: String(backupsOf(result).length),
    DBSTASH_FAILED: String(failuresOf(result).length),
  };
}

/** What came of each backup, as JSON: an array, by the names that the log gives these values. */
export function resultsAsJson(results: readonly BackupResult[]): string {
  const rows = results.map((result) => ({
    database: result.database,
    status: result.status,
    backup_id: result.backupId,
    file: result.fileName,
    remote_path: result.remotePath,
    bytes: result.bytes,
    started_at: result.startedAt.toISOString(),
    duration_ms: result.durationMs,
    error: result.error?.message ?? null,
    hint: result.error?.hint ?? result.warningHint ?? null,
    warnings: result.warnings,
    places: result.places.map(({ place, isStored, bytes, remotePath, error, warnings }) => ({
      place,
      status: isStored ? "success" : "failure",
      remote_path: remotePath,
      bytes,
      error: error?.message ?? null,
      warnings,
    })),
  }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}
