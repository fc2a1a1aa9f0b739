import { resolve } from "node:path";
import { listingScope } from "../catalog/scope.ts";
import { humanBytes } from "../human.ts";
import { wantedOf } from "../job/backups.ts";
import type { Job } from "../job/job.ts";
import { type Found, listSubjects, selectedOf } from "../job/looks.ts";
import type { Place } from "../job/place.ts";
import type { RemoteFeatures } from "../remote/features.ts";
import { isAnswered } from "../remote/target.ts";
import type { Rclone } from "../remote/rclone.ts";
import { joinRemote, type Remote } from "../remote/remote.ts";
import { attempt, type Tried } from "./attempt.ts";
import { costOfNoList } from "./costs.ts";
import { bad, type CheckLine, well } from "./line.ts";
import { freeBytes, lineOfRoom } from "./room.ts";

/** What was found at a place without writing there. */
export interface PlaceSight {
  readonly lines: readonly CheckLine[];
  /** Null where it does not answer: then there is nothing more to try. */
  readonly features: RemoteFeatures | null;
  /** What lies there of each database; null where it can't be listed. */
  readonly found: Found | null;
}

const topic = "place";

/** Asks what a place can do, lists the job's backups there, and looks whether what is stored or spooled here has room. */
export async function lookAtPlace(
  job: Job,
  { remote }: Place,
  rclone: Rclone,
  tempRoot: string,
  signal: AbortSignal,
): Promise<PlaceSight> {
  const { shown } = remote;
  const folder = folderOf(job, rclone);
  const asked = await attempt(signal, (either) => rclone.features(folder, either));
  if (asked.kind === "failed") return unreachable(shown, asked);
  const features = asked.value;
  const listing = await attempt(signal, (either) => listSubjects(rclone, job, either));
  if (listing.kind === "failed") {
    if (listing.error === null || !isAnswered(listing.error)) return unreachable(shown, listing);
    const refused = costOfNoList(topic, listing.problem, job);
    const rest = [...linesOfRoom(remote, folder, null), ...linesOfUpload(job, features, tempRoot, null)];
    return { lines: [refused, ...rest], features, found: null };
  }
  const found = selectedOf(job, listing.value);
  const lines = [
    lineOfListing(shown, found),
    ...linesOfRoom(remote, folder, sumOf(newestSizes(found))),
    ...linesOfUpload(job, features, tempRoot, newestBytes(found)),
  ];
  return { lines, features, found };
}

/** How large the newest backup is, of several databases the largest of these; null where there is none. */
export function newestBytes(found: Found | null): number | null {
  const sizes = newestSizes(found);
  return sizes.length === 0 ? null : Math.max(...sizes);
}

function newestSizes(found: Found | null): number[] {
  return [...(found?.values() ?? [])].flatMap(({ listed }) => listed.backups[0]?.bytes ?? []);
}

function sumOf(sizes: readonly number[]): number | null {
  return sizes.length === 0 ? null : sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** The deepest folder of a place that all backups of a job lie in, as rclone is told it. */
export function folderOf(job: Job, { root }: Pick<Rclone, "root">): string {
  return joinRemote(root, listingScope(job.template, wantedOf(job)).folder);
}

function unreachable(shown: string, { problem }: Extract<Tried<unknown>, { kind: "failed" }>): PlaceSight {
  const message = `${shown} can't be used: ${problem.message}`;
  return { lines: [bad(topic, { ...problem, message })], features: null, found: null };
}

function lineOfListing(shown: string, found: Found): CheckLine {
  const backups = [...found.values()].flatMap(({ listed }) => listed.backups);
  const [newest] = backups.toSorted((a, b) => (b.timeMs ?? -Infinity) - (a.timeMs ?? -Infinity));
  if (newest === undefined) return well(topic, `${shown} answers, and holds no backup of this job yet`);
  const count = backups.length === 1 ? "1 backup" : `${backups.length} backups`;
  return well(
    topic,
    `${shown} answers, and holds ${count} of this job, the newest ${newest.name} (${humanBytes(newest.bytes)})`,
  );
}

/** A folder of this machine tells how much is free; retention makes room after a backup alone. */
function linesOfRoom({ isLocal, shown }: Remote, folder: string, lastBytes: number | null): CheckLine[] {
  if (!isLocal) return [];
  const what = `backups are stored in ${shown}`;
  const hint = "make room there: retention removes nothing before the new backup stands";
  return [lineOfRoom({ topic: "room", what, free: freeBytes(resolve(folder)), lastBytes, hint })];
}

function linesOfUpload(
  { request }: Job,
  { move, putStream }: RemoteFeatures,
  tempRoot: string,
  lastBytes: number | null,
): CheckLine[] {
  const about = "upload";
  if (request.mode === "directory") return [];
  if (!putStream) {
    const what = `this place takes no streams: the whole dump is first written to ${tempRoot}`;
    const hint = "TMPDIR must name a folder with room for the whole dump, or another place take the backups";
    return [lineOfRoom({ topic: about, what, free: freeBytes(tempRoot), lastBytes, hint })];
  }
  const way = move
    ? "under a name of its own, which is renamed when the backup is whole"
    : "straight to its name";
  return [well(about, `the dump is streamed, ${way}`)];
}
