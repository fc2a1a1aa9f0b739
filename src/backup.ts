import type { NameTemplate } from "./catalog/naming.ts";
import { isRetentionOn } from "./catalog/retention.ts";
import { toProblem, withSentence } from "./errors.ts";
import { catalogueJob } from "./job/backups.ts";
import { parallelOf } from "./job/parallel.ts";
import { agreed } from "./pipeline/agreement.ts";
import type { Delivery } from "./pipeline/pipeline.ts";
import type { ReadingRoom } from "./pipeline/read-through.ts";
import type { Site } from "./pipeline/site.ts";
import { bad, Damaged, NotThere, ProvenBad, type Verdict } from "./pipeline/verdict.ts";
import { verifyAll } from "./pipeline/verify-all.ts";
import { joinRemote } from "./remote/remote.ts";
import { ownPlaceHint } from "./remote/target.ts";
import type { Attempt } from "./run/attempt.ts";
import { doubtOfSize } from "./run/doubt-of-size.ts";
import { tidyUp } from "./run/housekeeping.ts";
import { lookAtStored, type StoredSight } from "./run/look-at-stored.ts";
import { type BackupDoors, isHeld, withSites } from "./run/sites.ts";

/**
 * One backup: dump → every place: upload → verify → publish → look (→ read all of it) → retention, which a backup that
 * could not be checked, or is suspiciously small, does not start. A place that fails is out, and the others do not notice.
 * @throws DbstashError with the cause of a failure for all places; what has become of each stands in `attempt.outcome`
 */
export async function backUp(attempt: Attempt, doors: BackupDoors): Promise<void> {
  const free = attempt.job.places.filter((place) => !isHeld(attempt, doors, place));
  await withSites(attempt, free, doors, async (workshop, dumpAndUpload) => {
    doors.onDump();
    const delivered = await dumpAndUpload();
    const found = await Promise.all(delivered.map(check));
    const checked = found.flatMap((each) => (each === null ? [] : [each]));
    const verdicts = agreed(checked.map(({ verdict }) => verdict));
    const finished = await Promise.allSettled(
      checked.map((each, index) =>
        finish(attempt, { ...doors, workshop }, { ...each, verdict: verdicts[index] ?? each.verdict }),
      ),
    );
    for (const each of finished) if (each.status === "rejected") throw each.reason;
  });
}

/** What lies in a place, and what was found of it there. */
interface Checked extends Delivery {
  readonly verdict: Verdict;
}

/** @returns null where nothing can be said of it: then the place is out */
async function check({ site, uploaded }: Delivery): Promise<Checked | null> {
  try {
    return { site, uploaded, verdict: await uploaded.verify() };
  } catch (error) {
    site.miss(error, uploaded.discard(error));
    return null;
  }
}

/** Makes a backup of what lies in a place, and applies retention there; or the place is out. */
async function finish(
  attempt: Attempt,
  doors: BackupDoors & Pick<ReadingRoom, "workshop">,
  checked: Checked,
): Promise<void> {
  const { job, name, outcome, signals } = attempt;
  const { site } = checked;
  const { place, rclone, log, warn } = site;
  const published = await publish(attempt, checked);
  if (published === null) return;
  const { sight } = published;
  const { libc, workshop } = doors;
  const verdict = await lookDeeper(published.verdict, attempt, site, { rclone, workshop, libc }).catch(
    (error: unknown) => {
      site.miss(error);
      return null;
    },
  );
  if (verdict === null) return;
  outcome.stored(place, verdict.bytes);
  if (verdict.outcome === "unchecked") {
    warn(withSentence("the stored backup could not be checked", verdict.reason));
    if (isRetentionOn(job.retention)) warn("retention did not run, since the backup could not be checked");
    return;
  }
  const { backupVerify } = job.settings;
  log.info(backupVerify ? "backup verified" : "backup not verified", { file: name, compared: verdict.how });
  const { bytes } = verdict;
  const doubt = await doubtOfSize({ rclone, job, name, bytes, sight, signal: signals.stop });
  if (doubt !== null) {
    warn(doubt);
    if (isRetentionOn(job.retention)) warn("retention did not run, since the backup may lack something");
    return;
  }
  const of = { target: catalogueJob(job), rules: job.retention, name, sight };
  for (const problem of await tidyUp({ rclone, ...of, now: doors.now(), log, signal: signals.stop }))
    warn(problem);
}

/** A backup that stands, as far as it could be looked at. */
interface Published {
  readonly verdict: Extract<Verdict, { outcome: "good" | "unchecked" }>;
  readonly sight: StoredSight;
}

/**
 * What was found good, or could not be looked at, becomes a backup; anything else is removed. Before it is called
 * stored, a listing must show it under its final name, with its size.
 * @returns null where it does not: then the place is out
 */
async function publish(
  { job, name, signals }: Attempt,
  { site, uploaded, verdict }: Checked,
): Promise<Published | null> {
  try {
    if (verdict.outcome === "bad") throw new ProvenBad(verdict);
    if (verdict.outcome === "missing") throw new NotThere(name);
    await uploaded.publish(verdict.bytes);
  } catch (error) {
    site.miss(error, uploaded.discard(error));
    return null;
  }
  const sight = await lookAtStored({ job, rclone: site.rclone, name, signal: signals.limit });
  try {
    return { verdict: confirmed(verdict, sight, job.template), sight };
  } catch (error) {
    // What stands under its final name goes only where it is proven bad.
    const isBad = error instanceof ProvenBad;
    site.miss(error, isBad ? uploaded.discard(error) : undefined);
    return null;
  }
}

/** A verdict, with what the listing says of the final name. @throws ProvenBad, NotThere */
function confirmed(
  verdict: Published["verdict"],
  sight: StoredSight,
  template: NameTemplate,
): Published["verdict"] {
  if (sight.kind === "missing") throw new NotThere(sight.name);
  const seenBytes = sight.kind === "seen" && sight.bytes !== null && sight.bytes >= 0 ? sight.bytes : null;
  if (seenBytes !== null && verdict.bytes !== null && seenBytes !== verdict.bytes) {
    const sizes = `it has ${seenBytes} bytes on the remote where ${verdict.bytes} were stored`;
    // What was whole a moment ago may by now be another machine's backup, and the listing may be an old one.
    if (verdict.outcome === "good" && (template.isCoarse || !template.isUnique))
      return {
        outcome: "unchecked",
        bytes: verdict.bytes,
        reason: { message: `it was whole when it was read back, and now ${sizes}`, hint: ownPlaceHint },
      };
    throw new ProvenBad(bad("size", sizes));
  }
  if (verdict.outcome === "unchecked" || sight.kind !== "unknown")
    return { ...verdict, bytes: verdict.bytes ?? seenBytes };
  return { outcome: "unchecked", bytes: verdict.bytes, reason: sight.problem };
}

/**
 * With `BACKUP_VERIFY=full` all of a backup that was found good is read back. Whatever ends that before its end, a signal
 * too, loses no backup.
 * @throws Damaged
 */
async function lookDeeper(
  verdict: Published["verdict"],
  { job, name, signals }: Attempt,
  { place: { remote }, log }: Site,
  tools: Pick<ReadingRoom, "rclone" | "workshop" | "libc">,
): Promise<Published["verdict"]> {
  const { backupVerify, backupStallTimeout: stallTimeoutMs } = job.settings;
  if (backupVerify !== "full" || verdict.outcome !== "good") return verdict;
  const { bytes } = verdict;
  if (bytes === null) return { outcome: "unchecked", bytes, reason: { message: "its size is not known" } };
  const readings = job.places.length * parallelOf(job.settings);
  log.info("reading all of the backup back", { file: name, bytes });
  const path = joinRemote(remote.path, name);
  const found = await verifyAll(
    { ...tools, stallTimeoutMs, readings },
    path,
    bytes,
    job.filters.layers,
    signals.stop,
  ).catch((error: unknown): Verdict => ({ outcome: "unchecked", bytes, reason: toProblem(error) }));
  if (found.outcome === "bad") throw new Damaged(found, joinRemote(remote.shown, name));
  if (found.outcome === "missing") throw new NotThere(name);
  return found;
}
