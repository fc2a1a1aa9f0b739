import type { DumpPaths, Facts } from "../engine/engine.ts";
import type { Job } from "../job/job.ts";
import { prepareOutput } from "../pipeline/dump-folder.ts";
import { runInquiry } from "../pipeline/probe.ts";
import { findAuthorities } from "../process/ca-bundle.ts";
import type { Libc } from "../process/libc.ts";
import { claimFolder } from "../process/run-folder.ts";
import type { Workshop } from "../process/workshop.ts";
import { type Tried, attempt } from "./attempt.ts";
import { type CheckLine, isBad, linesOf, untried } from "./line.ts";
import { versionOf } from "./tools.ts";

/** What looking at a database takes. */
export interface DatabaseLook {
  readonly job: Job;
  readonly libc: Libc;
  readonly workshop: Workshop;
  readonly signal: AbortSignal;
}

const noLog = { debug: () => undefined };

/**
 * Asks the database what a run asks before its dump, and what only `check` asks: as whom, which release, which rights.
 * Where something is wrong the rest is not asked. Each inquiry has a limit of 30 s.
 */
export async function lookAtDatabase(look: DatabaseLook): Promise<CheckLine[]> {
  const { job, libc, workshop, signal } = look;
  const { engine, request, settings } = job;
  const paths: DumpPaths = {
    privateDir: workshop.privateDir,
    outputDir: null,
    ...findAuthorities(workshop.env),
  };
  // In these modes the server is asked to write into the folder.
  if (!engine.serverWritesFolder || request.mode === "stream") return inquire(look, paths);
  const claimed: Tried<ReturnType<typeof claimFolder>> = await attempt(signal, () =>
    claimFolder(libc, settings.backupTempDir, "dbstash-"),
  );
  // What is wrong with the folder is told of the folder.
  if (claimed.kind === "failed")
    return [untried("connection", "not tried: the server would have to write into the work folder")];
  try {
    workshop.guard.ownFolder(claimed.value.path);
    return await inquire(look, { ...paths, outputDir: prepareOutput(engine, claimed.value) });
  } finally {
    claimed.value.remove();
  }
}

async function inquire(look: DatabaseLook, paths: DumpPaths): Promise<CheckLine[]> {
  const { job, workshop, signal } = look;
  const { engine, request } = job;
  const lines: CheckLine[] = [];
  const facts = await probe(look, paths, lines);
  if (lines.some(isBad)) return lines;
  const toolVersion = await versionOf(engine.dumpCommand(request, paths, facts).tools, workshop, signal);
  for (const question of engine.questions(request, paths, { facts, toolVersion })) {
    const { title, command, interpret } = question;
    if (!isThere(command.tools, workshop)) {
      lines.push(untried(title, `not tried: ${command.tools.join(" or ")} was not found on PATH`));
      continue;
    }
    const answer = interpret(await runInquiry({ workshop, log: noLog }, question, signal));
    lines.push(...linesOf(title, answer));
    if (answer.problems.length > 0) break;
  }
  return lines;
}

/** The run's own probes. @returns what they learnt */
async function probe(
  { job: { engine, request }, workshop, signal }: DatabaseLook,
  paths: DumpPaths,
  lines: CheckLine[],
): Promise<Facts> {
  let facts: Facts = {};
  for (
    let next = engine.nextProbe(request, paths, facts);
    next !== null && !lines.some(isBad);
    next = engine.nextProbe(request, paths, facts)
  ) {
    const finding = next.interpret(await runInquiry({ workshop, log: noLog }, next, signal));
    lines.push(...linesOf("connection", finding));
    facts = { ...facts, ...finding.facts };
  }
  return facts;
}

function isThere(tools: readonly string[], { env }: Workshop): boolean {
  const path = env["PATH"];
  return tools.some((tool) => Bun.which(tool, path === undefined ? {} : { PATH: path }) !== null);
}
