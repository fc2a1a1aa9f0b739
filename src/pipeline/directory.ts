import { MANIFEST_NAME } from "../catalog.ts";
import { DbstashError, toProblem } from "../errors.ts";
import { type Manifest, missingFiles, writeManifest } from "../manifest.ts";
import { backupIdTimeMs } from "../naming.ts";
import { succeeded } from "../process/exit.ts";
import { type Child, spawn } from "../process/spawn.ts";
import { lastWords, rcloneHint } from "../remote/failure.ts";
import { ownPlaceHint, type Target } from "../remote/publish.ts";
import { stopGraceMs } from "../remote/rclone-runner.ts";
import { joinRemote } from "../remote/remote.ts";
import { processFailure } from "./failure.ts";
import { type FilledFolder, withFilledFolder } from "./folder.ts";
import { Interrupted } from "./limits.ts";
import type { Pipeline, PipelineRun, Stored } from "./pipeline.ts";
import { commandStage } from "./stage.ts";
import { findTarget, flagsFor } from "./target.ts";
import type { Verdict } from "./verify.ts";
import { untilEnd } from "./waiting.ts";

/** What of an upload is left behind counts for nothing: after a signal there is little time to remove it. */
const cleanUpAfterSignalMs = 2_000;
const cleanUpMs = 60_000;
const versionLimitMs = 5_000;
/** More missing files than these are counted, not named. */
const namedFiles = 3;

/** Directory mode: dump into a folder → `rclone copy` → check → `dbstash.json`, with which the folder is a backup. */
export const directoryPipeline: Pipeline = {
  async execute(run) {
    return withFilledFolder(
      run,
      async (signal) => freeTarget(run, signal),
      async (folder, target) => {
        const manifest = await describe(run, folder);
        const own = { hasManifest: false };
        try {
          return await store(run, folder, target, manifest, own);
        } catch (error) {
          await cleanUp(run, target, own, error instanceof Interrupted);
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

/** What of a folder on the remote is known to be this run's. */
interface OwnFolder {
  /** It has written the manifest, or tried to. */
  hasManifest: boolean;
}

async function store(
  run: PipelineRun,
  folder: FilledFolder,
  target: Target,
  manifest: Manifest,
  own: OwnFolder,
): Promise<Stored> {
  const { rclone, stop } = run;
  const flags = flagsFor(run, target);
  const manifestPath = manifestOf(target);
  // The dump may have taken hours: nothing is written over what has become a backup since.
  await refuseOther(run, manifestPath);
  await upload(run, folder, target, flags);
  run.onLastByte();
  const text = writeManifest(manifest);
  const bytes = folder.bytes + Buffer.byteLength(text);
  const verdict = await verify(run, target, manifest, bytes);
  if (verdict.outcome === "bad") throw new DbstashError(`the stored backup is not whole: ${verdict.reason}`);
  stop.any.throwIfAborted();
  // From here on the folder may count as a backup, so only the run's own limits end this.
  await refuseOther(run, manifestPath);
  own.hasManifest = true;
  try {
    await rclone.write(manifestPath, text, flags, stop.limit);
  } catch (error) {
    // It may stand there all the same: while the folder is removed it must count as a backup no more.
    await rclone.remove(manifestPath, AbortSignal.timeout(cleanUpMs)).catch(() => undefined);
    throw error;
  }
  return { bytes, verdict };
}

/** Two runs under one name: whoever comes second must not vouch for files that both have written. */
async function refuseOther({ rclone, stop, name }: PipelineRun, manifestPath: string): Promise<void> {
  // Credentials that may only write can't look; they store as well as they can.
  const bytes = await rclone.size(manifestPath, stop.any).catch(() => null);
  stop.any.throwIfAborted();
  if (bytes !== null) throw new DbstashError(`another run has stored ${name} in the meantime`, ownPlaceHint);
}

async function upload(
  run: PipelineRun,
  folder: FilledFolder,
  target: Target,
  flags: readonly string[],
): Promise<void> {
  const { request, messages, done } = run.rclone.copy(folder.path, target.finalPath, flags, (line) => {
    if (line.kind === "message") run.log.debug("rclone", { output: line.text });
    else run.onBytes(line.bytes);
  });
  const { guard } = run.workshop;
  let child: Child;
  try {
    child = spawn(request, guard);
    await untilEnd(child, guard, run.stop.any, stopGraceMs);
  } finally {
    done();
  }
  if (child.exit !== null && succeeded(child.exit)) return;
  const words = lastWords(messages) || "it gave no reason";
  throw processFailure("rclone", child.exit, words, rcloneHint(messages.toString()));
}

/** Whether every file lies on the remote with its size. */
async function verify(
  { job, rclone, stop }: PipelineRun,
  target: Target,
  manifest: Manifest,
  bytes: number,
): Promise<Verdict> {
  if (!job.settings.backupVerify)
    return { outcome: "good", bytes, how: "nothing, since BACKUP_VERIFY is false" };
  try {
    const listing = await rclone.list(target.finalPath, ["--recursive", "--no-modtime"], stop.any);
    const missing = missingFiles(manifest, listing);
    if (missing.length === 0)
      return { outcome: "good", bytes, how: `the sizes of ${manifest.files.length} files` };
    const more = missing.length > namedFiles ? `, and ${missing.length - namedFiles} more` : "";
    return { outcome: "bad", reason: `${missing.slice(0, namedFiles).join(", ")}${more}` };
  } catch (error) {
    if (stop.any.aborted) throw error;
    return { outcome: "unchecked", bytes, reason: toProblem(error).message };
  }
}

async function describe(run: PipelineRun, folder: FilledFolder): Promise<Manifest> {
  return {
    engine: run.job.engine.name,
    database: run.job.naming.database,
    // The backup id was made when the run began.
    createdAt: new Date(backupIdTimeMs(run.backupId) ?? 0).toISOString(),
    tool: await toolVersion(run, folder.tool),
    files: folder.files,
  };
}

/** What a tool says of its version: its first line; empty where it says nothing. */
async function toolVersion(run: PipelineRun, tool: string): Promise<string> {
  const { request } = commandStage(
    { tools: [tool], args: ["--version"], env: {}, files: [] },
    run.workshop,
    () => null,
    () => undefined,
  );
  const decoder = new TextDecoder();
  let text = "";
  const stdout = (bytes: Uint8Array) => void (text += decoder.decode(bytes, { stream: true }));
  const { guard } = run.workshop;
  const child = spawn({ ...request, role: "producer", stdout }, guard);
  const late = setTimeout(() => void child.stop(0), versionLimitMs);
  try {
    await untilEnd(child, guard, run.stop.any, 0);
  } finally {
    clearTimeout(late);
  }
  return text.split("\n")[0]?.trim() ?? "";
}

function manifestOf(target: Target): string {
  return joinRemote(target.finalPath, MANIFEST_NAME);
}

/** Removes what this run has put into its folder; one that stood there before, may have, or is a backup, stays. */
async function cleanUp(
  run: PipelineRun,
  target: Target,
  own: OwnFolder,
  afterSignal: boolean,
): Promise<void> {
  if (!target.finalWasFree) return;
  const signal = AbortSignal.timeout(afterSignal ? cleanUpAfterSignalMs : cleanUpMs);
  try {
    if (own.hasManifest || (await run.rclone.size(manifestOf(target), signal)) === null)
      return await run.rclone.removeFolder(target.finalPath, signal);
    run.log.warn("the folder on the remote is a whole backup, of another run, and is left as it is");
  } catch (error) {
    run.log.warn("an unfinished folder may be left behind; a run after a day removes it", {
      error: toProblem(error).message,
    });
  }
}
