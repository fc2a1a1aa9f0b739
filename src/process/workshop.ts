import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Guard } from "./guard.ts";

/** What children are started with: the guard over them, their environment, and a private folder. */
export interface Workshop {
  readonly guard: Guard;
  /** The environment children get before what each adds: dbstash's own settings are not in it. */
  readonly env: Readonly<Record<string, string>>;
  /** A 0700 folder of this run; gone when the run, or dbstash, has ended. */
  readonly privateDir: string;
}

/**
 * Makes the private folder below the temp folder and hands it to the guard.
 * `tmp` inside it is the temp folder of children: what they spool there holds the dump in clear.
 */
export function openWorkshop(
  guard: Guard,
  env: Readonly<Record<string, string>>,
  tempRoot: string,
): Workshop {
  const privateDir = mkdtempSync(`${tempRoot}/dbstash-`);
  guard.ownFolder(privateDir);
  mkdirSync(spoolDir(privateDir), { mode: 0o700 });
  return { guard, env, privateDir };
}

/** The temp folder of children. */
export function spoolDir(privateDir: string): string {
  return `${privateDir}/tmp`;
}

/** Removes the private folder and sends the guard home. */
export async function closeWorkshop(workshop: Workshop): Promise<void> {
  rmSync(workshop.privateDir, { recursive: true, force: true });
  await workshop.guard.farewell();
}

/** Writes a file that only this user can read; never over an existing one. */
export function writePrivateFile(path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o600, flag: "wx" });
}
