import type { DumpPaths, DumpRequest, Facts, Remark } from "../engine/engine.ts";
import { type Problem, withSentence } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { prepareOutput } from "../pipeline/dump-folder.ts";
import { runInquiry } from "../pipeline/probe.ts";
import { findAuthorities } from "../process/ca-bundle.ts";
import type { Libc } from "../process/libc.ts";
import { claimFolder } from "../process/run-folder.ts";
import type { Workshop } from "../process/workshop.ts";
import { askIn, withoutDatabase } from "../run/databases.ts";
import { type Tried, attempt } from "./attempt.ts";
import { bad, type CheckLine, isBad, linesOf, untried, well } from "./line.ts";
import { versionOf } from "./tools.ts";

/** What looking at a database takes. */
export interface DatabaseLook {
  readonly job: Job;
  readonly libc: Libc;
  readonly workshop: Workshop;
  readonly signal: AbortSignal;
  /** Told which of a server's databases a job of several names. */
  readonly onDatabases?: (databases: readonly string[]) => void;
}

const noLog = { debug: () => undefined, warn: () => undefined };

/**
 * Asks the database what a run asks before its dump, and what only `check` asks: as whom, which release, which rights.
 * Where something is wrong the rest is not asked. Each inquiry has a limit of 30 s.
 */
export async function lookAtDatabase(look: DatabaseLook): Promise<CheckLine[]> {
  const { job, libc, workshop, signal } = look;
  const { engine, request, settings } = job;
  if (settings.backupDatabases !== null) return lookAtSeveral(look);
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

/** Of several databases: the connection, which of them match, and the rights in each. */
async function lookAtSeveral(look: DatabaseLook): Promise<CheckLine[]> {
  const { job, workshop, signal } = look;
  const paths: DumpPaths = {
    privateDir: workshop.privateDir,
    outputDir: null,
    ...findAuthorities(workshop.env),
  };
  const lines = await inquire({ ...look, job: withoutDatabase(job) }, paths, "connection");
  if (lines.some(isBad)) return lines;
  const tried = await attempt(signal, (limited) => askIn(job, { workshop, log: noLog, signal: limited }));
  if (tried.kind === "failed") return [...lines, bad("databases", tried.problem)];
  const { jobs, failures, leftOut } = tried.value;
  const rights: CheckLine[] = [];
  for (const one of jobs.filter(({ naming }) => naming.scope === undefined)) {
    const found = await inquire({ ...look, job: { ...one, request: streamOf(one) } }, paths, "rights");
    rights.push(...found.map((line) => ofDatabase(one.naming.database, line)));
  }
  const names = jobs.map(({ naming }) => naming.database);
  // Those that are refused are missed as well.
  look.onDatabases?.([...names, ...failures.map(({ name }) => name)]);
  return [
    ...lines,
    well("databases", names.length === 0 ? "none" : `${names.length}: ${names.join(", ")}`),
    ...failures.map(({ name, problem }) => bad("databases", withSentence(name, problem))),
    ...leftOut.map((remark) => bad("databases", asProblem(remark), "incomplete")),
    ...rights,
  ];
}

/** The rights are those that a stream takes: in what a server writes itself, each dump finds what is wrong. */
function streamOf({ request }: Job): DumpRequest {
  return { ...request, mode: "stream" };
}

function ofDatabase(database: string, line: CheckLine): CheckLine {
  return { ...line, found: withSentence(database, line.found) };
}

function asProblem(remark: Remark): Problem {
  return typeof remark === "string" ? { message: remark } : remark;
}

/** @param only the title of the one question to ask; all by default */
async function inquire(look: DatabaseLook, paths: DumpPaths, only?: string): Promise<CheckLine[]> {
  const { job, workshop, signal } = look;
  const { engine, request } = job;
  const lines: CheckLine[] = [];
  const facts = await probe(look, paths, lines);
  if (lines.some(isBad)) return lines;
  const toolVersion = await versionOf(engine.dumpCommand(request, paths, facts).tools, workshop, signal);
  for (const question of engine.questions(request, paths, { facts, toolVersion })) {
    if (only !== undefined && question.title !== only) continue;
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
  { job: { engine, request, facts: known = {} }, workshop, signal }: DatabaseLook,
  paths: DumpPaths,
  lines: CheckLine[],
): Promise<Facts> {
  let facts: Facts = known;
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
