import { mkdirSync, writeFileSync } from "node:fs";
import { claimFolder, type RunFolder } from "./folders.ts";
import type { Guard } from "./guard.ts";
import type { Libc } from "./libc.ts";

/** What children are started with: the guard over them, their environment, and a private folder. */
export interface Workshop {
  readonly guard: Guard;
  /** The environment children get before what each adds: dbstash's own settings are not in it. */
  readonly env: Readonly<Record<string, string>>;
  /** A 0700 folder of this run; gone when the run, or dbstash, has ended. */
  readonly privateDir: string;
  /** Ends the guard and removes the folder. */
  close(): Promise<void>;
}

/**
 * Makes the private folder below the temp folder and hands it to the guard.
 * `tmp` inside it is the temp folder of children: what they spool there holds the dump in clear.
 * @throws DbstashError when the temp folder can't be written to
 */
export function openWorkshop(
  libc: Libc,
  guard: Guard,
  env: Readonly<Record<string, string>>,
  tempRoot: string,
): Workshop {
  const folder: RunFolder = claimFolder(libc, tempRoot, "dbstash-");
  guard.ownFolder(folder.path);
  mkdirSync(spoolDir(folder.path), { mode: 0o700 });
  return {
    guard,
    env,
    privateDir: folder.path,
    async close() {
      try {
        folder.remove();
      } finally {
        await guard.farewell();
      }
    },
  };
}

/** The temp folder of children. */
export function spoolDir(privateDir: string): string {
  return `${privateDir}/tmp`;
}

/** Writes a file that only this user can read; never over an existing one. */
export function writePrivateFile(path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o600, flag: "wx" });
}
