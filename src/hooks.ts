import type { Logger } from "./logger.ts";
import { processFailure } from "./pipeline/failure.ts";
import { describeExit, succeeded, unstoppable } from "./process/exit.ts";
import { LineSplitter } from "./process/lines.ts";
import { findTool, spawn } from "./process/spawn.ts";
import type { Workshop } from "./process/workshop.ts";
import type { BackupResult } from "./result.ts";

/** How long a hook that is stopped gets to end by itself. */
const graceMs = 2_000;

/** More lines of one hook are counted, not logged: a hook that never stops talking must not fill the log. */
const loggedLines = 1_000;

/** One hook: the command, and what it sees. */
export interface Hook {
  /** The setting's name, for messages. */
  readonly title: string;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs a hook by `sh -c` and logs its output line by line.
 * @throws DbstashError when it does not exit 0; the signal's reason when that ends it
 */
export async function runHook(
  hook: Hook,
  workshop: Workshop,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  let lines = 0;
  const onLine = (line: string) => {
    lines += 1;
    if (lines <= loggedLines) log.info(`output of ${hook.title}`, { output: line });
  };
  const stdout = new LineSplitter(onLine);
  const child = spawn(
    {
      file: findTool(["sh"], workshop.env["PATH"]),
      args: ["-c", hook.command],
      env: hook.env,
      role: "producer",
      stdout: (bytes) => stdout.push(bytes),
      onStderrLine: onLine,
    },
    workshop.guard,
  );
  const stop = () => void child.stop(graceMs);
  signal.addEventListener("abort", stop);
  const exit = await child.exited;
  signal.removeEventListener("abort", stop);
  stdout.end();
  if (lines > loggedLines)
    log.info(`more output of ${hook.title} was left out`, { lines: lines - loggedLines });
  if (exit === unstoppable) log.warn(`${hook.title} goes on: ${describeExit(exit)}`);
  if (signal.aborted) throw signal.reason;
  if (succeeded(exit)) return;
  throw processFailure(hook.title, exit, child.messages.lines.at(-1) ?? "", null);
}

/** What the post hook learns about the run: DBSTASH_STATUS, DBSTASH_FILE and the rest. */
export function hookVariables(result: BackupResult): Record<string, string> {
  return {
    DBSTASH_STATUS: result.status,
    DBSTASH_FILE: result.fileName ?? "",
    DBSTASH_ENGINE: result.engine,
    DBSTASH_DATABASE: result.database,
    DBSTASH_SIZE: result.bytes === null ? "" : String(result.bytes),
    DBSTASH_DURATION_MS: String(result.durationMs),
    DBSTASH_ERROR: result.error?.message ?? "",
    DBSTASH_BACKUP_ID: result.backupId,
  };
}
