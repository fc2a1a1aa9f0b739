import { hostname, tmpdir } from "node:os";
import { type BackupDoors, runExclusively } from "./backup.ts";
import { readCommandLine } from "./cli.ts";
import { type Reading, readSettings } from "./config/config.ts";
import { type Redact, redactor } from "./config/secret.ts";
import { dryRun } from "./dry-run.ts";
import type { Engine } from "./engine/engine.ts";
import { hookEnvironment, toolEnvironment } from "./environment.ts";
import { exitCodes, type Problem, toProblem, UsageError } from "./errors.ts";
import { helpText } from "./help.ts";
import { type Job, resolveJob } from "./job.ts";
import { createLogger, type Logger } from "./logger.ts";
import { systemDoors } from "./notify/notify.ts";
import { lockFolder } from "./process/lock.ts";
import { openLibc } from "./process/libc.ts";
import { loggedProgress, type Progress, terminalProgress } from "./progress.ts";
import { readReadable } from "./remote/config-source.ts";
import { listenToSignals, type Signals } from "./signals.ts";

declare const BUILD_VERSION: string;

/** The whole program of one engine's executable: reads argv, environment and signals, and sets the exit code. */
export async function main(engine: Engine): Promise<void> {
  const signals = listenToSignals(process);
  // Whoever reads the log may go away; a backup does not fail for that.
  process.stdout.on("error", () => undefined);
  process.stderr.on("error", () => undefined);
  const code = await run(engine, signals).catch(report);
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write("", done))),
  );
  process.exit(code);
}

async function run(engine: Engine, signals: Signals): Promise<number> {
  const line = await readCommandLine(engine.name, process.argv.slice(2));
  if (line.command === "help") return print(helpText(engine.name, engine.title));
  if (line.command === "version") return print(`dbstash-${engine.name} ${version()}\n`);
  const reading = readSettings(engine.name, { flags: line.flags, env: process.env, readFile: readReadable });
  const job = resolveJob(engine, reading, process.env);
  return await perform(job, reading, signals);
}

async function perform(job: Job, reading: Reading, signals: Signals): Promise<number> {
  const redact = redactor(job.secrets);
  const progress = progressFor();
  const log = loggerFor(job, redact, progress.terminal);
  const doors = doorsFor(log, redact, progress.terminal ?? progress.logged(log));
  for (const warning of job.warnings) log.warn(warning);
  if (job.settings.dryRun) {
    dryRun(job, reading, log, doors.now());
    return exitCodes.stored.code;
  }
  const outcome = await runExclusively(job, doors, signals.first);
  return outcome === "skipped" ? exitCodes.skipped.code : outcome.exitCode;
}

function version(): string {
  return typeof BUILD_VERSION === "string" ? BUILD_VERSION : "0.0.0-dev";
}

function print(text: string): number {
  process.stdout.write(text);
  return exitCodes.stored.code;
}

/** Tells what kept the program from running: to stderr, as sentences, all at once. */
function report(error: unknown): number {
  const problems: readonly Problem[] = error instanceof UsageError ? error.problems : [toProblem(error)];
  for (const { message, hint } of problems) {
    process.stderr.write(`error: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`);
  }
  return error instanceof UsageError ? exitCodes.usage.code : exitCodes.failed.code;
}

function progressFor(): { terminal: Progress | null; logged: (log: Logger) => Progress } {
  const nowMs = () => performance.now();
  return {
    terminal: process.stderr.isTTY ? terminalProgress((text) => process.stderr.write(text), nowMs) : null,
    logged: (log) => loggedProgress((text) => log.debug("progress", { moved: text }), nowMs),
  };
}

function loggerFor(job: Job, redact: Redact, progress: Progress | null): Logger {
  const { logLevel, logFormat } = job.settings;
  const format = logFormat === "auto" ? (process.stdout.isTTY ? "text" : "json") : logFormat;
  return createLogger({
    level: logLevel,
    format,
    fields: { engine: job.engine.name, database: job.naming.database },
    redact,
    now: () => new Date(),
    write: (text) => {
      progress?.clear();
      process.stdout.write(`${text}\n`);
    },
    colour: process.stdout.isTTY && !process.env["NO_COLOR"],
  });
}

function doorsFor(log: Logger, redact: Redact, progress: Progress): BackupDoors {
  return {
    libc: openLibc(),
    log,
    redact,
    now: () => new Date(),
    toolEnv: toolEnvironment(process.env),
    hookEnv: hookEnvironment(process.env),
    tempRoot: tmpdir(),
    lockFolder: lockFolder(process.env, tmpdir()),
    progress,
    notify: systemDoors,
    host: hostname(),
  };
}
