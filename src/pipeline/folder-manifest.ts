import { MANIFEST_NAME } from "../catalog/catalog.ts";
import type { Manifest } from "../catalog/manifest.ts";
import { backupIdTimeMs } from "../catalog/staged.ts";
import { DbstashError, toProblem } from "../errors.ts";
import { capture } from "../process/capture.ts";
import type { FilledFolder } from "./dump-folder.ts";
import { hashesOf } from "./hashes.ts";
import type { PipelineRun } from "./pipeline.ts";
import { commandStage } from "./stage.ts";

const versionLimitMs = 5_000;
const versionBytes = 65_536;

/**
 * What a filled folder's `dbstash.json` is to hold.
 * @throws DbstashError where the dump tool can't be started, or the guard was killed; the signal's reason
 */
export async function manifestOf(run: PipelineRun, folder: FilledFolder): Promise<Manifest> {
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
  const { signals, log, onUnseen, workshop } = run;
  const [{ rclone }] = run.sites;
  try {
    const { byPath } = await hashesOf({ rclone, workshop }, `${folder.path}/`, onUnseen, signals.stop);
    return folder.files.map((file) => {
      const sha256 = byPath.get(file.path);
      return sha256 === undefined ? file : { ...file, sha256 };
    });
  } catch (error) {
    signals.stop.throwIfAborted();
    if (workshop.guard.isLost || !(error instanceof DbstashError)) throw error;
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
