import { existsSync, rmdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Problem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { Place } from "../job/place.ts";
import type { RemoteFeatures } from "../remote/features.ts";
import type { Rclone } from "../remote/rclone.ts";
import { joinRemote } from "../remote/remote.ts";
import { uploadFlags } from "../remote/upload.ts";
import { attempt } from "./attempt.ts";
import { behind, costOfNoDelete, costOfNoRead } from "./costs.ts";
import { bad, type CheckLine, type Tell, untried, well } from "./line.ts";
import { folderOf } from "./place.ts";
import { probeNames } from "./probe-name.ts";

/** What trying a place takes. */
export interface PlaceProbe {
  readonly job: Job;
  readonly place: Place;
  readonly rclone: Rclone;
  readonly features: RemoteFeatures;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/**
 * Writes a few bytes where the job's backups lie, reads them back, renames them where the place can, and removes them.
 * What may not be done is told with what it costs a run. No bucket is ever made, and folders that a local place gets
 * by this go again.
 */
export async function probePlace(probe: PlaceProbe, tell: Tell): Promise<void> {
  const { job, place, rclone } = probe;
  const made = place.remote.isLocal ? missingFolders(resolve(folderOf(job, rclone))) : [];
  try {
    await probeFile(probe, tell);
  } finally {
    removeEmpty(made);
  }
}

async function probeFile(probe: PlaceProbe, tell: Tell): Promise<void> {
  const { job, place, rclone, features, signal } = probe;
  const { written, renamed } = probeNames(job.template, job.naming);
  const path = joinRemote(folderOf(job, rclone), written);
  const text = `dbstash check ${probe.now.toISOString()}\n`;
  const flags = uploadFlags({ features, previousBytes: null, chunkSizeIsSet: place.chunkSizeIsSet });
  const write = await attempt(signal, (either) => rclone.write(path, text, flags, either));
  if (write.kind === "failed") return tell(await lineOfNoWrite(probe, path, write.problem));
  tell(well("write", `a file of a few bytes was written there (${written})`));
  tell(await read(probe, path, text));
  const target = joinRemote(folderOf(job, rclone), renamed);
  const isRenamed = features.move && (await rename(probe, path, target, tell));
  tell(await remove(probe, isRenamed ? renamed : written));
}

/** Where an earlier one had to stay, it may be that nothing may be written over it, which no backup does. */
async function lineOfNoWrite(
  { rclone, signal }: PlaceProbe,
  path: string,
  problem: Problem,
): Promise<CheckLine> {
  const look = await attempt(signal, (either) => rclone.find(path, either));
  if (look.kind === "done" && look.value !== null)
    return untried(
      "write",
      behind("not tried: a file of an earlier check stands there and can't be replaced", problem),
    );
  return bad("write", behind("no backup can be stored", problem));
}

async function read({ job, rclone, signal }: PlaceProbe, path: string, text: string): Promise<CheckLine> {
  // A range, as a run asks for the end of a backup.
  const range = ["--offset", "0", "--count", String(2 * text.length)];
  const tried = await attempt(signal, (either) => rclone.read(path, range, either));
  if (tried.kind === "failed") return costOfNoRead("read", tried.problem, job);
  const found = new TextDecoder().decode(tried.value);
  if (found === text) return well("read", "it was read back");
  // An old rclone gives nothing of what may not be read, and calls that a success.
  if (found === "") return costOfNoRead("read", { message: "the place gave not one byte" }, job);
  return bad("read", {
    message: "what was read back is not what was written",
    hint: "see what RCLONE_EXTRA_ARGS (--rclone-extra-args), rclone.conf and RCLONE_* variables do with files",
  });
}

async function rename(
  { rclone, features, signal }: PlaceProbe,
  from: string,
  to: string,
  tell: Tell,
): Promise<boolean> {
  const tried = await attempt(signal, async (either) => {
    // Where two of a name can be, a rename replaces nothing.
    if (features.duplicates) await rclone.remove(to, either);
    await rclone.move(from, to, either);
  });
  if (tried.kind === "done") tell(well("rename", "it was renamed"));
  else tell(bad("rename", behind("nothing can be renamed there: no backup gets its name", tried.problem)));
  return tried.kind === "done";
}

/** As retention removes: other ways may need other rights. */
async function remove({ job, rclone, signal }: PlaceProbe, name: string): Promise<CheckLine> {
  const folder = folderOf(job, rclone);
  const tried = await attempt(signal, (either) => rclone.removeAll(folder, [name], either));
  if (tried.kind === "failed") return costOfNoDelete("delete", tried.problem, job);
  // An old rclone that may not look at a file takes it for absent.
  const left = await attempt(signal, (either) => rclone.find(joinRemote(folder, name), either));
  if (left.kind === "done" && left.value !== null)
    return costOfNoDelete("delete", { message: "it still stands there after it was removed" }, job);
  return well("delete", "it was deleted");
}

/** The folders of a path that are not there, the deepest first. */
function missingFolders(path: string): string[] {
  return existsSync(path) || path === dirname(path) ? [] : [path, ...missingFolders(dirname(path))];
}

function removeEmpty(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      // Never made, or something else has come into it.
      return;
    }
  }
}
