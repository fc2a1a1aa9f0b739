import { globals, type NameContext, type Subject } from "../catalog/naming.ts";
import type { DatabasesJob } from "../catalog/databases.ts";
import type { DumpRequest, Facts } from "../engine/engine.ts";
import { filtersOf } from "./filters.ts";
import type { Job } from "./job.ts";

/**
 * The job of one of several databases, or of what they share: its own request, filters, names and locks.
 * @param job of several; @param facts what has been asked of the server for all of them
 */
export function jobOf(job: Job, { database, scope }: Subject, facts: Facts = {}): Job {
  const own = scope === "globals" ? plainJob(job) : { ...job, request: { ...job.request, database } };
  const filters = filtersOf(own.engine, own.request, own.settings);
  const naming: NameContext = {
    database,
    ...(scope === undefined ? {} : { scope }),
    engine: own.engine.name,
    extension: filters.extension,
    timeZone: own.settings.tz,
  };
  return { ...own, filters, naming, facts, warnings: [] };
}

/** A job that stands for each of several where no server is asked: of the first that is named, or of `{db}`. */
export function exampleOf(job: Job): Job {
  const { backupDatabases: selection } = job.settings;
  if (selection === null) return job;
  const name = selection.included.find(({ wanted }) => typeof wanted === "string")?.wanted;
  return jobOf(
    job,
    selection.included.length === 0 ? globals : { database: typeof name === "string" ? name : "{db}" },
  );
}

/** Roles and tablespaces are one plain stream, whatever databases are, and what is said of their dumps is not for it. */
function plainJob(job: Job): Job {
  const { backupCompress } = job.settings;
  const compression: DumpRequest["compression"] =
    backupCompress.kind === "native" ? { kind: "none" } : backupCompress;
  return {
    ...job,
    settings: {
      ...job.settings,
      backupMode: "stream",
      backupCompress: compression,
      backupExtension: null,
      dumpExtraArgs: null,
    },
    request: {
      ...job.request,
      database: null,
      isGlobals: true,
      mode: "stream",
      compression,
      extraArgs: [],
    },
  };
}

/** The names of all databases of a job, as the catalogue tells them apart. */
export function databasesJob(job: Job): DatabasesJob {
  const { engine, template, naming, request } = job;
  const { extension, timeZone } = naming;
  return {
    engine: engine.name,
    template,
    extension,
    timeZone,
    kind: request.mode === "directory" ? "folder" : "file",
    globalsExtension: engine.hasGlobals ? jobOf(job, globals).naming.extension : null,
  };
}
