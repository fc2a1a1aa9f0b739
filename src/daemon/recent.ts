import { type Backup, MANIFEST_NAME } from "../catalog/catalog.ts";
import { toProblem, type Warn, sentenceOf } from "../errors.ts";
import { type ListedDatabase, withRclone } from "../job/backups.ts";
import { type Found, listSubjects, selectedOf } from "../job/looks.ts";
import type { Place } from "../job/place.ts";
import { joinRemote } from "../remote/remote.ts";
import type { FirstLook } from "./first-look.ts";

/** Beside a backup this young there need be no other because the process was started again. */
const youngMs = 10 * 60_000;

/**
 * Whether a backup of the last ten minutes stands in each place that answers, of several databases one of any: what is
 * started again and again must not push out its own history. Never rejects.
 * @param found what each place was seen to hold; null where it did not answer
 */
export async function isBackedUpLately(look: FirstLook, found: readonly (Found | null)[]): Promise<boolean> {
  const seen = look.job.places.flatMap((place, at) => {
    const there = found[at] ?? null;
    return there === null ? [] : [{ place, there }];
  });
  for (const { place, there } of seen) if (!(await holdsYoung(look, place, there))) return false;
  return seen.length > 0;
}

async function holdsYoung(look: FirstLook, place: Place, found: Found): Promise<boolean> {
  const nowMs = look.doors.now().getTime();
  if (!look.job.template.isCoarse) return backupsIn(found).some(({ timeMs }) => isYoung(timeMs, nowMs));
  // A name that tells the day alone leaves it open: the place knows when the file was written.
  if (!backupsIn(found).some((backup) => mayBeYoung(backup, nowMs))) return false;
  const timed = await listTimed(look, place);
  return [...timed.values()].some((each) => writtenMs(each, nowMs).some((ms) => isYoung(ms, nowMs)));
}

function backupsIn(found: Found): Backup[] {
  return [...found.values()].flatMap(({ listed }) => listed.backups);
}

/** The clocks of two machines are never quite the same. */
function isYoung(timeMs: number | null, nowMs: number): boolean {
  return timeMs !== null && Math.abs(nowMs - timeMs) < youngMs;
}

function mayBeYoung({ timeMs, latestMs }: Backup, nowMs: number): boolean {
  return timeMs !== null && timeMs < nowMs + youngMs && (latestMs ?? timeMs) > nowMs - youngMs;
}

/** When the files of those were written that may be young; of a folder that is when it was whole. */
function writtenMs({ listed }: ListedDatabase, nowMs: number): (number | null)[] {
  const names = listed.backups
    .filter((backup) => mayBeYoung(backup, nowMs))
    .flatMap(({ name }) => [name, joinRemote(name, MANIFEST_NAME)]);
  return listed.entries
    .filter(({ path }) => names.some((name) => name === path || name.endsWith(`/${path}`)))
    .map(({ modTimeMs }) => modTimeMs);
}

async function listTimed({ job, doors, stop }: FirstLook, place: Place): Promise<Found> {
  const { log, redact } = doors;
  const warn: Warn = (problem) => log.debug(sentenceOf(problem, redact));
  try {
    return await withRclone(job, place, { ...doors, warn }, async (rclone) =>
      selectedOf(job, await listSubjects(rclone, job, stop, true)),
    );
  } catch (error) {
    if (!stop.aborted)
      log.debug("a place does not tell when its files were written", { error: toProblem(error) });
    return new Map();
  }
}
