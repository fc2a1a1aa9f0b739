import type { Reading, SettingProblem } from "../config/config.ts";
import { type AnyRow, type OptionName, options, type Settings } from "../config/options.ts";
import { DbstashError, errorOf, toProblem, UsageError } from "../errors.ts";
import { type Job, resolveJob } from "./job.ts";

/** What a run of a schedule goes by: its files are read again for each. */
export interface Reread {
  /** The last good one where there is none for this run. */
  readonly job: Job;
  /** Why this run can't be made; null where it can. */
  readonly refused: DbstashError | null;
  /** What was not said of the last job. */
  readonly warnings: readonly string[];
  /** Of this reading, good or not: to be redacted beside the old ones. */
  readonly secrets: readonly string[];
}

/**
 * The job of a schedule's next run, by settings that were read again. A setting that can't be used refuses the run, but
 * for those that tell of it: they keep their last good value, with a warning. So does a URI that names another target:
 * its backups would stand among those of the first one.
 */
export function rereadJob(
  last: Job,
  reading: Reading,
  env: Readonly<Record<string, string | undefined>>,
): Reread {
  const kept = reading.problems.filter(keepsLast);
  const settings: Settings = {
    ...reading.settings,
    ...Object.fromEntries(kept.map(({ option }) => [option, option && last.settings[option]])),
  };
  const problems = reading.problems.filter((problem) => !kept.includes(problem));
  const warnings = kept.map(({ message }) => `${message}; what it said before serves on`);
  try {
    const job = resolveJob(last.engine, { ...reading, settings, problems }, env);
    const secrets = [...reading.secrets, ...job.secrets];
    const other = otherTarget(last, job);
    if (other !== null) return { job: last, refused: other, warnings, secrets };
    const said = new Set(last.warnings);
    const fresh = job.warnings.filter((warning) => !said.has(warning));
    return { job, refused: null, warnings: [...warnings, ...fresh], secrets };
  } catch (error) {
    // Whatever it is, it becomes a failed run, of which people are told.
    return refusedBy(
      { job: last, refused: null, warnings, secrets: reading.secrets },
      error instanceof DbstashError ? error : errorOf(toProblem(error)),
    );
  }
}

/** The same, with why there is no run after all; null for nothing. */
export function refusedBy(reread: Reread, error: DbstashError | null): Reread {
  return { ...reread, refused: error instanceof UsageError ? refusal(error) : error };
}

function keepsLast({ option }: SettingProblem): boolean {
  const row: AnyRow = (options satisfies Record<OptionName, AnyRow>)[option];
  return row.keepsLast ?? false;
}

/** Not the usage error itself: nobody has called the program wrongly, one of its runs has failed. */
function refusal({ problems, message }: UsageError): DbstashError {
  const hints = problems.flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
  return new DbstashError(message, hints.length === 0 ? undefined : hints.join("; "));
}

function otherTarget(last: Job, job: Job): DbstashError | null {
  const [old, now] = [targetOf(last), targetOf(job)];
  const part = (["host", "port", "database"] as const).find((name) => old[name] !== now[name]);
  if (part === undefined) return null;
  return new DbstashError(
    `DB_URI (--db-uri) names the ${part} ${now[part]} since its file was read again, and ${old[part]} before`,
    "start dbstash anew to back up another database: its backups have names and a place of their own",
  );
}

function targetOf({ engine, request, naming }: Job): { host: string; port: string; database: string } {
  const { hosts } = request.connection;
  return {
    host: hosts.map(({ host }) => host).join(","),
    port: hosts.map(({ port }) => port ?? engine.defaultPort).join(","),
    database: request.database ?? naming.database,
  };
}
