import { hostname, tmpdir } from "node:os";
import type { BackupDoors } from "./backup.ts";
import { type CommandLine, readCommandLine } from "./cli.ts";
import { checkHealth } from "./commands/healthcheck.ts";
import { backupsAsJson, backupsAsTable, findBackups } from "./commands/list.ts";
import type { RemoteDoors } from "./commands/remote-access.ts";
import { flagWarnings, hookWarnings, webhookProblems } from "./commands/start-checks.ts";
import { verifyBackup } from "./commands/verify.ts";
import { type Reading, readSettings } from "./config/config.ts";
import { type Redact, redactor } from "./config/secret.ts";
import { drainMs, runDaemon } from "./daemon.ts";
import { dryRun } from "./dry-run.ts";
import type { Engine } from "./engine/engine.ts";
import { hookEnvironment, toolEnvironment } from "./environment.ts";
import { exitCodes, type Problem, toProblem, UsageError } from "./errors.ts";
import { runExclusively } from "./exclusive.ts";
import { helpText } from "./help.ts";
import { type Job, resolveJob } from "./job.ts";
import { createLogger, type Logger } from "./logger.ts";
import { systemDoors } from "./notify/notify.ts";
import { Interrupted } from "./pipeline/limits.ts";
import { lockFolders } from "./process/lock.ts";
import { openOutput, type Output } from "./output.ts";
import { type Libc, openLibc } from "./process/libc.ts";
import { loggedProgress, type Progress, terminalProgress } from "./progress.ts";
import { readReadable } from "./remote/config-source.ts";
import { listenToSignals, type Signals } from "./signals.ts";

declare const BUILD_VERSION: string;

/** Our own two streams. */
interface Streams {
  readonly libc: Libc;
  readonly out: Output;
  readonly err: Output;
}

/** The whole program of one engine's executable: reads argv, environment and signals, and sets the exit code. */
export async function main(engine: Engine): Promise<void> {
  const signals = listenToSignals(process);
  const libc = openLibc();
  const open = (fd: number) => openOutput(fd, () => libc.canWrite(fd));
  const streams = { libc, out: open(1), err: open(2) };
  const code = await run(engine, signals, streams).catch((error: unknown) => report(error, streams));
  await Promise.all([streams.out.drained(signals.first), streams.err.drained(signals.first)]);
  process.exit(code);
}

async function run(engine: Engine, signals: Signals, streams: Streams): Promise<number> {
  const line = await readCommandLine(engine.name, process.argv.slice(2));
  if (line.command === "help") return print(streams, helpText(engine.name, engine.title));
  if (line.command === "version") return print(streams, `dbstash-${engine.name} ${version()}\n`);
  const reading = readSettings(engine.name, { flags: line.flags, env: process.env, readFile: readReadable });
  if (line.command === "healthcheck") {
    const { ok, detail } = await checkHealth(reading);
    return print(streams, `${detail}\n`, ok ? exitCodes.stored.code : exitCodes.failed.code);
  }
  const problems = [...reading.problems, ...webhookProblems(reading.settings)];
  const warnings = [...reading.warnings, ...flagWarnings(engine.name, line.flags)];
  const job = resolveJob(engine, { ...reading, problems, warnings }, process.env);
  return line.command === "backup"
    ? await backUp(job, reading, signals, streams)
    : await look(job, line, signals.first, streams);
}

/** Backs up: once, or by the schedule until a signal comes. */
async function backUp(job: Job, reading: Reading, signals: Signals, streams: Streams): Promise<number> {
  const redact = redactor(job.secrets);
  const progress = progressFor(streams);
  const log = loggerFor(job, redact, progress.terminal, streams);
  const doors = doorsFor(log, redact, progress.terminal ?? progress.logged(log), streams.libc, signals.first);
  for (const warning of [...job.warnings, ...hookWarnings(job.settings, doors.hookEnv["PATH"])])
    log.warn(warning);
  if (job.settings.dryRun) {
    dryRun(job, reading, log, doors.now());
    return exitCodes.stored.code;
  }
  const schedule = job.settings.backupSchedule;
  if (schedule.kind === "cron") {
    const clock = { now: doors.now, wait: systemDoors.wait };
    return runDaemon({ job, expression: schedule.expression, doors, signals, clock, drainMs });
  }
  const outcome = await runExclusively(job, doors, signals.first);
  return outcome === "skipped" ? exitCodes.skipped.code : outcome.exitCode;
}

/** `list` and `verify`: what they find goes to stdout, and nothing else does. */
async function look(job: Job, line: CommandLine, signal: AbortSignal, streams: Streams): Promise<number> {
  const redact = redactor(job.secrets);
  const doors = remoteDoors(streams.libc);
  try {
    if (line.command === "verify") {
      const { code, text } = await verifyBackup(job, doors, line.name, signal);
      return print(streams, `${redact(text)}\n`, code);
    }
    const backups = await findBackups(job, doors, signal);
    return print(streams, line.json ? backupsAsJson(backups) : backupsAsTable(backups, new Date()));
  } catch (error) {
    return report(error, streams, redact);
  }
}

function version(): string {
  return typeof BUILD_VERSION === "string" ? BUILD_VERSION : "0.0.0-dev";
}

function print({ out }: Streams, text: string, code: number = exitCodes.stored.code): number {
  out.print(text);
  return code;
}

/** Tells what kept the program from running: to stderr, as sentences, all at once. */
function report(error: unknown, { err }: Streams, redact: Redact = (text) => text): number {
  const problems: readonly Problem[] = error instanceof UsageError ? error.problems : [toProblem(error)];
  for (const { message, hint } of problems) {
    err.write(redact(`error: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`));
  }
  if (error instanceof Interrupted)
    return exitCodes[error.signal === "SIGINT" ? "interrupted" : "terminated"].code;
  return error instanceof UsageError ? exitCodes.usage.code : exitCodes.failed.code;
}

function progressFor({ libc, err }: Streams): {
  terminal: Progress | null;
  logged: (log: Logger) => Progress;
} {
  const nowMs = () => performance.now();
  return {
    terminal: libc.isTerminal(2) ? terminalProgress((text) => err.write(text), nowMs) : null,
    logged: (log) => loggedProgress((text) => log.debug("progress", { moved: text }), nowMs),
  };
}

function loggerFor(job: Job, redact: Redact, progress: Progress | null, { libc, out }: Streams): Logger {
  const { logLevel, logFormat } = job.settings;
  const isTerminal = libc.isTerminal(1);
  const format = logFormat === "auto" ? (isTerminal ? "text" : "json") : logFormat;
  const loggerTo = (write: (line: string) => void) =>
    createLogger({
      level: logLevel,
      format,
      fields: { engine: job.engine.name, database: job.naming.database },
      redact,
      now: () => new Date(),
      write,
      colour: isTerminal && !process.env["NO_COLOR"],
    });
  out.onDropped((lines) => {
    let note = "";
    loggerTo((line) => {
      note = `${line}\n`;
    }).warn("log lines were left out, since nobody read them in time", { lines });
    return note;
  });
  return loggerTo((line) => {
    progress?.clear();
    out.write(`${line}\n`);
  });
}

function doorsFor(
  log: Logger,
  redact: Redact,
  progress: Progress,
  libc: Libc,
  stop: AbortSignal,
): BackupDoors {
  return {
    ...remoteDoors(libc),
    log,
    redact,
    now: () => new Date(),
    hookEnv: hookEnvironment(process.env),
    lockFolders: lockFolders(process.env, tmpdir()),
    progress,
    notify: systemDoors,
    stop,
    host: hostname(),
  };
}

function remoteDoors(libc: Libc): RemoteDoors {
  return { libc, toolEnv: toolEnvironment(process.env), tempRoot: tmpdir() };
}
