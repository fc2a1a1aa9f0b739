import { readFileSync, rmSync } from "node:fs";
import type { DumpPaths, Facts, Probe, ProbeOutcome } from "../engine/engine.ts";
import { DbstashError } from "../errors.ts";
import { spawn } from "../process/spawn.ts";
import { heed } from "./failure.ts";
import type { PipelineRun } from "./pipeline.ts";
import { commandStage } from "./stage.ts";

/** A probe needs seconds at the most; a server that does not answer must not hold up the run. */
const probeLimitMs = 30_000;
const outputLimitBytes = 16 * 1024 * 1024;

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
    const finding = probe.interpret(await runProbe(run, probe, run.stop.any));
    heed(finding, run.log);
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
  let stdout = "";
  const decoder = new TextDecoder();
  try {
    const { request } = commandStage(
      probe.command,
      workshop,
      () => null,
      (line) => log.debug("message of a tool", { output: line }),
    );
    const child = spawn(
      {
        ...request,
        role: "producer",
        stdout: (bytes) => {
          if (stdout.length < outputLimitBytes) stdout += decoder.decode(bytes, { stream: true });
        },
      },
      workshop.guard,
    );
    const limit = AbortSignal.any([signal, AbortSignal.timeout(probeLimitMs)]);
    const end = () => void child.stop(1_000);
    if (limit.aborted) end();
    limit.addEventListener("abort", end);
    const exit = await child.exited;
    limit.removeEventListener("abort", end);
    signal.throwIfAborted();
    return {
      exitCode: exit.code,
      stdout,
      stderr: child.messages.toString(),
      fileContent: takeFile(probe.readsFile),
    };
  } catch (error) {
    if (signal.aborted || !(error instanceof DbstashError)) throw error;
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
