import type { Advice } from "../errors.ts";

/** Known causes that are no engine's own; behind those of the engine. */
export const commonAdvice: readonly Advice[] = [
  [
    /read-only file system|errcode: 30\b/i,
    "BACKUP_TEMP_DIR (--backup-temp-dir), and TMPDIR, must lie on a file system that can be written to; a container that is read-only needs a volume or tmpfs there",
  ],
];
