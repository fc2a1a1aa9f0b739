import { mkdirSync, writeFileSync } from "node:fs";
import type { Warn } from "../errors.ts";
import { Guard } from "./guard.ts";
import type { Libc } from "./libc.ts";
import { claimFolder } from "./run-folder.ts";

/** What children are started with: the guard over them, their environment, and a private folder. */
export interface Workshop {
  readonly guard: Guard;
  /** The environment children get before what each adds: dbstash's own settings are not in it. */
  readonly env: Readonly<Record<string, string>>;
  /** The mask of the rights of what tools make (`BACKUP_UMASK`). */
  readonly umask: number;
  /** A 0700 folder of this run; gone when the run, or dbstash, has ended. */
  readonly privateDir: string;
}

/** What a workshop is made of. */
export interface WorkshopDoors {
  readonly libc: Libc;
  readonly toolEnv: Readonly<Record<string, string>>;
  readonly tempRoot: string;
}

/**
 * Lends a workshop: its guard, its private folder and whatever was put there end with the loan.
 * `tmp` inside the folder is the temp folder of children: what they spool there holds the dump in clear.
 * @param umask the mask of the rights of what tools make
 * @param heldFds write ends of pipes that the guard holds besides us
 * @param warn told what could not be removed, and which children could not be ended
 * @throws DbstashError when there is no shell, or the temp folder can't be written to, and whatever `use` throws
 */
export async function withWorkshop<T>(
  { libc, toolEnv, tempRoot }: WorkshopDoors,
  umask: number,
  heldFds: readonly number[],
  warn: Warn,
  use: (workshop: Workshop) => Promise<T>,
): Promise<T> {
  const guard = Guard.start(libc, heldFds);
  try {
    const folder = claimFolder(libc, tempRoot, "dbstash-");
    try {
      guard.ownFolder(folder.path);
      mkdirSync(spoolDir(folder.path), { mode: 0o700 });
      return await use({ guard, env: toolEnv, umask, privateDir: folder.path });
    } finally {
      const left = folder.remove();
      if (left !== null) warn(left);
    }
  } finally {
    await guard.farewell();
    for (const sentence of guard.left) warn(sentence);
  }
}

/** The temp folder of children. */
export function spoolDir(privateDir: string): string {
  return `${privateDir}/tmp`;
}

/** Writes a file that only this user can read; never over an existing one. */
export function writePrivateFile(path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o600, flag: "wx" });
}
