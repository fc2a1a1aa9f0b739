import { readlinkSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { type CommandLine, readCommandLine } from "./commands/command-line.ts";
import { checkHealth } from "./commands/healthcheck.ts";
import { backupsAsJson, backupsAsTable } from "./commands/list.ts";
import { findBackups } from "./job/backups.ts";
import { flagWarnings, folderWarnings, hookWarnings, webhookProblems } from "./checks/start.ts";
import { requireTlsFiles } from "./checks/tls-files.ts";
import { verifyBackup } from "./commands/verify.ts";
import { type Reading, readSettings } from "./config/config.ts";
import { type Redact, Redactor, redactor, visible } from "./config/secret.ts";
import { drainMs, runDaemon } from "./daemon/daemon.ts";
import { dryRun } from "./commands/dry-run.ts";
import type { Engine } from "./engine/engine.ts";
import { hookEnvironment, toolEnvironment } from "./config/child-environment.ts";
import {
  exitCodeOfError,
  exitCodes,
  type Problem,
  sentenceOf,
  shown,
  toProblem,
  UsageError,
  type Warn,
} from "./errors.ts";
import { helpText } from "./commands/help.ts";
import { type Job, resolveJob } from "./job/job.ts";
import { type Reread, rereadJob } from "./job/reread.ts";
import { createLogger, type Logger } from "./logger.ts";
import { systemDoors } from "./notify/webhook.ts";
import { lockFolders } from "./process/lock.ts";
import { openOutput, type Output } from "./output.ts";
import { type Libc, openLibc } from "./process/libc.ts";
import type { WorkshopDoors } from "./process/workshop.ts";
import { loggedProgress, type Progress, terminalProgress } from "./run/progress.ts";
import { readReadable } from "./remote/config-source.ts";
import { type RunDoors, runOnce } from "./run.ts";
import { listenToSignals, type Signals, Uncaught } from "./signals.ts";

declare const BUILD_VERSION: string;

/** What the process itself has: its two streams, its signals, and the errors that nobody caught. */
interface Process {
  readonly libc: Libc;
  readonly out: Output;
  readonly err: Output;
  readonly signals: Signals;
  readonly uncaught: Uncaught;
}

/** The whole program of one engine's executable: reads argv, environment and signals, and sets the exit code. */
export async function main(engine: Engine): Promise<void> {
  const signals = listenToSignals(process);
  const libc = openLibc();
  const open = (fd: number) => openOutput(fd, () => libc.canWrite(fd));
  const [out, err] = [open(1), open(2)];
  const end = async (code: number): Promise<never> => {
    await Promise.all([out.drained(signals.first), err.drained(signals.first)]);
    process.exit(code);
  };
  // As long as no run is on there is nothing to end but the process.
  const uncaught = new Uncaught(process, (error) => void end(report(error, err)));
  const own = { libc, out, err, signals, uncaught };
  await end(await run(engine, own).catch((error: unknown) => report(error, err)));
}

async function run(engine: Engine, own: Process): Promise<number> {
  const line = await readCommandLine(engine.name, process.argv.slice(2));
  if (line.command === "help") return print(own, helpText(engine.name, engine.title));
  if (line.command === "version") return print(own, `dbstash-${engine.name} ${version()}\n`);
  const read = () => readAll(engine, line.flags);
  const reading = read();
  if (line.command === "healthcheck") {
    const { ok, detail } = await checkHealth(reading);
    return print(own, `${detail}\n`, ok ? exitCodes.stored.code : exitCodes.failed.code);
  }
  const isBackup = line.command === "backup";
  const job = resolveJob(engine, reading, process.env, isBackup ? "backup" : "look");
  if (isBackup) requireTlsFiles(job, toolEnvironment(process.env));
  return isBackup ? await backUp(job, reading, read, own) : await look(job, line, own);
}

/** Settings from flags, environment and files, as they are now. */
function readAll(engine: Engine, flags: CommandLine["flags"]): Reading {
  const reading = readSettings(engine.name, { flags, env: process.env, readFile: readReadable, readLink });
  const problems = [...reading.problems, ...webhookProblems(reading.settings)];
  const warnings = [...reading.warnings, ...flagWarnings(engine.name, flags)];
  return { ...reading, problems, warnings };
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** Backs up: once, or by the schedule until a signal comes. */
async function backUp(job: Job, reading: Reading, read: () => Reading, own: Process): Promise<number> {
  const { signals, uncaught } = own;
  const redaction = new Redactor(job.secrets);
  const { redact } = redaction;
  const progress = progressFor(own);
  const log = loggerFor(job, redact, progress.terminal, own);
  uncaught.reportBy((error) => log.error("internal error", { error: toProblem(error) }));
  const doors = doorsFor(log, redact, progress.terminal ?? progress.logged(log), own);
  const ofHooks = hookWarnings(job.settings, doors.hookEnv["PATH"]);
  for (const warning of [...job.warnings, ...folderWarnings(job.rclone.remote), ...ofHooks])
    log.warn(warning);
  if (job.settings.dryRun) {
    dryRun(job, reading, log, doors.now(), doors.toolEnv);
    return exitCodes.stored.code;
  }
  const schedule = job.settings.backupSchedule;
  if (schedule.kind === "cron") {
    const clock = { now: doors.now, wait: systemDoors.wait };
    const reread = (last: Job): Reread => {
      const next = rereadJob(last, read(), process.env);
      redaction.add(next.secrets);
      for (const warning of next.warnings) log.warn(warning);
      return next;
    };
    return runDaemon({ job, reread, expression: schedule.expression, doors, signals, clock, drainMs });
  }
  const outcome = await runOnce(job, doors, signals.first);
  return outcome === "skipped" ? exitCodes.skipped.code : outcome.exitCode;
}

/** `list` and `verify`: what they find goes to stdout, and nothing else does. */
async function look(job: Job, line: CommandLine, own: Process): Promise<number> {
  const redact = redactor(job.secrets);
  const { err, libc, signals } = own;
  const warn: Warn = (problem) => err.write(`warning: ${sentenceOf(problem, redact)}\n`);
  const doors = { ...workshopDoors(libc), warn };
  const signal = signals.first;
  try {
    if (line.command === "verify") {
      const { code, text } = await verifyBackup(job, doors, redact, line.name, signal);
      return print(own, `${text}\n`, code);
    }
    const backups = await findBackups(job, doors, signal);
    return print(own, line.json ? backupsAsJson(backups) : backupsAsTable(backups, new Date()));
  } catch (error) {
    return report(error, err, redact);
  }
}

function version(): string {
  return typeof BUILD_VERSION === "string" ? BUILD_VERSION : "0.0.0-dev";
}

function print({ out }: Process, text: string, code: number = exitCodes.stored.code): number {
  out.print(visible(text));
  return code;
}

/** Tells what kept the program from running: to stderr, as sentences, all at once. */
function report(error: unknown, err: Output, redact: Redact = visible): number {
  const problems: readonly Problem[] = error instanceof UsageError ? error.problems : [toProblem(error)];
  for (const problem of problems) {
    const { message, hint } = shown(problem, redact);
    err.write(visible(`error: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`));
  }
  return exitCodeOfError(error);
}

function progressFor({ libc, err }: Process): {
  terminal: Progress | null;
  logged: (log: Logger) => Progress;
} {
  const nowMs = () => performance.now();
  return {
    terminal: libc.isTerminal(2) ? terminalProgress((text) => err.write(text), nowMs) : null,
    logged: (log) => loggedProgress((text) => log.debug("progress", { moved: text }), nowMs),
  };
}

function loggerFor(job: Job, redact: Redact, progress: Progress | null, { libc, out }: Process): Logger {
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
  { libc, signals, uncaught }: Process,
): RunDoors {
  return {
    ...workshopDoors(libc),
    log,
    redact,
    now: () => new Date(),
    hookEnv: hookEnvironment(process.env),
    lockFolders: lockFolders(process.env, tmpdir(), process.getuid?.() ?? 0),
    progress,
    notify: systemDoors,
    stop: signals.first,
    giveUp: signals.second,
    host: hostname(),
    onUncaught: (tell) => uncaught.listen(tell),
  };
}

function workshopDoors(libc: Libc): WorkshopDoors {
  return { libc, toolEnv: toolEnvironment(process.env), tempRoot: tmpdir() };
}
