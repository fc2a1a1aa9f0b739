import { globals, type Subject, subjectText } from "../catalog/naming.ts";
import { select } from "../config/selection.ts";
import type { DatabaseList, DatabasesQuestion, DumpPaths, Remark, ServerDatabase } from "../engine/engine.ts";
import { DbstashError, errorOf, type Problem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { jobOf } from "../job/several.ts";
import type { Logger } from "../logger.ts";
import { type Asking, runInquiry, runProbes } from "../pipeline/probe.ts";
import { findAuthorities } from "../process/ca-bundle.ts";
import { withWorkshop, type WorkshopDoors } from "../process/workshop.ts";

/** What asking a server for its databases needs of the world. */
export interface AskDoors extends WorkshopDoors {
  readonly log: Logger;
}

/** Something that a selection names, and of which there can be no backup. */
export interface Unmade {
  /** The database, or the word of `BACKUP_DATABASES` that nothing answers to. */
  readonly name: string;
  readonly problem: Problem;
}

/** What a run over several databases has to do. */
export interface AskedDatabases {
  /** One job each: what databases share first, then they by name. */
  readonly jobs: readonly Job[];
  /** Failures of the run, known before its first dump. */
  readonly failures: readonly Unmade[];
  /** What will be missing although it was to be there: warnings of the run. */
  readonly leftOut: readonly Remark[];
  /** All that the server has, whether it is selected or not. */
  readonly known: readonly Subject[];
}

/**
 * Asks the server which databases it has, by the engine's own client, and chooses those that the job names.
 * @param job of several databases
 * @throws DbstashError where the server can't be asked, and the signal's reason
 */
export async function askDatabases(job: Job, doors: AskDoors, signal: AbortSignal): Promise<AskedDatabases> {
  const left: Remark[] = [];
  const warn = (remark: Remark): void => void left.push(remark);
  const asked = await withWorkshop(doors, job.settings.backupUmask, [], warn, (workshop) =>
    askIn(job, { workshop, log: doors.log, signal }),
  );
  return { ...asked, leftOut: [...left, ...asked.leftOut] };
}

/** The same, in a workshop that is there already. */
export async function askIn(
  job: Job,
  { workshop, log, signal }: Pick<Asking, "workshop" | "log"> & { readonly signal: AbortSignal },
): Promise<AskedDatabases> {
  const leftOut: Remark[] = [];
  const warn = (remark: Remark): void => void leftOut.push(remark);
  const all = withoutDatabase(job);
  const paths: DumpPaths = {
    privateDir: workshop.privateDir,
    outputDir: null,
    ...findAuthorities(workshop.env),
  };
  const asking: Asking = { job: all, workshop, log, warn, signals: { stop: signal, limit: signal } };
  const learnt = await runProbes(asking, paths);
  const question = all.engine.databases(all.request, paths, learnt);
  if (question === null) throw new DbstashError(`${all.engine.title} has no databases to choose from`);
  const list = await ask(question, asking);
  return chosen(job, list, { ...learnt, ...list.facts }, [...leftOut, ...list.leftOut]);
}

/** The job by which a server is asked for all of them. The folder modes have questions that each dump asks for itself. */
export function withoutDatabase(job: Job): Job {
  return { ...job, request: { ...job.request, database: null, mode: "stream" } };
}

/** @throws DbstashError with the first problem of it */
async function ask({ inquiries, sight }: DatabasesQuestion, asking: Asking): Promise<DatabaseList> {
  const { stop } = asking.signals;
  for (const inquiry of inquiries) {
    const list = inquiry.interpret(await runInquiry(asking, inquiry, stop));
    const [problem] = list?.problems ?? [];
    if (problem !== undefined) throw errorOf(problem);
    if (list === null) continue;
    if (sight === null) return list;
    const { leftOut } = sight.interpret(await runInquiry(asking, sight, stop));
    return { ...list, leftOut: [...list.leftOut, ...leftOut] };
  }
  throw new DbstashError("the server can't be asked for its databases");
}

/** What of the answer the job names. */
function chosen(
  job: Job,
  { databases, leftOutOfGlobals }: DatabaseList,
  facts: DatabaseList["facts"],
  leftOut: readonly Remark[],
): AskedDatabases {
  const { backupDatabases } = job.settings;
  if (backupDatabases === null) throw new DbstashError("BACKUP_DATABASES is not set");
  const { chosen: named, unmatched } = select(backupDatabases, databases);
  const { hasGlobals } = backupDatabases;
  const made = named.filter((database) => problemOf(database) === null);
  const subjects: Subject[] = [
    ...(hasGlobals ? [globals] : []),
    ...made.map(({ name }) => ({ database: name })),
  ];
  return {
    jobs: subjects.map((subject) => jobOf(job, subject, facts)),
    failures: [
      ...unmatched.map(({ term, problem }) => ({ name: term, problem })),
      ...named.flatMap((database) => {
        const problem = problemOf(database);
        return problem === null ? [] : [{ name: database.name, problem }];
      }),
    ],
    leftOut: [...leftOut, ...(hasGlobals ? leftOutOfGlobals : [])],
    known: [
      ...(job.engine.hasGlobals ? [globals] : []),
      ...databases.map(({ name }) => ({ database: name })),
    ],
  };
}

/** A name that is no text can't be told to a dump tool, nor to a remote. */
function problemOf({ name, problem }: ServerDatabase): Problem | null {
  if (problem !== null || !name.includes("\uFFFD")) return problem;
  return { message: "its name holds bytes that are not UTF-8", hint: "rename it" };
}

/**
 * Jobs whose names differ from one another's by the case of letters alone: on a remote that does not tell these apart
 * each would overwrite the other.
 */
export function alikeButForCase(jobs: readonly Job[]): readonly Job[] {
  const keyOf = ({ naming }: Job): string => subjectText(naming).normalize("NFC").toLowerCase();
  return jobs.filter((job) => jobs.some((other) => other !== job && keyOf(other) === keyOf(job)));
}
