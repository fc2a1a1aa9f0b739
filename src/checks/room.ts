import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { humanBytes } from "../human.ts";
import { bad, type CheckLine, untried, well } from "./line.ts";

/** What is free for us where a folder is, or will be; null where nobody can tell. */
export function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(existing(folder));
    return bavail * bsize;
  } catch {
    return null;
  }
}

function existing(folder: string): string {
  return existsSync(folder) || folder === dirname(folder) ? folder : existing(dirname(folder));
}

/** Where a whole dump or backup has to fit: what is free, and how large the last backup was; null for what is not known. */
export interface Room {
  readonly topic: string;
  /** What goes there: `BACKUP_TEMP_DIR holds the dump in /tmp`. */
  readonly what: string;
  readonly free: number | null;
  readonly lastBytes: number | null;
  /** Where else it could go. */
  readonly hint: string;
}

/** Whether there is room for a backup as large as the last one. */
export function lineOfRoom({ topic, what, free, lastBytes, hint }: Room): CheckLine {
  if (free === null) return untried(topic, `${what}; how much is free there is not known`);
  const has = `${what}, with ${humanBytes(free)} free`;
  if (lastBytes === null || lastBytes < 0)
    return untried(topic, `${has}; whether a backup has room there is not known`);
  const needed = `the last backup had ${humanBytes(lastBytes)}`;
  if (lastBytes <= free) return well(topic, `${has}; ${needed}`);
  return bad(topic, { message: `${has}, but ${needed}`, hint });
}
