import { DbstashError } from "../errors.ts";
import { capture } from "../process/capture.ts";
import { succeeded } from "../process/exit.ts";
import type { Workshop } from "../process/workshop.ts";
import { parseHashes } from "../remote/hashes.ts";
import type { Rclone } from "../remote/rclone.ts";
import { failure } from "../remote/rclone-failure.ts";
import { stopGraceMs } from "../remote/rclone-runner.ts";

/** Lines of some 400,000 files. */
const outputLimitBytes = 64 * 1024 * 1024;

/** The SHA-256 of files, and how many bytes were read for them. */
export interface Hashes {
  readonly byPath: ReadonlyMap<string, string>;
  readonly bytes: number;
}

/**
 * Reads a file, or all files below a folder, and makes their SHA-256.
 * @param path a folder's ends in a slash
 * @param onMoved told whenever rclone has moved more bytes
 * @throws DbstashError unless all of it was read; the signal's reason when it aborts
 */
export async function hashesOf(
  { rclone, workshop }: { readonly rclone: Rclone; readonly workshop: Workshop },
  path: string,
  onMoved: () => void,
  signal: AbortSignal,
): Promise<Hashes> {
  let bytes = 0;
  const { request, messages, done } = rclone.hashAll(path, (line) => {
    if (line.kind !== "stats" || line.bytes === bytes) return;
    bytes = line.bytes;
    onMoved();
  });
  const limits = { graceMs: stopGraceMs, maxBytes: outputLimitBytes };
  const { exit, stdout, isCut } = await capture({ ...request, ...limits }, workshop.guard, signal).finally(
    done,
  );
  if (isCut) throw new DbstashError("there are too many files to compare their SHA-256");
  if (!succeeded(exit)) throw failure("not all files could be read", { exit, messages });
  return { byPath: parseHashes(new TextDecoder().decode(stdout)), bytes };
}
