import { subjectText } from "../catalog/naming.ts";
import { DbstashError, errorOf, type Problem, toProblem } from "../errors.ts";
import { type RemoteDoors, withRclone } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import type { Place } from "../job/place.ts";
import { answerLimitMs, timeLimit } from "../pipeline/limits.ts";
import type { Run } from "./attempt.ts";
import { alikeButForCase, askDatabases, type AskDoors } from "./databases.ts";
import { unbegunResult } from "./outcome.ts";

/** What choosing databases needs of the world. */
export interface ChooseDoors extends Omit<AskDoors, "log">, Pick<RemoteDoors, "turns"> {
  readonly redact: (text: string) => string;
}

const sameCase: Problem = {
  message:
    "another database has the same name but for upper and lower case, which this place does not tell apart",
  hint: "give one of them a job and a folder of its own, and leave it out here: !name",
};

/**
 * Asks once what all backups of a run over several databases have in common: which databases there are, and what each
 * place can do. What can't be backed up goes into the run's outcome as a failure, what the server keeps back as a
 * warning.
 * @returns a job for each of the others
 * @throws DbstashError where the server can't be asked, and the signal's reason
 */
export async function chooseDatabases(run: Run, doors: ChooseDoors): Promise<readonly Job[]> {
  const { job, log, outcome, warn, signals } = run;
  const [asked, places] = await Promise.all([
    askDatabases(job, { ...doors, log }, signals.stop),
    withFeatures(run, doors),
  ]);
  for (const remark of asked.leftOut) warn(remark);
  const jobs = asked.jobs.map((each) => ({ ...each, places }));
  const isFolded = places.some(({ features }) => features?.foldsCase === true);
  const alike = isFolded ? alikeButForCase(jobs) : [];
  const refused = [
    ...asked.failures,
    ...alike.map(({ naming }) => ({ name: naming.database, problem: sameCase })),
  ];
  for (const { name, problem } of refused) refuse(run, name, problem, doors);
  const chosen = jobs.filter((each) => !alike.includes(each));
  const named = new Set([
    ...asked.failures.map(({ name }) => name),
    ...jobs.map(({ naming }) => naming.database),
  ]);
  outcome.names(asked.known.map(({ database }) => database).filter((name) => named.has(name)));
  log.info("the server was asked for its databases", { chosen: chosen.length, refused: refused.length });
  return chosen;
}

/** What can't be backed up has failed, and is told where it is found. */
function refuse(
  { job, log, outcome, backupId, startedAt }: Run,
  database: string,
  problem: Problem,
  { redact }: ChooseDoors,
): void {
  const named = { ...job, naming: { ...job.naming, database } };
  const identity = { backupId, startedAt, name: "" };
  const result = { ...unbegunResult(named, identity, errorOf(problem), redact), places: [] };
  log.error("database failed", {
    database,
    error: problem,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
  outcome.ended(`refused ${database}`, result);
}

/** Its places, each with what it can do; what can't be asked now each backup asks for itself. */
async function withFeatures({ job, log, signals, warn }: Run, doors: ChooseDoors): Promise<Job["places"]> {
  const isOne = job.places.length === 1;
  const asked = async (place: Place): Promise<Place> => {
    if (place.features !== null) return place;
    const limit = timeLimit(isOne ? 0 : answerLimitMs, new DbstashError("it gave no answer"));
    const signal = AbortSignal.any([signals.stop, limit.signal]);
    try {
      const features = await withRclone(job, place, { ...doors, warn }, (rclone) =>
        rclone.features(rclone.root, signal),
      );
      return { ...place, features };
    } catch (error) {
      log.debug("a place could not be asked what it can do", {
        place: place.remote.shown,
        error: toProblem(error),
      });
      return place;
    } finally {
      limit.end();
    }
  };
  const [first, ...more] = job.places;
  return [await asked(first), ...(await Promise.all(more.map(asked)))];
}

/**
 * Looks which of those that failed are gone from the server by now: they are a warning and no failure. Where it can't be
 * asked any more all of them have failed.
 */
export async function forgiveDropped(run: Run, jobs: readonly Job[], doors: ChooseDoors): Promise<void> {
  const { job, log, outcome, signals } = run;
  const failed = jobs.filter(
    ({ naming }) => naming.scope === undefined && outcome.hasFailed(subjectText(naming)),
  );
  if (failed.length === 0 || signals.stop.aborted) return;
  try {
    const { known } = await askDatabases(job, { ...doors, log }, signals.stop);
    const there = new Set(known.map(subjectText));
    for (const { naming } of failed)
      if (!there.has(subjectText(naming))) outcome.dropped(subjectText(naming), naming.database);
  } catch (error) {
    if (!(error instanceof DbstashError)) throw error;
    log.debug("the server could not be asked again", { error: toProblem(error) });
  }
}
