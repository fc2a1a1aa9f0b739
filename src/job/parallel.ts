import type { Settings } from "../config/options.ts";

/** How many backups of a job are made at once. */
export function parallelOf({ backupDatabases, backupParallel }: Settings): number {
  return backupDatabases === null ? 1 : backupParallel;
}
