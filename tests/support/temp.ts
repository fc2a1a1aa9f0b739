import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isReachableByAll } from "../../scripts/setup/cache.ts";

/** A folder that lives as long as the test that made it. */
export interface TempFolder extends Disposable {
  readonly path: string;
  /** The path of a file in it. */
  file(name: string): string;
  /** Removes it with everything in it; once is enough, twice does no harm. */
  remove(): void;
}

/** The user servers run as when the tests run as root: many refuse to run as root. */
export const nobody = { uid: 65534, gid: 65534 };

/** Makes a fresh folder below the system's temporary one; the next test process removes those of a killed one. */
export function tempFolder(label = "test"): TempFolder {
  const base = baseFolder();
  removeLeftovers(base);
  const path = mkdtempSync(join(base, `${prefix}${process.pid}-${label}-`));
  return {
    path,
    file: (name) => join(path, name),
    remove: () => removeAll(path),
    [Symbol.dispose]: () => removeAll(path),
  };
}

/**
 * The guard of a killed run may remove files at the same moment, which then are gone under our hands: that ends the
 * removal before its end, with or without an error.
 */
function removeAll(path: string): void {
  for (let triesLeft = 5; ; triesLeft--) {
    try {
      rmSync(path, { recursive: true, force: true });
      if (!existsSync(path)) return;
    } catch (error) {
      if (triesLeft === 0) throw error;
    }
    if (triesLeft === 0) throw new Error(`${path} can't be removed`);
  }
}

/** The same, owned by the user servers run as. */
export function serverFolder(label: string): TempFolder {
  const folder = tempFolder(label);
  if (process.getuid?.() === 0) chownSync(folder.path, nobody.uid, nobody.gid);
  return folder;
}

const prefix = "dbstash-test-";

/** Root's TMPDIR may be closed to the user servers run as. */
function baseFolder(): string {
  return process.getuid?.() === 0 && !isReachableByAll(tmpdir()) ? "/tmp" : tmpdir();
}

/** A folder's name holds the process that made it: where that process is gone, nobody else will remove the folder. */
function removeLeftovers(base: string): void {
  for (const name of readdirSync(base).filter((entry) => entry.startsWith(prefix))) {
    const pid = /^\d+/.exec(name.slice(prefix.length))?.[0];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      removeAll(join(base, name));
    } catch {
      // Its last processes still write, or another suite removes it at the same moment: the next folder's turn.
    }
  }
}
