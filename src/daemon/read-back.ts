import { sentenceOf, shown, toProblem, type Warn } from "../errors.ts";
import { withRclone } from "../job/backups.ts";
import { type Found, listSubjects, selectedOf } from "../job/looks.ts";
import { atEachPlace, type FirstLook, hasListed, recalled } from "./first-look.ts";
import type { Monitor } from "./monitor.ts";
import { isReady } from "./pages.ts";

/** While a backup is missed the places are listed again this often: one that was made by hand is seen then. */
const againMs = 15 * 60_000;

/** What listing them takes. */
export interface ListingParts extends Pick<FirstLook, "clock" | "stop"> {
  readonly doors: Pick<FirstLook["doors"], "now">;
}

/**
 * Lists the places again and again while the process is not ready and no run is on, until it is to stop.
 * @param list lists them once; never rejects
 */
export async function listWhileNotReady(
  { doors, clock, stop }: ListingParts,
  monitor: Monitor,
  list: () => Promise<unknown>,
): Promise<void> {
  while (!stop.aborted) {
    await clock.wait(againMs, stop);
    if (stop.aborted || monitor.running || isReady(monitor.state(), doors.now())) continue;
    await list();
  }
}

/** Reads the newest backup back from each place. That one can't be read is no news any more. Never rejects. */
export async function readBack(look: FirstLook, monitor: Monitor): Promise<void> {
  const { job, doors, stop, inventory } = look;
  const { log, now, redact } = doors;
  const { begun } = monitor;
  const warn: Warn = (problem) => log.debug(sentenceOf(problem, redact));
  await atEachPlace(job, async (place, at) => {
    try {
      const found = await withRclone(job, place, { ...doors, warn }, (rclone) =>
        listSubjects(rclone, job, stop),
      );
      const selected = selectedOf(job, found);
      hasListed(look, selected, at, monitor.next);
      // What a run has uploaded and not judged yet, or has removed since, is nothing to count on.
      if (monitor.running || monitor.begun !== begun) return;
      recalled(selected, at, monitor, now());
      monitor.listed(at, namesOf(selected), now());
    } catch (error) {
      if (stop.aborted) return;
      const problem = toProblem(error);
      log.debug("a place could not be listed again", { place: place.remote.shown, error: problem });
      inventory.failed(at, shown(problem, redact), now());
    }
  });
}

/** By database; the roles and a database that is called as they are have one row, and so one entry. */
function namesOf(found: Found): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const { job, listed } of found.values()) {
    const { database } = job.naming;
    const known = names.get(database) ?? new Set();
    for (const { name } of listed.backups) known.add(name);
    names.set(database, known);
  }
  return names;
}
