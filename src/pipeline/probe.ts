import { readFileSync, rmSync } from "node:fs";
import type { DumpPaths, Facts, Probe, ProbeOutcome, Review } from "../engine/engine.ts";
import { DbstashError } from "../errors.ts";
import { capture } from "../process/capture.ts";
import type { PipelineRun } from "./pipeline.ts";
import { commandStage } from "./stage.ts";

/** A probe needs seconds at the most; a server that does not answer must not hold up the run. */
const probeLimitMs = 30_000;
const probeGraceMs = 1_000;
const outputLimitBytes = 16 * 1024 * 1024;

/** Tells the warnings of an engine. @returns the first problem it found, null for none */
export function firstProblem({ problems, warnings }: Review, { log }: PipelineRun): DbstashError | null {
  for (const warning of new Set(warnings)) log.warn(warning);
  const [problem] = problems;
  return problem === undefined ? null : new DbstashError(problem.message, problem.hint);
}

/** Tells the warnings of an engine. @throws DbstashError with the first problem it found */
export function heed(review: Review, run: PipelineRun): void {
  const problem = firstProblem(review, run);
  if (problem !== null) throw problem;
}

/**
 * Asks what the engine wants to know before the dump.
 * @returns the facts that shape the dump's command
 * @throws DbstashError with the first problem a probe finds
 */
export async function runProbes(run: PipelineRun, paths: DumpPaths): Promise<Facts> {
  const { engine, request } = run.job;
  let facts: Facts = {};
  for (
    let probe = engine.nextProbe(request, paths, facts);
    probe !== null;
    probe = engine.nextProbe(request, paths, facts)
  ) {
    const finding = probe.interpret(await runProbe(run, probe, run.signals.stop));
    heed(finding, run);
    facts = { ...facts, ...finding.facts };
  }
  return facts;
}

/** Looks beside the dump for what the tool will leave out silently; finds warnings, never an error. */
export async function runInspection(
  run: PipelineRun,
  paths: DumpPaths,
  facts: Facts,
  signal: AbortSignal,
): Promise<void> {
  const probe = run.job.engine.inspection(run.job.request, paths, facts);
  if (probe === null) return;
  try {
    for (const warning of probe.interpret(await runProbe(run, probe, signal)).warnings) run.log.warn(warning);
  } catch (error) {
    run.log.debug(`the check of ${probe.title} failed`, { error: String(error) });
  }
}

async function runProbe(run: PipelineRun, probe: Probe, signal: AbortSignal): Promise<ProbeOutcome> {
  const { workshop, log } = run;
  const nothing: ProbeOutcome = { exitCode: null, stdout: "", stderr: "", fileContent: null };
  try {
    const { request } = commandStage(
      probe.command,
      workshop,
      () => null,
      (line) => log.debug("message of a tool", { output: line }),
    );
    const limits = { graceMs: probeGraceMs, limitMs: probeLimitMs, maxBytes: outputLimitBytes };
    const { exit, stdout, messages } = await capture({ ...request, ...limits }, workshop.guard, signal);
    return {
      exitCode: exit.code,
      stdout: new TextDecoder().decode(stdout),
      stderr: messages.toString(),
      fileContent: takeFile(probe.readsFile),
    };
  } catch (error) {
    if (signal.aborted || workshop.guard.isLost || !(error instanceof DbstashError)) throw error;
    log.debug(`the check of ${probe.title} could not run`, { error: error.message });
    return nothing;
  } finally {
    for (const { path } of probe.command.files) rmSync(path, { force: true });
  }
}

function takeFile(path: string | null): string | null {
  if (path === null) return null;
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Absent is an answer, too: the server does not write where we read.
    return null;
  } finally {
    rmSync(path, { force: true });
  }
}
