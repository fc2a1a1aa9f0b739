import { MANIFEST_NAME } from "../catalog/catalog.ts";
import type { Redact } from "../config/secret.ts";
import { exitCodeOfVerdict, type Problem, shown } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { type Found, listSubjects, seePlaces } from "../job/looks.ts";
import type { Place } from "../job/place.ts";
import type { ReadingRoom } from "../pipeline/read-through.ts";
import type { Answer, LookDoors } from "./answer.ts";
import { exitCodeOfFinding, findingInWords, findingOf, lookDeeper, uncheckedInWords } from "./finding.ts";
import { named, newestOf, type Sought } from "./sought.ts";

/**
 * Checks stored backups of the job against what its places show of them: a file by its end, a folder by its manifest.
 * Each is looked at in every place.
 * @param isFull all of each is read, too
 * @param name below the places' paths, as `list` shows it; null for the newest, of several databases that of each
 * @returns exit code 0 for good ones, 1 where one is proven bad or not there, 3 where one could not be checked
 * @throws the signal's reason when it aborts
 */
export async function verifyBackup(
  job: Job,
  doors: LookDoors,
  name: string | null,
  isFull: boolean,
): Promise<Answer> {
  const listings = await seePlaces(job, doors, (rclone) => listSubjects(rclone, job, doors.signal));
  const found = listings.map((look) => (look.kind === "seen" ? look.value : null));
  const there = found.filter((each) => each !== null);
  const wanted = name?.replace(/\/+$/, "") ?? null;
  const sought = wanted === null ? newestOf(job, there) : named(wanted, there);
  const looks = await seePlaces(job, doors, async (rclone, { at, workshop }) => {
    const listing = found[at] ?? null;
    if (listing === null) return [];
    const room = { rclone, workshop, libc: doors.libc, stallTimeoutMs: job.settings.backupStallTimeout };
    const lines: Line[] = [];
    for (const each of sought) lines.push(await lineOf({ room, found: listing, isFull }, each, doors));
    return lines;
  });
  const lines = looks.flatMap((look, at) => {
    const listing = listings[at];
    const failed = listing?.kind === "failed" ? listing : look.kind === "failed" ? look : null;
    const own = failed === null && look.kind === "seen" ? look.value : [];
    const all = failed === null ? own : [unchecked(failed.problem, doors.redact)];
    return all.map((line) => (looks.length === 1 ? line : placed(line, look.place)));
  });
  return { code: worstOf(lines), text: lines.map(({ text }) => `${text}\n`).join("") };
}

/** What was found out about one backup in one place. */
interface Line {
  readonly code: number;
  readonly text: string;
}

const notThere = exitCodeOfVerdict("bad");

function placed({ code, text }: Line, { remote }: Place): Line {
  return { code, text: `${remote.shown}: ${text}` };
}

function unchecked(problem: Problem, redact: Redact): Line {
  return { code: exitCodeOfVerdict("unchecked"), text: uncheckedInWords(shown(problem, redact)) };
}

/** What is bad outweighs what could not be checked. */
function worstOf(lines: readonly Line[]): number {
  const codes = (["bad", "unchecked"] as const).map(exitCodeOfVerdict);
  return codes.find((code) => lines.some((line) => line.code === code)) ?? exitCodeOfVerdict("good");
}

/** What lies in one place, and how deep each backup there is looked at. */
interface Shelf {
  readonly room: ReadingRoom;
  readonly found: Found;
  readonly isFull: boolean;
}

async function lineOf(
  { room, found, isFull }: Shelf,
  { key, name, missing }: Sought,
  { redact, signal }: LookDoors,
): Promise<Line> {
  const there = found.get(key);
  const backup = there?.listed.backups.find((each) => each.name === name);
  if (there !== undefined && backup !== undefined) {
    const first = await findingOf(room.rclone, there.job, backup, signal);
    const finding = isFull ? await lookDeeper(first, room, there.job, backup, signal) : first;
    return { code: exitCodeOfFinding(finding), text: `${backup.name}: ${findingInWords(finding, redact)}` };
  }
  const isUnfinished = there?.listed.unfinished.some((folder) => folder.name === name) === true;
  const unfinished = `${name}: bad: it has no ${MANIFEST_NAME}, so the run that wrote it did not finish`;
  return { code: notThere, text: isUnfinished ? unfinished : missing };
}
