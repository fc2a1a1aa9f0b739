import { DbstashError, toProblem, withSentence } from "../errors.ts";
import { succeeded } from "../process/exit.ts";
import { Tail } from "../process/lines.ts";
import { type Child, spawn } from "../process/spawn.ts";
import type { RcloneLine } from "../remote/log.ts";
import { nameTaken, publish, type Target, type UploadEnd } from "../remote/publish.ts";
import { rcloneHint } from "../remote/rclone-failure.ts";
import { cleanUp } from "./clean-up.ts";
import { knownBytes, type Streamed } from "./counted.ts";
import { type GatedStream, StreamFailure, streamThroughGate } from "./gate.ts";
import type { PipelineRun, Uploaded } from "./pipeline.ts";
import type { Sink } from "./stage.ts";
import { findTarget, flagsFor } from "./target.ts";
import { unsureFile } from "./unsure.ts";
import { bad, NotThere, ProvenBad, type Verdict } from "./verdict.ts";
import { verifyFile } from "./verify-file.ts";

/** What is streamed. */
export interface StreamSource extends Pick<GatedStream, "producer" | "filters" | "refusal"> {
  /** The sizes the producer announced for what rclone reads; null for none. */
  readonly announcedBytes: (messages: Tail) => readonly number[] | null;
}

/**
 * Streams a source to the remote: uploaded only once it has a first byte, and only when it is whole does rclone see
 * its end.
 * @param found the target, where it was found out before
 * @throws DbstashError with the cause; then nothing of this run stands under a final name
 */
export async function storeStream(
  run: PipelineRun,
  source: StreamSource,
  found: Target | null = null,
): Promise<Uploaded> {
  const { signals } = run;
  const state: UploadState = { target: null, child: null, streamed: null };
  const preparing = new AbortController();
  const upload = openUpload(run, state, found, AbortSignal.any([signals.stop, preparing.signal]));
  // Its failure is taken up by the stream; without this a dump that fails first would leave it unheard.
  upload.catch(() => undefined);
  const messages = await streamThroughGate({
    ...source,
    libc: run.libc,
    guard: run.workshop.guard,
    pipes: run.pipes,
    upload,
    signal: signals.stop,
    limit: signals.limit,
    placeRefusal: async () =>
      state.target === null ? null : nameTaken(run.rclone, state.target, signals.stop),
    onEndOfInput: () => {
      // What rclone has spooled it sends without counting.
      if (state.target?.features.putStream === false) run.onLastByte();
    },
  }).catch(async (error: unknown) => {
    // A dump that failed first leaves rclone at work on a target that nobody needs any more.
    preparing.abort(error);
    await upload.catch(() => undefined);
    const { target, streamed } = state;
    if (!(error instanceof StreamFailure)) throw error;
    if (!error.uploadStarted || target === null) throw error.cause;
    if (error.endGiven && !target.staged) {
      const reason = withSentence("rclone had taken all of it when it failed", toProblem(error.cause));
      return unsureFile(run, target, streamed, error.cause, reason);
    }
    await cleanUp(run, target, target.uploadPath, endOf(state), error.cause);
    throw error.cause;
  });
  if (!(messages instanceof Tail)) return messages;
  run.onLastByte();
  const { target, streamed } = state;
  // Nothing was uploaded without one.
  if (target === null) throw new DbstashError("the upload had no target");
  if (streamed === null || streamed.bytes === 0) {
    const error = new DbstashError(
      streamed === null
        ? "rclone did not say how many bytes it read"
        : "rclone reported success, but read not one byte",
    );
    if (!target.staged) return unsureFile(run, target, streamed, error, toProblem(error));
    await cleanUp(run, target, target.uploadPath, endOf(state), error);
    throw error;
  }
  return storedFile(run, target, streamed, source.announcedBytes(messages));
}

/** What is known of an upload so far. */
interface UploadState {
  target: Target | null;
  child: Child | null;
  streamed: Streamed | null;
}

/** An rclone that has read nothing has stored nothing, whatever it says. */
function endOf({ child, streamed }: UploadState): UploadEnd {
  const exit = child?.exit ?? null;
  return exit !== null && succeeded(exit) && streamed?.bytes !== 0 ? "stored" : "failed";
}

/** Makes the target ready beside the dump's start, and answers with the function that starts the upload. */
async function openUpload(
  run: PipelineRun,
  state: UploadState,
  found: Target | null,
  signal: AbortSignal,
): Promise<(stdin: number) => Sink> {
  const { rclone, log } = run;
  const target = found ?? (await findTarget(run, signal));
  if (!target.features.putStream) {
    log.warn(
      "this remote takes no streams: rclone spools the whole dump to the temp folder of this machine first",
    );
  }
  const flags = flagsFor(run, target);
  const onLine = (line: RcloneLine) => {
    if (line.kind !== "stats") return log.debug("rclone", { output: line.text });
    state.streamed = { bytes: line.bytes, mayCountTwice: line.mayCountTwice };
    run.onBytes(line.bytes);
  };
  return (stdin) => {
    state.target = target;
    const { request, messages, done } = rclone.upload(target.uploadPath, flags, stdin, onLine);
    const child = spawn({ ...request, role: "sink" }, run.workshop.guard);
    state.child = child;
    void child.exited.finally(done);
    return { title: "rclone", child, messages, hint: rcloneHint };
  };
}

/** What rclone has taken to its end. @param announced the sizes it may have by the producer's word; null for none */
function storedFile(
  run: PipelineRun,
  target: Target,
  streamed: Streamed,
  announced: readonly number[] | null,
): Uploaded {
  const { job, rclone, signals } = run;
  let path = target.uploadPath;
  return {
    async verify(): Promise<Verdict> {
      if (announced !== null && !streamed.mayCountTwice && !announced.includes(streamed.bytes)) {
        const sizes = announced.join(" or ");
        return bad("end", `${streamed.bytes} bytes were streamed where the server announced ${sizes}`);
      }
      if (!job.settings.backupVerify)
        return {
          outcome: "good",
          bytes: knownBytes(streamed, target.features),
          how: "nothing, since BACKUP_VERIFY is false",
        };
      try {
        return await verifyFile(rclone, target.uploadPath, streamed, target.features, job, signals.limit);
      } catch (error) {
        if (target.staged) throw error;
        // It stands under its final name, and whole by rclone's word: only the run's time for a look was over.
        return {
          outcome: "unchecked",
          bytes: knownBytes(streamed, target.features),
          reason: toProblem(error),
        };
      }
    },
    async publish(bytes) {
      await publish(rclone, target, bytes, run.warn, signals.limit);
      path = target.finalPath;
    },
    async discard(cause) {
      // What is not there is not ours to remove, should it turn up.
      if (cause instanceof NotThere) return;
      await cleanUp(run, target, path, cause instanceof ProvenBad ? "proven bad" : "stored", cause);
    },
  };
}
