import { type DbstashError, errorOf, type Problem, toProblem } from "../errors.ts";
import { lookFor, type Sight } from "../remote/look.ts";
import { nobodyCouldLook } from "../remote/publish.ts";
import { type Target } from "../remote/target.ts";
import { cleanUp } from "./clean-up.ts";
import { judgeSize, knownBytes, type Streamed } from "./counted.ts";
import type { PipelineRun, Uploaded } from "./pipeline.ts";
import type { Site } from "./site.ts";
import { bad, ProvenBad, type Verdict } from "./verdict.ts";
import { verifyFile } from "./verify-file.ts";

/** How long a look at what such an upload has left may take, also when the run's own time is over. */
const unsureLimitMs = 30_000;

/**
 * What became of an upload that ended badly after it had seen the end of input, on a remote where it is complete or not
 * there at all. A listing tells, without the right to read.
 * @param streamed rclone's last count; null for one that died before it had told any
 * @param cause what the upload failed of
 * @param reason why what stands there is not checked as others are
 */
export function unsureFile(
  run: PipelineRun,
  site: Site,
  target: Target,
  streamed: Streamed | null,
  cause: DbstashError,
  reason: Problem,
): Uploaded {
  const { workshop } = run;
  const { rclone } = site;
  // One of nothing is that of an rclone that has not counted yet: nothing empty is ever uploaded.
  const counted = streamed === null || streamed.bytes === 0 ? null : streamed;
  return {
    async verify(): Promise<Verdict> {
      // The run's own limit may be what ended it, and the truth is still to be told.
      workshop.guard.recover();
      const signal = AbortSignal.timeout(unsureLimitMs);
      const sight = await lookFor(rclone, target.finalPath, signal).catch((error: unknown): Sight => {
        return { kind: "unknown", problem: toProblem(error) };
      });
      if (sight.kind === "seen") {
        const verdict = await judgeSeen(run, site, target, counted, sight.bytes, reason, signal);
        if (verdict === null) throw maybeAnothers(cause, target, sight.bytes);
        if (verdict.outcome === "bad") throw new ProvenBad(verdict);
        return verdict;
      }
      if (sight.kind === "missing") throw cause;
      if (wasRefusedAfterwards(cause)) {
        const bytes = counted === null ? null : knownBytes(counted, target.features);
        return { outcome: "unchecked", bytes, reason };
      }
      // A refusal is an answer: what was refused does not stand there.
      if (wasRefused(cause)) throw cause;
      throw nobodyCouldLook(toProblem(cause), target.finalName);
    },
    // It stands under its final name already.
    publish: async () => undefined,
    async discard(reason) {
      if (reason instanceof ProvenBad)
        await cleanUp(run, site, target, target.finalPath, "proven bad", reason);
    },
  };
}

/**
 * Judges what stands under the final name.
 * @param bytes its size there
 * @returns null where it may be another backup, which is neither counted nor removed
 */
async function judgeSeen(
  run: PipelineRun,
  site: Site,
  target: Target,
  counted: Streamed | null,
  bytes: number,
  reason: Problem,
  signal: AbortSignal,
): Promise<(Verdict & { outcome: "bad" | "unchecked" }) | null> {
  const { job } = run;
  const { rclone } = site;
  const isOwn = target.finalWasFree || (target.standingBytes !== null && target.standingBytes !== bytes);
  if (counted !== null) {
    const found = judgeSize(bytes, counted, target.features);
    if (found.outcome === "good") return { outcome: "unchecked", bytes: found.bytes, reason };
    if (!isOwn) return null;
    if (found.outcome === "unchecked") return { outcome: "unchecked", bytes: found.bytes, reason };
    // A killed rclone has not told its last count: of more than it told the end alone tells whether it is all of it.
    if (found.outcome === "bad" && bytes < counted.bytes) return found;
  }
  if (!isOwn) return null;
  if (bytes === 0) return bad("size", "it is empty");
  if (!job.settings.backupVerify || bytes < 0)
    return { outcome: "unchecked", bytes: bytes < 0 ? null : bytes, reason };
  const whole: Streamed = { bytes, mayCountTwice: false };
  const verdict = await verifyFile(rclone, target.finalPath, whole, target.features, job, signal).catch(
    () => null,
  );
  if (verdict?.outcome !== "bad") return { outcome: "unchecked", bytes, reason };
  // What another machine may have stored meanwhile is not ours to remove.
  return target.isCoarse ? null : verdict;
}

function maybeAnothers(
  cause: DbstashError,
  { finalName, standingBytes }: Target,
  bytes: number,
): DbstashError {
  const what = standingBytes === bytes ? "has the size of the earlier backup there" : "may be another backup";
  return errorOf({
    ...toProblem(cause),
    hint: `${finalName} ${what}: whether it is this one nobody can tell, and it is left as it is`,
  });
}

/** The service has said no to the upload itself. */
function wasRefused({ words = "" }: DbstashError): boolean {
  return /\b(status ?code: ?4\d\d|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|NoSuchBucket)\b/i.test(
    words,
  );
}

/** The upload was complete, and only the look at it was refused: rclone 1.76 names the operation, 1.60 by an empty body. */
function wasRefusedAfterwards({ words = "" }: DbstashError): boolean {
  return /HeadObject\b.*\b403\b|Forbidden: Forbidden/.test(words);
}
