import { DbstashError, toProblem, withSentence } from "../errors.ts";
import { succeeded } from "../process/exit.ts";
import type { Tail } from "../process/lines.ts";
import { type Child, spawn } from "../process/spawn.ts";
import type { RcloneLine } from "../remote/log.ts";
import { publish, type UploadEnd } from "../remote/publish.ts";
import { nameTaken, type Target } from "../remote/target.ts";
import { rcloneHint } from "../remote/rclone-failure.ts";
import { cleanUp } from "./clean-up.ts";
import { knownBytes, type Streamed } from "./counted.ts";
import { type GatedStream, StreamFailure, streamThroughGate } from "./gate.ts";
import type { Upload } from "./lane.ts";
import type { Delivery, PipelineRun, Uploaded } from "./pipeline.ts";
import type { Site } from "./site.ts";
import type { Sink } from "./stage.ts";
import { standstillLimits } from "./standstill.ts";
import { findTargets, flagsFor, type Targets } from "./target.ts";
import { requireTee, teeStage } from "./tee.ts";
import { unsureFile } from "./unsure.ts";
import { bad, NotThere, ProvenBad, type Verdict } from "./verdict.ts";
import { verifyFile } from "./verify-file.ts";

/** What is streamed. */
export interface StreamSource extends Pick<GatedStream<PlaceUpload>, "producer" | "filters" | "refusal"> {
  /** The sizes the producer announced for what rclone reads; null for none. */
  readonly announcedBytes: (messages: Tail) => readonly number[] | null;
  /** The producer hangs on a server that drops it where its reader stands still. */
  readonly isServerImpatient: boolean;
}

/**
 * Streams a source to the run's places: uploaded only once it has a first byte, and only when it is whole does rclone
 * see its end. Of several places all are asked before the dump begins.
 * @param found the targets, where they were found out before
 * @returns what lies in the places that are not out
 * @throws DbstashError with the cause; then nothing of this run stands under a final name
 */
export async function storeStream(
  run: PipelineRun,
  source: StreamSource,
  found: Targets | null = null,
): Promise<readonly Delivery[]> {
  const { signals, sites, workshop, log } = run;
  const isOne = sites.length === 1;
  const tee = (outputs: readonly number[]) =>
    teeStage(workshop, outputs, (line) => log.debug("message of a tool", { output: line }));
  // Tried before anything starts: a tool that can't do it must not cost a dump.
  if (!isOne) await requireTee(workshop, signals.stop);
  const known = found ?? (isOne ? null : await findTargets(run, signals.stop));
  const preparing = new AbortController();
  const uploads = openUploads(run, known, AbortSignal.any([signals.stop, preparing.signal]));
  // Its failure is taken up by the stream; without this a dump that fails first would leave it unheard.
  uploads.catch(() => undefined);
  const limits = standstillLimits(run.job.settings.backupStallTimeout, source.isServerImpatient);
  const streamed = await streamThroughGate<PlaceUpload>({
    ...source,
    libc: run.libc,
    guard: workshop.guard,
    env: workshop.env,
    pipes: run.pipes,
    tee,
    uploads,
    signal: signals.stop,
    limit: signals.limit,
    watch: isOne ? null : { limits, onWaiting: run.onUnseen },
    onEndOfInput: (ending) => {
      // Of several places each is watched by itself from here on, and what rclone has spooled it sends without counting.
      if (!isOne || ending.some(({ endsUnseen }) => endsUnseen)) run.onLastByte();
    },
  }).catch(async (error: unknown) => {
    // A dump that failed first leaves rclone at work on a target that nobody needs any more.
    preparing.abort(error);
    await uploads.catch(() => undefined);
    if (!(error instanceof StreamFailure)) throw error;
    await Promise.all((error.uploads as PlaceUpload[]).map((upload) => upload.cleanUp(error.cause)));
    throw error.cause;
  });
  run.onLastByte();
  if (streamed === null) return [];
  const announced = source.announcedBytes(streamed.messages);
  return streamed.ended.flatMap(({ upload, failure }) => {
    const uploaded = upload.outcome(failure, announced);
    return uploaded === null ? [] : [{ site: upload.site, uploaded }];
  });
}

/** Makes the targets ready, with one place beside the dump's start, and answers with the uploads. */
async function openUploads(
  run: PipelineRun,
  known: Targets | null,
  signal: AbortSignal,
): Promise<readonly PlaceUpload[]> {
  const targets = known ?? (await findTargets(run, signal));
  return [...targets].map(([site, target]) => {
    if (!target.features.putStream) {
      site.log.warn(
        "this remote takes no streams: rclone spools the whole dump to the temp folder of this machine first",
      );
    }
    return new PlaceUpload(run, site, target);
  });
}

/** The upload of a stream to one place. */
class PlaceUpload implements Upload {
  readonly site: Site;
  readonly gate: number;
  readonly endsUnseen: boolean;
  readonly #run: PipelineRun;
  readonly #target: Target;
  #child: Child | null = null;
  #streamed: Streamed | null = null;

  constructor(run: PipelineRun, site: Site, target: Target) {
    this.site = site;
    this.gate = run.sites.indexOf(site);
    this.endsUnseen = !target.features.putStream;
    this.#run = run;
    this.#target = target;
  }

  start(stdin: number): Sink {
    const { site } = this;
    const onLine = (line: RcloneLine) => {
      if (line.kind !== "stats") return site.log.debug("rclone", { output: line.text });
      this.#streamed = { bytes: line.bytes, mayCountTwice: line.mayCountTwice };
      this.#run.onBytes(line.bytes, site);
    };
    const flags = flagsFor(site.place, this.#target);
    const { request, messages, done } = site.rclone.upload(this.#target.uploadPath, flags, stdin, onLine);
    const child = spawn({ ...request, role: "sink" }, this.#run.workshop.guard);
    this.#child = child;
    void child.exited.finally(done);
    return { title: "rclone", child, messages, hint: rcloneHint };
  }

  bytes(): number {
    return this.#streamed?.bytes ?? 0;
  }

  refusal(): Promise<DbstashError | null> {
    return nameTaken(this.site.rclone, this.#target, this.#run.signals.stop);
  }

  onOut(cause: DbstashError): void {
    this.site.miss(cause, this.cleanUp(cause));
  }

  /** Removes what it has uploaded. Never rejects. */
  cleanUp(cause: unknown): Promise<void> {
    const { site } = this;
    return cleanUp(this.#run, site, this.#target, this.#target.uploadPath, this.#end(), cause);
  }

  /**
   * What came of an upload that has seen the end of input.
   * @param failure null where rclone ended well
   * @param announced the sizes it may have by the producer's word; null for none
   * @returns null where nothing can stand there: the place is out
   */
  outcome(failure: DbstashError | null, announced: readonly number[] | null): Uploaded | null {
    const [run, site, target, streamed] = [this.#run, this.site, this.#target, this.#streamed];
    if (failure === null && streamed !== null && streamed.bytes > 0)
      return storedFile(run, site, target, streamed, announced);
    const cause =
      failure ??
      new DbstashError(
        streamed === null
          ? "rclone did not say how many bytes it read"
          : "rclone reported success, but read not one byte",
      );
    if (!target.staged) {
      const problem = toProblem(cause);
      const reason =
        failure === null ? problem : withSentence("rclone had taken all of it when it failed", problem);
      return unsureFile(run, site, target, streamed, cause, reason);
    }
    this.onOut(cause);
    return null;
  }

  /** An rclone that has read nothing has stored nothing, whatever it says. */
  #end(): UploadEnd {
    const exit = this.#child?.exit ?? null;
    return exit !== null && succeeded(exit) && this.#streamed?.bytes !== 0 ? "stored" : "failed";
  }
}

/** What rclone has taken to its end. @param announced the sizes it may have by the producer's word; null for none */
function storedFile(
  run: PipelineRun,
  site: Site,
  target: Target,
  streamed: Streamed,
  announced: readonly number[] | null,
): Uploaded {
  const { job, signals } = run;
  const { rclone } = site;
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
      await publish(rclone, target, bytes, site.warn, signals.limit);
      path = target.finalPath;
    },
    async discard(cause) {
      // What is not there is not ours to remove, should it turn up.
      if (cause instanceof NotThere) return;
      await cleanUp(run, site, target, path, cause instanceof ProvenBad ? "proven bad" : "stored", cause);
    },
  };
}
