import { readFileSync, rmSync } from "node:fs";
import {
  type DumpPaths,
  type Engine,
  type Facts,
  type Inquiry,
  type Judgement,
  probeLimitMs,
  type ProbeOutcome,
  type Remark,
} from "../engine/engine.ts";
import { DbstashError, errorOf, toProblem } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { capture } from "../process/capture.ts";
import type { Workshop } from "../process/workshop.ts";
import type { PipelineRun } from "./pipeline.ts";
import type { Remarks } from "./remarks.ts";
import { commandStage } from "./stage.ts";

const probeGraceMs = 1_000;
const outputLimitBytes = 16 * 1024 * 1024;

/** Who hears of what an engine has found. */
type Listener = Pick<PipelineRun, "warn"> & { readonly log: Pick<Logger, "debug" | "warn"> };

/** Who asks something of a server. */
export type Asking = Listener & Pick<PipelineRun, "job" | "workshop" | "signals">;

/**
 * Tells what an engine has found: its warnings, and as warnings of the run what is not in the backup.
 * @returns the first problem it found, null for none
 */
export function firstProblem(judgement: Judgement, run: Listener): DbstashError | null {
  tell(judgement, run);
  const { problems } = judgement;
  const [problem] = problems;
  return problem === undefined ? null : errorOf(problem);
}

function tell({ warnings, leftOut }: Pick<Judgement, "warnings" | "leftOut">, { log, warn }: Listener): void {
  for (const warning of distinct(warnings)) {
    if (typeof warning === "string") log.warn(warning);
    else log.warn("the dump tool warns", { output: warning.message });
  }
  for (const missing of distinct(leftOut)) warn(missing);
}

function distinct(remarks: readonly Remark[]): Remark[] {
  return [
    ...new Map(
      remarks.map((remark) => [typeof remark === "string" ? remark : remark.message, remark]),
    ).values(),
  ];
}

/** What an engine makes of the remarks of a dump that exited 0. */
export function judged(engine: Engine, remarks: Remarks): Judgement {
  const judgement = engine.judge(remarks.toString());
  const { overflow } = remarks;
  return overflow === null ? judgement : { ...judgement, leftOut: [...judgement.leftOut, overflow] };
}

/** Tells what an engine has found. @throws DbstashError with the first problem of it */
export function heed(judgement: Judgement, run: Listener): void {
  const problem = firstProblem(judgement, run);
  if (problem !== null) throw problem;
}

/**
 * Asks what the engine wants to know before the dump.
 * @returns the facts that shape the dump's command
 * @throws DbstashError with the first problem a probe finds
 */
export async function runProbes(run: Asking, paths: DumpPaths): Promise<Facts> {
  const { engine, request } = run.job;
  let facts: Facts = run.job.facts ?? {};
  for (
    let probe = engine.nextProbe(request, paths, facts);
    probe !== null;
    probe = engine.nextProbe(request, paths, facts)
  ) {
    const finding = probe.interpret(await runInquiry(run, probe, run.signals.stop));
    heed(finding, run);
    facts = { ...facts, ...finding.facts };
  }
  return facts;
}

/** Looks beside the dump for what the tool will leave out silently; finds what is left out, never an error. */
export async function runInspection(
  run: PipelineRun,
  paths: DumpPaths,
  facts: Facts,
  signal: AbortSignal,
): Promise<void> {
  const probe = run.job.engine.inspection(run.job.request, paths, facts);
  if (probe === null) return;
  try {
    tell(probe.interpret(await runInquiry(run, probe, signal)), run);
  } catch (error) {
    run.log.debug(`the check of ${probe.title} failed`, { error: toProblem(error) });
  }
}

/** Runs an inquiry to its end. One that can't be started is an answer, too. @throws the signal's reason */
export async function runInquiry(
  { workshop, log }: { readonly workshop: Workshop; readonly log: Pick<Logger, "debug"> },
  inquiry: Inquiry,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const { title, command, readsFile, enoughBytes, isBinary } = inquiry;
  try {
    const { request } = commandStage(
      command,
      workshop,
      () => null,
      (line) => log.debug("message of a tool", { output: line }),
    );
    const limits = {
      graceMs: probeGraceMs,
      limitMs: probeLimitMs,
      maxBytes: enoughBytes ?? outputLimitBytes,
    };
    const { exit, stdout, messages, isLate, isCut } = await capture(
      { ...request, ...limits },
      workshop.guard,
      signal,
    );
    return {
      exitCode: exit.code,
      isLate,
      isEnough: isCut && enoughBytes !== undefined,
      stdout:
        isCut && enoughBytes === undefined
          ? ""
          : Buffer.from(stdout).toString(isBinary === true ? "latin1" : "utf8"),
      stderr: messages.toString(),
      fileContent: takeFile(readsFile),
    };
  } catch (error) {
    if (signal.aborted || workshop.guard.isLost || !(error instanceof DbstashError)) throw error;
    log.debug(`the check of ${title} could not run`, { error: toProblem(error) });
    return nothing;
  } finally {
    for (const { path } of command.files) rmSync(path, { force: true });
  }
}

const nothing: ProbeOutcome = {
  exitCode: null,
  isLate: false,
  isEnough: false,
  stdout: "",
  stderr: "",
  fileContent: null,
};

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
