import { type DbstashError, errorOf, type Problem, toProblem, type Warn, withSentence } from "../errors.ts";
import type { Rclone } from "./rclone.ts";
import { finerHint, isTaken, taken, type Target } from "./target.ts";

/** How long a look at what a rename that failed has left may take, also when the run's own time is over. */
const lastLookMs = 5_000;

/**
 * Gives a staged upload its final name. When the rename fails but the backup stands there all the same
 * (the answer was lost), it is published.
 * @throws DbstashError when the backup does not stand under its final name
 */
export async function publish(
  rclone: Rclone,
  target: Target,
  bytes: number | null,
  warn: Warn,
  signal: AbortSignal,
): Promise<void> {
  if (!target.staged) return;
  const { finalPath, finalName, asidePath } = target;
  if (target.isCoarse && (await isTaken(rclone, finalPath, signal))) throw taken(finalName, finerHint);
  const replaces = target.features.duplicates && !target.finalWasFree && target.overwrites;
  const hasMovedAside = replaces && (await isTaken(rclone, finalPath, signal));
  if (hasMovedAside) await rclone.move(finalPath, asidePath, signal);
  try {
    await rclone.move(target.uploadPath, finalPath, signal);
  } catch (error) {
    // Where another file stood before, only a staged one that is gone shows that the rename was done.
    const mayBeOurs = target.finalWasFree || (await isGone(rclone, target.uploadPath));
    const isThere = mayBeOurs ? await standsThere(rclone, finalPath, bytes) : false;
    if (isThere === null) {
      const old = hasMovedAside ? `; the backup before this one is ${rclone.shown(asidePath)}` : "";
      throw nobodyCouldLook(toProblem(error), finalName, old);
    }
    if (!isThere) {
      if (hasMovedAside) throw await movedBack(rclone, target, error);
      throw error;
    }
  }
  if (!hasMovedAside) return;
  await rclone.remove(asidePath, signal).catch((error: unknown) => {
    const sentence = `the backup before this one was left beside it as ${rclone.shown(asidePath)}`;
    warn(withSentence(sentence, toProblem(error)));
  });
}

/** A failure that may have left the whole backup under its final name. @param more what else there is to know */
export function nobodyCouldLook(cause: Problem, name: string, more = ""): DbstashError {
  return errorOf({ ...cause, hint: `it may stand there whole as ${name}: nobody could look${more}` });
}

/** The old backup must not be lost over the new one. @returns the cause, with where the old one is if it can't go back */
async function movedBack(rclone: Rclone, { asidePath, finalPath }: Target, cause: unknown): Promise<unknown> {
  try {
    await rclone.move(asidePath, finalPath, AbortSignal.timeout(lastLookMs));
    return cause;
  } catch {
    return errorOf({
      ...toProblem(cause),
      hint: `the backup before this one now stands as ${rclone.shown(asidePath)}`,
    });
  }
}

async function isGone(rclone: Rclone, path: string): Promise<boolean> {
  rclone.recover();
  const look = rclone.find(path, AbortSignal.timeout(lastLookMs));
  return look.then(
    (entry) => entry === null,
    () => false,
  );
}

/** @returns null where nobody can look */
async function standsThere(rclone: Rclone, path: string, bytes: number | null): Promise<boolean | null> {
  rclone.recover();
  try {
    const entry = await rclone.find(path, AbortSignal.timeout(lastLookMs));
    return entry !== null && (bytes === null || entry.bytes === bytes);
  } catch {
    return null;
  }
}

/** How far an upload came: it did not end well, or it did, or what it stored was read back and found bad. */
export type UploadEnd = "failed" | "stored" | "proven bad";

/**
 * Removes what this run uploaded and will not publish. An upload straight to the final name that failed has made
 * nothing there: what stands under it is another run's, and stays.
 * @param path where it stands: the upload's, or after a rename the final one
 * @returns null, or why something may be left behind
 */
export async function discard(
  rclone: Rclone,
  target: Target,
  path: string,
  end: UploadEnd,
  signal: AbortSignal,
): Promise<Problem | null> {
  const isOwn = target.staged || end === "proven bad" || (end === "stored" && target.finalWasFree);
  if (!isOwn && !target.finalWasFree) return null;
  try {
    if (isOwn) await rclone.remove(path, signal);
    else if ((await rclone.find(path, signal)) !== null)
      return { message: "a file stands there that may be another run's, so it is left as it is" };
    return null;
  } catch (error) {
    return toProblem(error);
  }
}
