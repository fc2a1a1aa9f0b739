import type { DumpFormat } from "../engine/format.ts";
import { plainEngine } from "../engine/engine.ts";
import { DbstashError, type Problem, toProblem } from "../errors.ts";
import type { Tail } from "../process/lines.ts";
import { succeeded } from "../process/exit.ts";
import { type Child, spawn } from "../process/spawn.ts";
import { rcloneHint } from "../remote/failure.ts";
import type { RcloneLine } from "../remote/log.ts";
import { discard, publish, type Target, type UploadEnd } from "../remote/publish.ts";
import { headBytes } from "../engine/format.ts";
import { type GatedStream, type Sink, StreamFailure, streamThroughGate } from "./gate.ts";
import { Interrupted } from "./limits.ts";
import type { PipelineRun, Stored } from "./pipeline.ts";
import { findTarget, flagsFor } from "./target.ts";
import { type Streamed, type Verdict, verifyStored } from "./verify.ts";

/** An abort takes at most 8 s in all; stopping the processes takes 7 of them at the worst. */
const cleanUpAfterSignalMs = 1_000;
const cleanUpMs = 60_000;

/** What is streamed, and how its stored form is checked. */
export interface StreamSource extends Pick<GatedStream, "producer" | "filters" | "accept"> {
  /** Null where the stream's end can't be told. */
  readonly format: DumpFormat | null;
  /** The sizes the producer announced for what rclone reads; null for none. */
  readonly announcedBytes: (messages: Tail) => readonly number[] | null;
}

/**
 * Streams a source to the remote: uploaded only once it has a first byte, published only when it is whole
 * and nothing was found wrong with it.
 * @param found the target, where it was found out before
 * @throws DbstashError with the cause; then nothing of this run stands under a final name
 */
export async function storeStream(
  run: PipelineRun,
  source: StreamSource,
  found: Target | null = null,
): Promise<Stored> {
  const { job, rclone, stop } = run;
  const state: UploadState = { target: null, child: null, streamed: null };
  const preparing = new AbortController();
  const upload = openUpload(run, state, found, AbortSignal.any([stop.any, preparing.signal]));
  // Its failure is taken up by the stream; without this a dump that fails first would leave it unheard.
  upload.catch(() => undefined);
  const producerMessages = await streamThroughGate({
    ...source,
    libc: run.libc,
    guard: run.workshop.guard,
    pipes: run.pipes,
    upload,
    signal: stop.any,
    limit: stop.limit,
    onEndOfInput: () => {
      // What rclone has spooled it sends without counting.
      if (state.target?.features.putStream === false) run.onLastByte();
    },
  }).catch(async (error: unknown) => {
    // A dump that failed first leaves rclone at work on a target that nobody needs any more.
    preparing.abort(error);
    await upload.catch(() => undefined);
    if (error instanceof StreamFailure && error.uploadStarted && state.target !== null) {
      await cleanUp(run, state.target, endOf(state), error.cause instanceof Interrupted);
    }
    throw error instanceof StreamFailure && error.cause instanceof DbstashError ? error.cause : error;
  });
  run.onLastByte();
  const { target, streamed } = state;
  // Nothing was uploaded without one.
  if (target === null) throw new DbstashError("the upload had no target");
  try {
    if (streamed === null) throw new DbstashError("rclone did not say how many bytes it read");
    if (streamed.bytes === 0) throw new DbstashError("rclone reported success, but read not one byte");
    const verdict = await check(run, target, streamed, source, producerMessages);
    if (verdict.outcome === "bad") throw new ProvenBad(`the stored backup is not whole: ${verdict.reason}`);
    if (verdict.outcome === "empty") throw new ProvenBad(verdict.problem.message, verdict.problem.hint);
    await publish(rclone, target, verdict.bytes, stop.limit);
    return { bytes: verdict.bytes, verdict };
  } catch (error) {
    await cleanUp(run, target, error instanceof ProvenBad ? "proven bad" : endOf(state), false);
    throw error;
  } finally {
    run.log.debug("rclone processes started", { count: rclone.calls, remote: job.rclone.remote.shown });
  }
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
    if (line.kind === "message") return log.debug("rclone", { output: line.text });
    state.streamed = { bytes: line.bytes, old: line.old };
    run.onBytes(line.bytes);
  };
  return (stdin) => {
    state.target = target;
    const { request, messages, done } = rclone.upload(target.uploadPath, flags, stdin, onLine);
    const child = spawn(request, run.workshop.guard);
    state.child = child;
    void child.exited.finally(done);
    return { title: "rclone", child, messages, hint: rcloneHint };
  };
}

/** Whole as a file, and a backup of nothing. */
interface Empty {
  readonly outcome: "empty";
  readonly problem: Problem;
}

async function check(
  run: PipelineRun,
  target: Target,
  streamed: Streamed,
  source: StreamSource,
  messages: Tail,
): Promise<Verdict | Empty> {
  const { job, rclone, stop } = run;
  const announced = source.announcedBytes(messages);
  if (announced !== null && !streamed.old && !announced.includes(streamed.bytes)) {
    return {
      outcome: "bad",
      reason: `${streamed.bytes} bytes were streamed where the server announced ${announced.join(" or ")}`,
    };
  }
  if (!job.settings.backupVerify)
    return { outcome: "good", bytes: streamed.bytes, how: "nothing, since BACKUP_VERIFY is false" };
  try {
    const { uploadPath, features } = target;
    const verdict = await verifyStored(rclone, uploadPath, streamed, features, source.format, stop.limit);
    if (verdict.outcome !== "good" || job.engine.emptiness === plainEngine.emptiness) return verdict;
    const head = await rclone.read(uploadPath, ["--count", String(headBytes)], stop.limit);
    const problem = job.engine.emptiness(job.request, head);
    return problem === null ? verdict : { outcome: "empty", problem };
  } catch (error) {
    if (stop.limit.aborted) throw error;
    // Whatever kept us from looking, an answer that can't be read too, says nothing against the backup.
    return { outcome: "unchecked", bytes: streamed.bytes, reason: toProblem(error).message };
  }
}

/** What stands under the upload's name is this run's own, and no backup. */
class ProvenBad extends DbstashError {
  override readonly name = "ProvenBad";
}

async function cleanUp(
  run: PipelineRun,
  target: Target,
  end: UploadEnd,
  afterSignal: boolean,
): Promise<void> {
  const signal = AbortSignal.timeout(afterSignal ? cleanUpAfterSignalMs : cleanUpMs);
  const problem = await discard(run.rclone, target, end, signal);
  if (problem === null) return;
  const where = target.staged
    ? "a staged upload may be left behind; a run after a day removes it"
    : "something may be left behind under the backup's name";
  run.log.warn(where, { error: problem });
}
