import { MANIFEST_NAME } from "../catalog/catalog.ts";
import { type Manifest, writeManifest } from "../catalog/manifest.ts";
import { backupIdTimeMs } from "../catalog/staged.ts";
import { DbstashError, Interrupted, toProblem } from "../errors.ts";
import { capture } from "../process/capture.ts";
import { succeeded } from "../process/exit.ts";
import { processFailure } from "../process/failure.ts";
import { ownPlaceHint, type Target } from "../remote/publish.ts";
import { lastWords, rcloneHint } from "../remote/rclone-failure.ts";
import { stopGraceMs } from "../remote/rclone-runner.ts";
import { joinRemote } from "../remote/remote.ts";
import { type FilledFolder, withFilledFolder } from "./dump-folder.ts";
import { hashesOf } from "./hashes.ts";
import type { Pipeline, PipelineRun, Uploaded } from "./pipeline.ts";
import { commandStage } from "./stage.ts";
import { findTarget, flagsFor } from "./target.ts";
import { verifyFolder } from "./verify-folder.ts";

/** What of an upload is left behind counts for nothing: after a signal there is little time to remove it. */
const cleanUpAfterSignalMs = 2_000;
const cleanUpMs = 60_000;
const versionLimitMs = 5_000;
const versionBytes = 65_536;

/** Directory mode: dump into a folder → `rclone copy`; `dbstash.json`, written last, makes a backup of it. */
export const directoryPipeline: Pipeline = {
  async execute(run) {
    return withFilledFolder(
      run,
      async (signal) => freeTarget(run, signal),
      async (folder, target) => {
        const upload = new FolderUpload(run, target, await describe(run, folder));
        try {
          await upload.copy(folder);
          return upload;
        } catch (error) {
          await upload.discard(error);
          throw error;
        }
      },
    );
  },
};

/** Where the folder goes. @throws DbstashError when anything stands there: files of two backups must never mix */
async function freeTarget(run: PipelineRun, signal: AbortSignal): Promise<Target> {
  const target = await findTarget(run, signal);
  if (target.listProblem === null && !target.finalWasFree) {
    throw new DbstashError(
      `${run.name} already exists on the remote and is left as it is`,
      "use a time token, such as {timestamp}, in BACKUP_NAME_TEMPLATE (--backup-name-template)",
    );
  }
  return target;
}

/** A folder on its way: under its final name from the start, and a backup by its manifest alone. */
class FolderUpload implements Uploaded {
  readonly #run: PipelineRun;
  readonly #target: Target;
  readonly #manifest: Manifest;
  readonly #manifestText: string;
  readonly #manifestPath: string;
  readonly #flags: readonly string[];
  /** It has written the manifest, or tried to. */
  #hasManifest = false;

  constructor(run: PipelineRun, target: Target, manifest: Manifest) {
    this.#run = run;
    this.#target = target;
    this.#manifest = manifest;
    this.#manifestText = writeManifest(manifest);
    this.#manifestPath = joinRemote(target.finalPath, MANIFEST_NAME);
    this.#flags = flagsFor(run, target);
  }

  /** Uploads the files of a local folder. @throws DbstashError unless all of them were taken */
  async copy(folder: FilledFolder): Promise<void> {
    const { rclone, log, workshop, signals, onBytes, onLastByte } = this.#run;
    // The dump may have taken hours: nothing is written over what has become a backup since.
    await this.#refuseOther();
    const { finalPath, listProblem } = this.#target;
    // Credentials that may only write can't look at what stands there.
    const blind = listProblem === null ? [] : ["--no-check-dest"];
    const { request, messages, done } = rclone.copy(
      folder.path,
      finalPath,
      [...this.#flags, ...blind],
      (line) => {
        if (line.kind === "stats") onBytes(line.bytes);
        else log.debug("rclone", { output: line.text });
      },
    );
    const { exit } = await capture(
      { ...request, role: "sink", graceMs: stopGraceMs },
      workshop.guard,
      signals.stop,
    ).finally(done);
    if (!succeeded(exit)) {
      const words = lastWords(messages) || "it gave no reason";
      throw processFailure("rclone", exit, words, rcloneHint(messages.toString()));
    }
    onLastByte();
  }

  async verify() {
    const { job, rclone, signals } = this.#run;
    const bytes =
      this.#manifest.files.reduce((sum, file) => sum + file.bytes, 0) + Buffer.byteLength(this.#manifestText);
    if (!job.settings.backupVerify)
      return { outcome: "good", bytes, how: "nothing, since BACKUP_VERIFY is false" } as const;
    return verifyFolder(rclone, this.#target.finalPath, this.#manifest, bytes, signals.stop);
  }

  async publish(): Promise<void> {
    const { rclone, signals } = this.#run;
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
    const { rclone, log, workshop } = this.#run;
    if (!this.#target.finalWasFree) {
      // Where nobody could look, it may be another run's as well.
      if (this.#target.listProblem !== null)
        log.warn("an unfinished folder may be left behind", { file: this.#run.name });
      return;
    }
    const signal = AbortSignal.timeout(cause instanceof Interrupted ? cleanUpAfterSignalMs : cleanUpMs);
    try {
      workshop.guard.recover();
      if (this.#hasManifest || (await rclone.find(this.#manifestPath, signal)) === null)
        return await rclone.removeFolder(this.#target.finalPath, signal);
      log.warn("the folder on the remote is a whole backup, of another run, and is left as it is");
    } catch (error) {
      log.warn("an unfinished folder may be left behind; a run after a day removes it", {
        error: toProblem(error),
      });
    }
  }

  /** Two runs under one name: whoever comes second must not vouch for files that both have written. */
  async #refuseOther(): Promise<void> {
    const { rclone, signals, name } = this.#run;
    // Credentials that may only write can't look; they store as well as they can.
    const other = await rclone.find(this.#manifestPath, signals.stop).catch(() => null);
    signals.stop.throwIfAborted();
    if (other !== null)
      throw new DbstashError(`another run has stored ${name} in the meantime`, ownPlaceHint);
  }
}

async function describe(run: PipelineRun, folder: FilledFolder): Promise<Manifest> {
  return {
    engine: run.job.engine.name,
    database: run.job.naming.database,
    // The backup id was made when the run began.
    createdAt: new Date(backupIdTimeMs(run.backupId) ?? 0).toISOString(),
    tool: await toolVersion(run, folder.tool),
    files: await hashed(run, folder),
  };
}

/** The folder's files with their SHA-256, made while they are local: later it shows what storage has made of them. */
async function hashed(run: PipelineRun, folder: FilledFolder): Promise<Manifest["files"]> {
  const { signals, log, onUnseen } = run;
  try {
    const { byPath } = await hashesOf(run, `${folder.path}/`, onUnseen, signals.stop);
    return folder.files.map((file) => {
      const sha256 = byPath.get(file.path);
      return sha256 === undefined ? file : { ...file, sha256 };
    });
  } catch (error) {
    signals.stop.throwIfAborted();
    if (run.workshop.guard.isLost || !(error instanceof DbstashError)) throw error;
    log.warn(`${MANIFEST_NAME} will hold no SHA-256 of its files`, { error: toProblem(error) });
    return folder.files;
  }
}

/** What a tool says of its version: its first line; empty where it says nothing. */
async function toolVersion({ workshop, signals }: PipelineRun, tool: string): Promise<string> {
  const { request } = commandStage(
    { tools: [tool], args: ["--version"], env: {}, files: [] },
    workshop,
    () => null,
    () => undefined,
  );
  const limits = { graceMs: 0, limitMs: versionLimitMs, maxBytes: versionBytes };
  const { stdout } = await capture({ ...request, ...limits }, workshop.guard, signals.stop);
  return new TextDecoder().decode(stdout).split("\n")[0]?.trim() ?? "";
}
