import { MANIFEST_NAME } from "../catalog/catalog.ts";
import { manifestSizes } from "../catalog/manifest.ts";
import { backupsBefore, isSmall, medianOf } from "../catalog/smallness.ts";
import { named } from "../config/options.ts";
import { DbstashError, type Problem, toProblem, withSentence } from "../errors.ts";
import { humanBytes } from "../human.ts";
import type { Job } from "../job/job.ts";
import type { Rclone } from "../remote/rclone.ts";
import { joinRemote } from "../remote/remote.ts";
import type { StoredSight } from "./look-at-stored.ts";

/** A stored backup in one place, and the listing that shows those before it. */
export interface SizeQuestion {
  readonly rclone: Rclone;
  readonly job: Pick<Job, "settings" | "request">;
  readonly name: string;
  /** Its size; null where nobody can tell. */
  readonly bytes: number | null;
  readonly sight: StoredSight;
  readonly signal: AbortSignal;
}

/**
 * What speaks against a backup's size: that it is less than `BACKUP_MIN_PERCENT` of the median of up to five before it,
 * or that this can't be told. Files have their sizes in the listing that is there; folders tell theirs in their
 * `dbstash.json`, which one process reads.
 * @returns null where nothing does, or nobody has asked; never throws
 */
export async function doubtOfSize(question: SizeQuestion): Promise<Problem | null> {
  const { job, name, sight } = question;
  const percent = job.settings.backupMinPercent;
  if (percent === 0 || sight.kind !== "seen") return null;
  try {
    const before = backupsBefore(sight.listed.backups, name);
    if (before.length === 0) return null;
    const others =
      job.request.mode === "directory"
        ? await folderSizes(
            question,
            before.map((each) => each.name),
          )
        : before.map(({ bytes }) => bytes).filter((bytes) => bytes >= 0);
    const bytes = question.bytes ?? sight.bytes;
    if (bytes === null || others.length === 0) throw new DbstashError("the remote tells no sizes");
    return isSmall(bytes, others, percent) ? smallInWords(bytes, others, percent) : null;
  } catch (error) {
    return withSentence("whether this backup is too small could not be found out", toProblem(error));
  }
}

async function folderSizes(
  { rclone, signal }: SizeQuestion,
  names: readonly string[],
): Promise<readonly number[]> {
  const files = names.map((name) => joinRemote(name, MANIFEST_NAME));
  return manifestSizes(new TextDecoder().decode(await rclone.readAll(rclone.root, files, signal)));
}

function smallInWords(bytes: number, others: readonly number[], percent: number): Problem {
  const median = medianOf(others);
  const share = Math.floor((100 * bytes) / median);
  const those = others.length === 1 ? "the one before it" : `the median of the ${others.length} before it`;
  return {
    message: `this backup is suspiciously small: ${humanBytes(bytes)}, ${share} % of ${those} (${humanBytes(median)}), where ${named("backupMinPercent")} asks for ${percent} %`,
    hint: "look whether everything is in it; those after it are compared with it, too",
  };
}
