import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { askAge } from "./checks/recipients.ts";
import { flagWarnings, folderWarnings, hookWarnings, webhookProblems } from "./checks/start.ts";
import { requireTlsFiles } from "./checks/tls-files.ts";
import { missingFilters } from "./checks/tools.ts";
import type { Answer, LookDoors } from "./commands/answer.ts";
import { checkJob, checkOfSettings } from "./commands/check.ts";
import { type CommandLine, readCommandLine } from "./commands/command-line.ts";
import { lookDoors, print, type Process, report, runDoors } from "./commands/doors.ts";
import { dryRun } from "./commands/dry-run.ts";
import { readEnvFile } from "./commands/env-file.ts";
import { checkHealth } from "./commands/healthcheck.ts";
import { wordsWithoutSettings } from "./commands/help.ts";
import { listJob } from "./commands/list.ts";
import { pruneJob } from "./commands/prune.ts";
import { otherJobProblems } from "./commands/same-job.ts";
import { verifyBackup } from "./commands/verify.ts";
import { hookEnvironment, toolEnvironment } from "./config/child-environment.ts";
import { type Reading, readSettings } from "./config/config.ts";
import { Redactor, redactor, visible } from "./config/secret.ts";
import { drainMs, runDaemon } from "./daemon/daemon.ts";
import { watchedOnce } from "./daemon/watch.ts";
import type { Engine } from "./engine/engine.ts";
import { exitCodes, type Problem, shown, toProblem, UsageError } from "./errors.ts";
import { subjectInWords } from "./job/database.ts";
import { type Job, resolveJob } from "./job/job.ts";
import { refusedBy, type Reread, rereadJob } from "./job/reread.ts";
import { systemDoors } from "./notify/webhook.ts";
import { tellOfWrongSettings } from "./notify/wrong-settings.ts";
import { openOutput } from "./output.ts";
import { openLibc } from "./process/libc.ts";
import { readReadable } from "./remote/config-source.ts";
import { runOnce } from "./run.ts";
import { listenToSignals, Uncaught } from "./signals.ts";

declare const BUILD_VERSION: string;

type Variables = Readonly<Record<string, string | undefined>>;

/** What settings are read from, and what children are given. */
interface Surroundings {
  readonly engine: Engine;
  readonly line: CommandLine;
  /** The lines of `--env-file`, and what of them was left out. */
  readonly envFile: Variables;
  readonly leftOut: readonly string[];
  /** Both together: the environment's own variables beat the file's. */
  readonly env: Variables;
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
  const now = (): Date => new Date();
  const own = { libc, out, err, signals, uncaught, now, uid: process.getuid?.() ?? 0 };
  await end(await run(engine, own).catch((error: unknown) => report(error, err)));
}

async function run(engine: Engine, own: Process): Promise<number> {
  const line = await readCommandLine(engine.name, process.argv.slice(2));
  const told = wordsWithoutSettings(engine, version(), line);
  if (told !== null) return print(own, told);
  if (line.command === null || line.command === "backup") return await backUpOrTell(engine, line, own);
  const around = surroundings(engine, line);
  const reading = readAll(around);
  if (line.command === "healthcheck") {
    const { ok, detail } = await checkHealth(reading);
    return print(own, { text: `${detail}\n`, code: ok ? exitCodes.stored.code : exitCodes.failed.code });
  }
  if (line.command === "check") return await check(reading, around, own);
  return await look(resolveJob(engine, reading, around.env, "look"), around, own);
}

/** Backs up; settings that keep it from that are told of to whom they can still name. */
async function backUpOrTell(engine: Engine, line: CommandLine, own: Process): Promise<number> {
  // What can be read without the file of `--env-file`.
  let around: Surroundings = { engine, line, envFile: {}, leftOut: [], env: process.env };
  let reading: Reading | null = null;
  try {
    around = surroundings(engine, line);
    reading = readAll(around);
    return await backUp(jobOfRun(reading, around), reading, around, own);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { settings, secrets } = reading ?? readAll(around);
    const redact = redactor(secrets);
    const code = report(error, own.err, redact);
    const problems = error.problems.map((problem) => shown(problem, redact));
    const isOnce = line.command === "backup" || settings.backupSchedule.kind === "once";
    const doors = { notify: systemDoors, stop: own.signals.first, host: hostname() };
    const database = subjectInWords(engine, settings);
    for (const untold of await tellOfWrongSettings(
      { engine: engine.name, database, settings, problems, isOnce },
      doors,
    ))
      own.err.write(`warning: nobody was told: ${untold}\n`);
    return code;
  }
}

/** @throws UsageError with all that keeps a run from beginning */
function jobOfRun(reading: Reading, { engine, env }: Surroundings): Job {
  const job = resolveJob(engine, reading, env, "backup");
  requireTlsFiles(job, toolEnvironment(env));
  return job;
}

/** @throws UsageError for an env file that can't be read, with everything wrong in it */
function surroundings(engine: Engine, line: CommandLine): Surroundings {
  if (line.envFile === null) return { engine, line, envFile: {}, leftOut: [], env: process.env };
  const { variables, warnings } = readEnvFile(line.envFile);
  return { engine, line, envFile: variables, leftOut: warnings, env: { ...variables, ...process.env } };
}

/** Settings from flags, environment and files, as they are now. */
function readAll({ engine, line: { flags }, envFile, leftOut }: Surroundings): Reading {
  const sources = { flags, env: process.env, envFile, readFile: readReadable, readLink };
  const reading = readSettings(engine.name, sources);
  const { settings } = reading;
  const problems = [...reading.problems, ...webhookProblems(settings)];
  const warnings = [...leftOut, ...reading.warnings, ...flagWarnings(engine.name, flags)];
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
async function backUp(job: Job, reading: Reading, around: Surroundings, own: Process): Promise<number> {
  const { signals, uncaught } = own;
  const { settings } = job;
  const redaction = new Redactor(job.secrets);
  const doors = runDoors(job, redaction.redact, around.env, own);
  const { log } = doors;
  uncaught.reportBy((error) => log.error("internal error", { error: toProblem(error) }));
  const ofHooks = hookWarnings(settings, doors.hookEnv["PATH"]);
  const warnings = [
    ...job.warnings,
    ...job.places.flatMap(({ remote }) => folderWarnings(remote)),
    ...ofHooks,
  ];
  const isOnce = around.line.command === "backup";
  if (settings.dryRun) {
    const { redact } = redaction;
    const { toolEnv } = doors;
    const missing = missingFilters(job, toolEnv["PATH"]).map(({ found }) => hinted(found));
    const told = [...warnings, ...missing];
    const parts = { job, reading, isOnce, warnings: told, redact, now: doors.now(), toolEnv };
    return print(own, { code: exitCodes.stored.code, text: dryRun(parts) });
  }
  const refusal = await askAge(job, doors, signals.first);
  if (refusal instanceof UsageError) throw refusal;
  for (const warning of warnings) log.warn(warning);
  if (isOnce || settings.backupSchedule.kind === "once") {
    const outcome = await runOnce(job, watchedOnce(job, doors), signals.first, refusal);
    return outcome === "skipped" ? exitCodes.skipped.code : outcome.exitCode;
  }
  const clock = { now: doors.now, wait: systemDoors.wait };
  const reread = async (last: Job): Promise<Reread> => {
    const next = rereadJob(last, readAll(around), around.env);
    redaction.add(next.secrets);
    for (const warning of next.warnings) log.warn(warning);
    return next.refused === null ? refusedBy(next, await askAge(next.job, doors, signals.first)) : next;
  };
  const { expression } = settings.backupSchedule;
  return runDaemon({ job, reread, expression, doors, signals, clock, version: version(), drainMs });
}

function hinted({ message, hint }: Problem): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

/** `check`: settings that keep a run from beginning are lines of it, too. */
async function check(reading: Reading, around: Surroundings, own: Process): Promise<number> {
  const { switches } = around.line;
  const isJson = switches.has("json");
  let job: Job;
  try {
    job = jobOfRun(reading, around);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return print(own, checkOfSettings(error.problems, { isJson, redact: visible }));
  }
  const look = lookDoors(job, around.env, own);
  const doors = { ...look, hookEnv: hookEnvironment(around.env), notify: systemDoors, host: hostname() };
  const { redact } = look;
  const told = { isJson, redact, print: (text: string) => own.out.print(visible(text)) };
  try {
    return print(own, await checkJob(job, doors, switches.has("notify"), told));
  } catch (error) {
    return report(error, own.err, redact);
  }
}

/** Commands that look at the places: what they find goes to stdout, and nothing else does. */
async function look(job: Job, around: Surroundings, own: Process): Promise<number> {
  const doors = lookDoors(job, around.env, own);
  try {
    return print(own, await answer(job, around, doors));
  } catch (error) {
    return report(error, own.err, doors.redact);
  }
}

async function answer(job: Job, around: Surroundings, doors: LookDoors): Promise<Answer> {
  const { command, name, switches } = around.line;
  switch (command) {
    case "list":
      return listJob(job, doors, switches.has("json"));
    case "verify":
      return verifyBackup(job, doors, name, switches.has("full"));
    case "prune":
      if (around.line.envFile !== null) requireSameJob(around);
      return pruneJob(job, doors);
    default:
      throw new UsageError([{ message: `this build has no ${command}` }]);
  }
}

/** What is removed for good must be of the job that the env file describes. */
function requireSameJob({ engine, line: { flags }, envFile }: Surroundings): void {
  const read = (env: Variables) =>
    readSettings(engine.name, { flags: new Map(), env, readFile: readReadable, readLink });
  const problems = otherJobProblems({ engine, flags, env: process.env, envFile, read });
  if (problems.length > 0) throw new UsageError(problems);
}

function version(): string {
  return typeof BUILD_VERSION === "string" ? BUILD_VERSION : "0.0.0-dev";
}
