import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path/posix";
import type { Engine, FolderFile, FolderPlan } from "../engine/engine.ts";
import { DbstashError } from "../errors.ts";
import { findAuthorities } from "../process/ca-bundle.ts";
import { capture } from "../process/capture.ts";
import { claimFolder, type RunFolder } from "../process/run-folder.ts";
import { succeeded } from "../process/exit.ts";
import { together } from "../process/waiting.ts";
import { processFailure, quoted } from "../process/failure.ts";
import type { PipelineRun } from "./pipeline.ts";
import { heed, judged, runInspection, runProbes } from "./probe.ts";
import { Remarks } from "./remarks.ts";
import { engineStage, heardBy } from "./stage.ts";

/** How long a dump tool gets between TERM and KILL. */
const stepGraceMs = 2_000;
/** How often the folder is measured while a dump fills it; more seldom where that takes long. */
const measureEveryMs = 1_000;
const measuringShare = 0.02;

/** A folder that a dump has filled, in a work folder of this run. */
export interface FilledFolder {
  readonly path: string;
  readonly files: readonly FolderFile[];
  /** Of all files together. */
  readonly bytes: number;
  /** The tool of the first step, as a full path. */
  readonly tool: string;
  /** Gives the folder a name of its own, within the work folder. @returns the new path */
  rename(name: string): string;
}

/**
 * Dumps into a folder below `BACKUP_TEMP_DIR`, does `work` with it, and removes it, whatever comes of either.
 * @param beside runs beside the dump: whichever fails first ends the other, and is the cause
 * @throws DbstashError with the cause; then no process of the dump is alive
 */
export async function withFilledFolder<Beside, Result>(
  run: PipelineRun,
  beside: (signal: AbortSignal) => Promise<Beside>,
  work: (folder: FilledFolder, beside: Beside) => Promise<Result>,
): Promise<Result> {
  const claimed = claimFolder(run.libc, run.job.settings.backupTempDir, "dbstash-");
  try {
    run.workshop.guard.ownFolder(claimed.path);
    const outputDir = prepareOutput(run.job.engine, claimed);
    const [folder, other] = await together(
      run.signals.stop,
      (signal) => fill(run, outputDir, signal),
      beside,
    );
    run.log.info("dump finished, uploading", { files: folder.files.length, bytes: folder.bytes });
    return await work(folder, other);
  } finally {
    const left = claimed.remove();
    if (left !== null) run.warn(left);
  }
}

/**
 * Nobody else sees the folder. Where the database server itself writes into it, it is open to everyone who knows
 * its name, and the folder above it lets people through without showing what is in it.
 */
export function prepareOutput({ serverWritesFolder }: Engine, claimed: RunFolder): string {
  const outputDir = join(claimed.path, crypto.getRandomValues(new Uint8Array(16)).toHex());
  if (!serverWritesFolder) return outputDir;
  chmodSync(claimed.path, 0o711);
  mkdirSync(outputDir);
  // Not by mkdir's mode, which the umask narrows.
  chmodSync(outputDir, 0o777);
  return outputDir;
}

async function fill(run: PipelineRun, outputDir: string, signal: AbortSignal): Promise<FilledFolder> {
  const { engine, request } = run.job;
  const { privateDir, env } = run.workshop;
  const paths = { privateDir, outputDir, ...findAuthorities(env) };
  const remarks = new Remarks(engine.remarks);
  const facts = await runProbes(run, paths);
  const ended = new AbortController();
  const inspection = runInspection(run, paths, facts, AbortSignal.any([signal, ended.signal]));
  const stopMeasuring = measureAgainAndAgain(
    () => run.onBytes(totalBytes(filesBelow(outputDir))),
    run.onUnseen,
  );
  try {
    const plan = engine.folderPlan(request, paths, facts);
    const steps: FinishedStep[] = [];
    for (const step of plan.steps) steps.push(await runStep(run, outputDir, step, remarks, signal));
    const files = filesBelow(outputDir);
    heed(judged(engine, remarks), run);
    heed({ problems: plan.check(files), warnings: [], leftOut: [] }, run);
    if (files.length === 0) throw new DbstashError("the dump is empty: it left no file in its folder");
    const bytes = totalBytes(files);
    run.onBytes(bytes);
    return {
      path: outputDir,
      files,
      bytes,
      tool: steps[0]?.tool ?? "",
      rename(name) {
        const path = join(outputDir, "..", name);
        renameSync(outputDir, path);
        return path;
      },
    };
  } catch (error) {
    ended.abort(error);
    throw error;
  } finally {
    stopMeasuring();
    await inspection;
  }
}

/** @param onUnseen called where a measuring fails: a file system may be out of reach for a while */
function measureAgainAndAgain(measure: () => void, onUnseen: () => void): () => void {
  let timer: Timer;
  const after = (ms: number): void => {
    timer = setTimeout(() => {
      const startedMs = performance.now();
      try {
        measure();
      } catch {
        onUnseen();
      }
      after(Math.max(measureEveryMs, (performance.now() - startedMs) / measuringShare));
    }, ms);
  };
  after(measureEveryMs);
  return () => clearTimeout(timer);
}

/** A command of a plan that has exited 0. */
interface FinishedStep {
  /** As a full path. */
  readonly tool: string;
}

/** Runs one command of a plan to its end. */
async function runStep(
  run: PipelineRun,
  outputDir: string,
  { command, stdoutFile }: FolderPlan["steps"][number],
  remarks: Remarks,
  signal: AbortSignal,
): Promise<FinishedStep> {
  signal.throwIfAborted();
  const { guard } = run.workshop;
  const stage = heardBy(remarks, engineStage(run, command));
  // The tool writes into the file by itself: no byte of the dump goes through this process.
  const stdout = stdoutFile === null ? null : openSync(join(outputDir, stdoutFile), "wx", 0o600);
  const output = stdout === null ? {} : { stdout };
  const { exit, messages } = await capture(
    { ...stage.request, ...output, graceMs: stepGraceMs },
    guard,
    signal,
  ).finally(() => {
    if (stdout !== null) closeSync(stdout);
  });
  const words = messages.toString();
  if (!succeeded(exit))
    throw processFailure(stage.title, exit, quoted(messages), stage.hint(words) ?? roomHint(words));
  return { tool: stage.request.file };
}

/** Advice where a dump has filled the disk; null where it failed of something else. */
function roomHint(words: string): string | null {
  return /no space left on device|disk quota exceeded|errcode: 28\b/i.test(words)
    ? "BACKUP_TEMP_DIR (--backup-temp-dir) needs room for the whole dump; BACKUP_MODE=stream needs none"
    : null;
}

/** Every file below a folder; none where there is no folder. */
function filesBelow(folder: string): FolderFile[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return names.flatMap((path) => {
    const stat = lstatSync(join(folder, path), { throwIfNoEntry: false });
    return stat?.isFile() === true ? [{ path, bytes: stat.size }] : [];
  });
}

function totalBytes(files: readonly FolderFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
