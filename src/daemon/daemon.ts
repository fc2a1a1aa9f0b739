import { type RunDoors, runOnce } from "../run.ts";
import { writeRfc3339, zoneOffsets } from "../catalog/local-time.ts";
import { fieldsInWords } from "../config/schedule.ts";
import { DbstashError, exitCodes, toProblem, UsageError } from "../errors.ts";
import type { Ending } from "./endings.ts";
import { glance } from "./glance.ts";
import { type HealthParts, type HealthServer, startHealthServer } from "./health.ts";
import { isInPlace, lookAround, recall } from "./first-look.ts";
import { Inventory } from "./inventory.ts";
import { Listings } from "./listings.ts";
import { Monitor } from "./monitor.ts";
import { isBackedUpLately } from "./recent.ts";
import { listWhileNotReady, readBack } from "./read-back.ts";
import type { Job } from "../job/job.ts";
import { notifyOfSkips } from "../notify/notify.ts";
import { isSkipped } from "../result.ts";
import { Past } from "../notify/past.ts";
import type { Reread } from "../job/reread.ts";
import { type Clock, runSchedule, timetableOf } from "./scheduler.ts";
import type { Signals } from "../signals.ts";
import { watch, watchedOf } from "./watch.ts";

/** How long a running backup may go on after the first signal. */
export const drainMs = 30_000;

/** What the long-lived process is given. */
export interface DaemonParts {
  readonly job: Job;
  /** Each run resolves its job anew, from the last one; the same one serves when this is left out. */
  readonly reread?: (last: Job) => Reread | Promise<Reread>;
  /** The cron expression of `BACKUP_SCHEDULE`. */
  readonly expression: string;
  readonly doors: RunDoors;
  readonly signals: Signals;
  readonly clock: Clock;
  /** Of dbstash. */
  readonly version: string;
  /** See the constant of this name. */
  readonly drainMs: number;
}

/**
 * Backs up by the schedule until a signal comes. The first one stops the schedule and lets a running backup finish
 * for `drainMs`, then aborts it; the second one aborts it at once.
 * @returns the exit code: 0 unless a run was aborted, then that of its signal
 * @throws UsageError when the health port can't be had
 */
export async function runDaemon(parts: DaemonParts): Promise<number> {
  const { job, reread = unchanged, expression, signals, clock } = parts;
  const past = new Past();
  const { backupOnStart, backupLock, tz } = job.settings;
  const { log } = parts.doors;
  const timetable = timetableOf(expression, tz);
  const monitor = new Monitor(watchedOf(job), timetable, clock.now());
  const inventory = new Inventory(job.places.length);
  const onStored = ({ place, database, startedAt, bytes }: Ending): void => {
    if (place !== null && bytes !== null)
      inventory.stored(place, database, { timeMs: startedAt.getTime(), bytes });
  };
  const doors: RunDoors = { ...parts.doors, past, onResult: watch(job, monitor, false, onStored) };
  monitor.next = timetable(clock.now());
  const look = { job, doors, clock, stop: signals.first, inventory };
  const offsetAt = zoneOffsets(tz);
  let last = job;
  const listings = new Listings(
    (stop) => readBack({ ...look, job: last, stop }, monitor),
    () => clock.now(),
    signals.first,
  );
  const page = glance({ ...look, version: parts.version, monitor, offsetAt, listings });
  const server = openHealth(job, page, clock);
  const over = new AbortController();
  const interrupt = interruptAfterDrain(parts, monitor, over.signal);
  const fields = fieldsInWords(expression);
  const shownTime = (at: Date | null) => (at === null ? null : writeRfc3339(at.getTime(), offsetAt));
  log.info("schedule started", {
    schedule: expression,
    ...(fields === null ? {} : { schedule_fields: fields }),
    time_zone: tz,
    next_run: shownTime(timetable(clock.now())),
    health_port: server?.port ?? null,
  });
  const atStart = recall(look, monitor);
  listings.comeAfter(atStart);
  let hasBegun = false;
  const looked = lookAround(
    look,
    () => hasBegun,
    (databases) => {
      // A run that has begun meanwhile knows better.
      if (!hasBegun) monitor.named(databases, clock.now());
    },
  );
  const listed = listWhileNotReady(look, monitor, () => listings.list());
  let exitCode: number = exitCodes.stored.code;
  let told = Promise.resolve();
  const skipped = (): void => {
    if (past.skipped()) told = notifyOfSkips(last, doors);
  };
  /** Null where the process is to stop. */
  const begun = async () => {
    // Two rclone processes must not save to one configuration at the same time; a run waits for no look at the page.
    if (isInPlace(job)) await listings.end(new DbstashError("a run has begun"));
    if (signals.first.aborted) return null;
    const { job: current, refused } = await reread(last);
    last = current;
    return runOnce(current, doors, interrupt, refused);
  };
  const run = async (cause: "start" | "due"): Promise<void> => {
    if (cause === "start" && (await isBackedUpLately(look, await atStart))) {
      const next_run = shownTime(monitor.next);
      log.info("no backup at the start: one of the last 10 minutes is there already", { next_run });
      return;
    }
    hasBegun = true;
    // From here on nothing is listed any more.
    monitor.begin();
    const outcome = await begun().finally(() => monitor.end());
    if (outcome === null) return;
    if (outcome === "skipped") monitor.skipped();
    if (outcome === "skipped" || isSkipped(outcome)) skipped();
    else {
      past.finished(outcome);
      if (outcome.signal !== null) exitCode = outcome.exitCode;
    }
    if (!signals.first.aborted) log.info("waiting for the next run", { next_run: shownTime(monitor.next) });
  };
  const onSkip = (): void => {
    monitor.skipped();
    skipped();
    log.warn("scheduled run skipped: the run before it is still on", { status: "skipped" });
  };
  await runSchedule(
    {
      timetable,
      clock,
      onStart: backupOnStart,
      overlap: !backupLock,
      run,
      onSkip,
      onNext: (at) => {
        monitor.next = at;
        if (at === null) log.warn("the schedule has no further run; waiting to be stopped");
      },
      onError: (error) => log.error("a run failed unexpectedly", { error: toProblem(error) }),
    },
    signals.first,
  );
  over.abort();
  await Promise.all([listings.ended, listed, looked, told]);
  server?.stop();
  log.info("schedule stopped", { exit_code: exitCode });
  return exitCode;
}

function unchanged(job: Job): Reread {
  return { job, refused: null, warnings: [], secrets: [] };
}

/** The signal that ends running backups: by a second signal at once, else when the first one's time is over. */
function interruptAfterDrain(parts: DaemonParts, monitor: Monitor, over: AbortSignal): AbortSignal {
  const { signals, clock, doors } = parts;
  const interrupt = new AbortController();
  const drain = async (): Promise<void> => {
    if (monitor.running)
      doors.log.info(
        `stopping: the running backup gets ${parts.drainMs / 1000} s to finish; a second signal ends it at once`,
      );
    await clock.wait(parts.drainMs, AbortSignal.any([signals.second, over]));
    interrupt.abort((signals.second.aborted ? signals.second : signals.first).reason);
  };
  if (signals.first.aborted) void drain();
  else signals.first.addEventListener("abort", () => void drain(), { once: true });
  return interrupt.signal;
}

/** Null where none is wanted. */
function openHealth({ settings }: Job, page: HealthParts["page"], { now }: Clock): HealthServer | null {
  const { healthAddress: address, healthPort: port } = settings;
  if (port === 0) return null;
  try {
    return startHealthServer({ address, port, page, now });
  } catch (error) {
    throw error instanceof DbstashError ? new UsageError([toProblem(error)]) : error;
  }
}
