/** The five engines dbstash knows; each has its own executable. */
export const engineNames = ["pg", "mongo", "mysql", "mariadb", "redis"] as const;
export type EngineName = (typeof engineNames)[number];

/** How a dump travels: one stream, a folder of files, or a folder packed as one tar stream. */
export const backupModes = ["stream", "directory", "tar"] as const;
export type BackupMode = (typeof backupModes)[number];

/** How deep a stored backup is looked at: not at all, its size and end, or all of it. */
export type Verification = boolean | "full";

/** What `BACKUP_COMPRESS` asks for. `native` is the dump tool's own compression. */
export type Compression =
  | { readonly kind: "none" }
  | { readonly kind: "native" }
  | { readonly kind: "zstd" | "gzip"; readonly level: number | null };
