import { MANIFEST_NAME } from "../catalog/catalog.ts";
import { type Manifest, writeManifest } from "../catalog/manifest.ts";
import { DbstashError, toProblem } from "../errors.ts";
import { capture } from "../process/capture.ts";
import { succeeded } from "../process/exit.ts";
import { processFailure } from "../process/failure.ts";
import { ownPlaceHint, type Target } from "../remote/target.ts";
import { lastWords, rcloneHint } from "../remote/rclone-failure.ts";
import { stopGraceMs } from "../remote/rclone-runner.ts";
import { joinRemote } from "../remote/remote.ts";
import { cleanUpLimit } from "./clean-up.ts";
import { type FilledFolder, withFilledFolder } from "./dump-folder.ts";
import { manifestOf } from "./folder-manifest.ts";
import { type StallClock, stallClock } from "./limits.ts";
import type { Delivery, Pipeline, PipelineRun, Uploaded } from "./pipeline.ts";
import type { Site } from "./site.ts";
import { findTargets, flagsFor, type Targets } from "./target.ts";
import { verifyFolder } from "./verify-folder.ts";

const cleanUpMs = 60_000;
const quietEveryMs = 250;

/**
 * Directory mode: dump into a folder → `rclone copy` to one place after the other; `dbstash.json`, written last, makes a
 * backup of it.
 */
export const directoryPipeline: Pipeline = {
  async execute(run) {
    return withFilledFolder(
      run,
      async (signal) => findTargets(run, signal, (target) => requireFree(target)),
      async (folder, targets) => copyToAll(run, folder, targets),
    );
  },
};

async function copyToAll(
  run: PipelineRun,
  folder: FilledFolder,
  targets: Targets,
): Promise<readonly Delivery[]> {
  const manifest = await manifestOf(run, folder);
  const done: { readonly site: Site; readonly uploaded: FolderUpload }[] = [];
  const isOne = run.sites.length === 1;
  for (const [site, target] of targets) {
    const uploaded = new FolderUpload(run, site, target, manifest);
    const stall = isOne ? null : ownStallClock(run);
    try {
      await uploaded.copy(folder, stall?.clock ?? null);
      done.push({ site, uploaded });
    } catch (error) {
      if (isOne || run.signals.stop.aborted) {
        await Promise.all(
          [uploaded, ...done.map((each) => each.uploaded)].map((each) => each.discard(error)),
        );
        throw error;
      }
      site.miss(error, uploaded.discard(error));
    } finally {
      stall?.end();
    }
  }
  run.onLastByte();
  return done;
}

/** One of several places that stands still is out by a clock of its own, and the run's waits for it. */
function ownStallClock({ job, onUnseen }: PipelineRun): { readonly clock: StallClock; end(): void } {
  const clock = stallClock(job.settings.backupStallTimeout);
  const quiet = setInterval(onUnseen, quietEveryMs);
  clock.begin();
  return {
    clock,
    end() {
      clearInterval(quiet);
      clock.rest();
    },
  };
}

/** @throws DbstashError when anything stands there: files of two backups must never mix */
function requireFree({ listProblem, finalWasFree, finalName }: Target): void {
  if (listProblem !== null || finalWasFree) return;
  throw new DbstashError(
    `${finalName} already exists on the remote and is left as it is`,
    "use a time token, such as {timestamp}, in BACKUP_NAME_TEMPLATE (--backup-name-template)",
  );
}

/** A folder on its way: under its final name from the start, and a backup by its manifest alone. */
class FolderUpload implements Uploaded {
  readonly #run: PipelineRun;
  readonly #site: Site;
  readonly #target: Target;
  readonly #manifest: Manifest;
  readonly #manifestText: string;
  readonly #manifestPath: string;
  readonly #flags: readonly string[];
  /** It has written the manifest, or tried to. */
  #hasManifest = false;

  constructor(run: PipelineRun, site: Site, target: Target, manifest: Manifest) {
    this.#run = run;
    this.#site = site;
    this.#target = target;
    this.#manifest = manifest;
    this.#manifestText = writeManifest(manifest);
    this.#manifestPath = joinRemote(target.finalPath, MANIFEST_NAME);
    this.#flags = flagsFor(site.place, target);
  }

  /** Uploads the files of a local folder. @param stall the place's own clock, among several. @throws DbstashError unless all of them were taken */
  async copy(folder: FilledFolder, stall: StallClock | null): Promise<void> {
    const { workshop, signals, onBytes } = this.#run;
    const { rclone, log } = this.#site;
    const signal = stall === null ? signals.stop : AbortSignal.any([signals.stop, stall.signal]);
    // The dump may have taken hours: nothing is written over what has become a backup since.
    await this.#refuseOther();
    const { finalPath, listProblem } = this.#target;
    // Credentials that may only write can't look at what stands there.
    const blind = listProblem === null ? [] : ["--no-check-dest"];
    let bytes = 0;
    const { request, messages, done } = rclone.copy(
      folder.path,
      finalPath,
      [...this.#flags, ...blind],
      (line) => {
        if (line.kind === "stats") {
          if (line.bytes !== bytes) stall?.moved();
          bytes = line.bytes;
          onBytes(bytes, this.#site);
        } else log.debug("rclone", { output: line.text });
      },
    );
    const { exit } = await capture(
      { ...request, role: "sink", graceMs: stopGraceMs },
      workshop.guard,
      signal,
    ).finally(done);
    if (!succeeded(exit)) {
      const words = lastWords(messages) || "it gave no reason";
      throw processFailure("rclone", exit, words, rcloneHint(messages.toString()));
    }
  }

  async verify() {
    const { job, signals } = this.#run;
    const { rclone } = this.#site;
    const bytes =
      this.#manifest.files.reduce((sum, file) => sum + file.bytes, 0) + Buffer.byteLength(this.#manifestText);
    if (!job.settings.backupVerify)
      return { outcome: "good", bytes, how: "nothing, since BACKUP_VERIFY is false" } as const;
    return verifyFolder(rclone, this.#target.finalPath, this.#manifest, bytes, signals.stop);
  }

  async publish(): Promise<void> {
    const { signals } = this.#run;
    const { rclone } = this.#site;
    signals.stop.throwIfAborted();
    // From here on the folder may count as a backup, so only the run's own limits end this.
    await this.#refuseOther();
    this.#hasManifest = true;
    try {
      await rclone.write(this.#manifestPath, this.#manifestText, this.#flags, signals.limit);
    } catch (error) {
      // It may stand there all the same: while the folder is removed it must count as a backup no more.
      await rclone.remove(this.#manifestPath, AbortSignal.timeout(cleanUpMs)).catch(() => undefined);
      throw error;
    }
  }

  /** Removes what this run has put into its folder; one that stood there before, may have, or is a backup, stays. */
  async discard(cause: unknown): Promise<void> {
    const { workshop } = this.#run;
    const { rclone, log } = this.#site;
    if (!this.#target.finalWasFree) {
      // Where nobody could look, it may be another run's as well.
      if (this.#target.listProblem !== null)
        log.warn("an unfinished folder may be left behind", { file: this.#run.name });
      return;
    }
    const limit = cleanUpLimit(this.#run.signals.stop, cause);
    const { signal } = limit;
    try {
      workshop.guard.recover();
      if (this.#hasManifest || (await rclone.find(this.#manifestPath, signal)) === null)
        return await rclone.removeFolder(this.#target.finalPath, signal);
      log.warn("the folder on the remote is a whole backup, of another run, and is left as it is");
    } catch (error) {
      log.warn("an unfinished folder may be left behind; a run after a day removes it", {
        error: toProblem(error),
      });
    } finally {
      limit.end();
    }
  }

  /** Two runs under one name: whoever comes second must not vouch for files that both have written. */
  async #refuseOther(): Promise<void> {
    const { signals, name } = this.#run;
    const { rclone } = this.#site;
    // Credentials that may only write can't look; they store as well as they can.
    const other = await rclone.find(this.#manifestPath, signals.stop).catch(() => null);
    signals.stop.throwIfAborted();
    if (other !== null)
      throw new DbstashError(`another run has stored ${name} in the meantime`, ownPlaceHint);
  }
}
