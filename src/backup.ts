import type { NameTemplate } from "./catalog/naming.ts";
import { isRetentionOn } from "./catalog/retention.ts";
import { toProblem, type Warn, withSentence } from "./errors.ts";
import { catalogueJob } from "./job/backups.ts";
import type { Job } from "./job/job.ts";
import type { Place } from "./job/place.ts";
import { pipelineFor } from "./pipeline/choice.ts";
import type { Uploaded } from "./pipeline/pipeline.ts";
import type { ReadingRoom } from "./pipeline/read-through.ts";
import { bad, Damaged, NotThere, ProvenBad, type Verdict } from "./pipeline/verdict.ts";
import { verifyAll } from "./pipeline/verify-all.ts";
import { withHeldPipes, writeEnds } from "./process/pipe.ts";
import { withWorkshop, type Workshop, type WorkshopDoors } from "./process/workshop.ts";
import { ownPlaceHint } from "./remote/publish.ts";
import { Rclone } from "./remote/rclone.ts";
import { joinRemote } from "./remote/remote.ts";
import type { Attempt } from "./run/attempt.ts";
import { doubtOfSize } from "./run/doubt-of-size.ts";
import { tidyUp } from "./run/housekeeping.ts";
import { lookAtStored, type StoredSight } from "./run/look-at-stored.ts";
import { type LockDoors, withNameLock } from "./run/locks.ts";
import type { Progress } from "./run/progress.ts";

/** The world as a backup may touch it. */
export interface BackupDoors extends WorkshopDoors, LockDoors {
  readonly now: () => Date;
  readonly progress: Progress;
  /** A dump is about to begin. */
  readonly onDump: () => void;
}

/**
 * One backup: dump and upload → verify → publish → look (→ read all of it) → retention, which a backup that could not
 * be checked, or is suspiciously small, does not start.
 * @throws DbstashError with the cause of a failure; what was stored before stands in `attempt.outcome`
 */
export async function backUp(attempt: Attempt, doors: BackupDoors): Promise<void> {
  const { job, name, outcome, log, signals } = attempt;
  const [place] = job.places;
  const warn: Warn = (problem) => attempt.warn(problem, place);
  await withPlace(attempt, place, doors, async (rclone, workshop, dumpAndUpload) => {
    doors.onDump();
    const uploaded = await dumpAndUpload();
    const { verdict: first, sight } = await verifyAndPublish(uploaded, job, name, () =>
      lookAtStored({ job, rclone, name, signal: signals.limit }),
    );
    const verdict = await lookDeeper(first, attempt, place, { rclone, workshop, libc: doors.libc });
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
  });
}

/** A backup that stands, as far as it could be looked at. */
interface Published {
  readonly verdict: Extract<Verdict, { outcome: "good" | "unchecked" }>;
  readonly sight: StoredSight;
}

/**
 * What was found good, or could not be looked at, becomes a backup; anything else is removed. Before it is called
 * stored, a listing must show it under its final name, with its size.
 */
async function verifyAndPublish(
  uploaded: Uploaded,
  job: Job,
  name: string,
  look: () => Promise<StoredSight>,
): Promise<Published> {
  let verdict: Verdict;
  try {
    verdict = await uploaded.verify();
    if (verdict.outcome === "bad") throw new ProvenBad(verdict);
    if (verdict.outcome === "missing") throw new NotThere(name);
    await uploaded.publish(verdict.bytes);
  } catch (error) {
    await uploaded.discard(error);
    throw error;
  }
  const sight = await look();
  try {
    return { verdict: confirmed(verdict, sight, job.template), sight };
  } catch (error) {
    // What stands under its final name goes only where it is proven bad.
    if (error instanceof ProvenBad) await uploaded.discard(error);
    throw error;
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
  { job, name, log, signals }: Attempt,
  { remote }: Place,
  tools: Pick<ReadingRoom, "rclone" | "workshop" | "libc">,
): Promise<Published["verdict"]> {
  const { backupVerify, backupStallTimeout: stallTimeoutMs } = job.settings;
  if (backupVerify !== "full" || verdict.outcome !== "good") return verdict;
  const { bytes } = verdict;
  if (bytes === null) return { outcome: "unchecked", bytes, reason: { message: "its size is not known" } };
  log.info("reading all of the backup back", { file: name, bytes });
  const path = joinRemote(remote.path, name);
  const found = await verifyAll(
    { ...tools, stallTimeoutMs },
    path,
    bytes,
    job.filters.layers,
    signals.stop,
  ).catch((error: unknown): Verdict => ({ outcome: "unchecked", bytes, reason: toProblem(error) }));
  if (found.outcome === "bad") throw new Damaged(found, joinRemote(remote.shown, name));
  if (found.outcome === "missing") throw new NotThere(name);
  return found;
}

/** Opens all that a backup works with, and closes it again: the name's lock, the pipes, the workshop, the clocks. */
async function withPlace(
  attempt: Attempt,
  place: Place,
  doors: BackupDoors,
  use: (rclone: Rclone, workshop: Workshop, dumpAndUpload: () => Promise<Uploaded>) => Promise<void>,
): Promise<void> {
  const { job, name, log, stall, signals, warn } = attempt;
  const { libc, progress } = doors;
  await withNameLock(place, name, doors, () =>
    withHeldPipes(libc, (pipes) =>
      withWorkshop(doors, job.settings.backupUmask, writeEnds(pipes), warn, async (workshop) => {
        const onSlow = (verb: string): void =>
          log.info("the remote has not answered for 10 s; waiting", { command: `rclone ${verb}` });
        const rclone = new Rclone(place, workshop, onSlow);
        const dumpAndUpload = async (): Promise<Uploaded> => {
          signals.stop.throwIfAborted();
          stall.begin();
          let moved = 0;
          return pipelineFor(job.request.mode).execute({
            job,
            backupId: attempt.backupId,
            name,
            libc,
            workshop,
            pipes,
            place,
            rclone,
            signals,
            log,
            warn,
            onLastByte: () => stall.rest(),
            onUnseen: () => stall.moved(),
            onTarget: (target) => progress.expect(target.previousBytes),
            onBytes: (bytes) => {
              if (bytes === moved) return;
              moved = bytes;
              stall.moved();
              progress.moved(bytes);
            },
          });
        };
        try {
          await use(rclone, workshop, dumpAndUpload);
        } finally {
          stall.rest();
          progress.end();
          const remote = place.remote.shown;
          log.debug("rclone processes started", { count: rclone.calls, remote });
        }
      }),
    ),
  );
}
