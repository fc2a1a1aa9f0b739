import { MANIFEST_NAME } from "../catalog/catalog.ts";
import { type ManifestFile, readManifest } from "../catalog/manifest.ts";
import { DbstashError, toProblem } from "../errors.ts";
import type { Layers } from "../job/layers.ts";
import { findTool } from "../process/spawn.ts";
import { folderPath, joinRemote } from "../remote/remote.ts";
import { hashesOf } from "./hashes.ts";
import { judgeReading } from "./judge-reading.ts";
import { stallClock } from "./limits.ts";
import { readThrough, type ReadingRoom } from "./read-through.ts";
import type { Verdict } from "./verdict.ts";

/** More damaged files than these are not looked at a second time. */
const mostDamaged = 5;

/**
 * Reads all of a stored backup back and takes it apart. It is bad only where something calls it damaged that had all of
 * its bytes; whatever keeps us from reading says nothing against it.
 * @param path of the file or folder
 * @param bytes its size
 * @param layers of the file; null for a folder
 * @throws the signal's reason when it aborts
 */
export async function verifyAll(
  room: ReadingRoom,
  path: string,
  bytes: number,
  layers: Layers | null,
  signal: AbortSignal,
): Promise<Verdict> {
  const clock = stallClock(room.stallTimeoutMs);
  const either = AbortSignal.any([signal, clock.signal]);
  const onMoved = (): void => clock.moved();
  clock.begin();
  try {
    if (layers === null) return await verifyHashes(room, path, bytes, onMoved, either);
    const reader = usable(layers, room) ? layers.reader : null;
    const last = reader ?? (layers.endMark === null ? null : "ends");
    let moved = 0;
    const onBytes = (count: number): void => {
      if (count !== moved) onMoved();
      moved = count;
    };
    return judgeReading(
      layers,
      bytes,
      await readThrough(room, path, layers.unpackers, last, onBytes, either),
    );
  } catch (error) {
    if (signal.aborted || !(error instanceof DbstashError)) throw error;
    return { outcome: "unchecked", bytes, reason: toProblem(error) };
  } finally {
    clock.rest();
  }
}

function usable({ reader }: Layers, { workshop }: ReadingRoom): boolean {
  if (reader?.isOptional !== true) return true;
  try {
    findTool(reader.tools, workshop.env["PATH"]);
    return true;
  } catch {
    return false;
  }
}

/** A folder: every file has the SHA-256 that its manifest holds since it was local. */
async function verifyHashes(
  room: ReadingRoom,
  path: string,
  bytes: number,
  onMoved: () => void,
  signal: AbortSignal,
): Promise<Verdict> {
  const text = await room.rclone.read(joinRemote(path, MANIFEST_NAME), [], signal);
  const { files } = readManifest(new TextDecoder().decode(text));
  const without = files.find(({ sha256 }) => sha256 === undefined);
  if (without !== undefined)
    throw new DbstashError(`its ${MANIFEST_NAME} holds no SHA-256 of ${without.path}`);
  const { byPath } = await hashesOf(room, folderPath(path), onMoved, signal);
  const others = files.filter((file) => byPath.get(file.path) !== file.sha256);
  const damaged: string[] = [];
  for (const file of others.slice(0, mostDamaged)) {
    // A download may have been a bad one: only what is read as a whole, and is another file again, is damaged.
    if (await isOther(room, path, file, onMoved, signal)) damaged.push(file.path);
  }
  if (damaged.length === 0 && others.length <= mostDamaged)
    return { outcome: "good", bytes, how: `all of it: ${files.length} files, each with its SHA-256` };
  if (damaged.length === 0)
    throw new DbstashError(`${others.length} of its files came as others, and a second time as they are`);
  const more = others.length > mostDamaged ? `, and ${others.length - mostDamaged} more` : "";
  const message = `not as they were written, by their SHA-256: ${damaged.join(", ")}${more}`;
  return { outcome: "bad", about: "content", problem: { message } };
}

/** @throws DbstashError where not exactly its bytes arrive */
async function isOther(
  room: ReadingRoom,
  folder: string,
  file: ManifestFile,
  onMoved: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  const { byPath, bytes } = await hashesOf(room, joinRemote(folder, file.path), onMoved, signal);
  if (bytes !== file.bytes)
    throw new DbstashError(`the remote gave ${bytes} bytes of ${file.path} instead of ${file.bytes}`);
  const [hash] = byPath.values();
  if (hash === undefined) throw new DbstashError(`rclone told no SHA-256 of ${file.path}`);
  return hash !== file.sha256;
}
