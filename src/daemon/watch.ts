import { options } from "../config/options.ts";
import type { Job } from "../job/job.ts";
import { failuresOf, isSkipped } from "../result.ts";
import type { RunDoors } from "../run.ts";
import { writeMetricsFile } from "./metrics-file.ts";
import { type Ending, endingsOf } from "./endings.ts";
import { Monitor, type Watched } from "./monitor.ts";

/**
 * Takes what a run came to into the monitor, and writes METRICS_FILE.
 * @param isOnce whether there is no other run in this process
 * @param onStored told of each backup that is stored in a place
 */
export function watch(
  job: Job,
  monitor: Monitor,
  isOnce: boolean,
  onStored?: (ending: Ending) => void,
): NonNullable<RunDoors["onResult"]> {
  const path = job.settings.metricsFile;
  return (result, log) => {
    // Several databases, all of them in another run's hands.
    if (isSkipped(result)) return monitor.skipped();
    if ("backups" in result && result.databases !== null) {
      // What was asked for and is not there is missed at every run, until nobody asks for it.
      const refused = failuresOf(result).map(({ database }) => database);
      monitor.named([...new Set([...result.databases, ...refused])], result.startedAt);
    }
    const endings = endingsOf(result);
    monitor.finished(result, endings);
    for (const ending of endings) if (ending.status === "success") onStored?.(ending);
    if (path !== null) writeMetricsFile({ path, isOnce }, monitor.state(), log);
  };
}

/** The doors of a single run, by a process that has no schedule. */
export function watchedOnce(job: Job, doors: RunDoors): RunDoors {
  return { ...doors, onResult: watch(job, new Monitor(watchedOf(job), () => null, doors.now()), true) };
}

/** Whose runs are watched. */
export function watchedOf({ engine, naming, places: [first, ...more], settings }: Job): Watched {
  const { database } = naming;
  const { text } = settings.backupNameTemplate;
  return {
    engine: engine.name,
    database,
    // Of several the places tell which there were, and the server which there are.
    databases: settings.backupDatabases === null ? [database] : [],
    places: [first.remote.shown, ...more.map(({ remote }) => remote.shown)],
    template: text === options.backupNameTemplate.default ? null : text,
  };
}
