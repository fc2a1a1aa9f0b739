import type { Redact } from "../config/secret.ts";
import type { RemoteDoors } from "../job/backups.ts";

/** What a command found: for stdout, and the process's exit code. */
export interface Answer {
  readonly code: number;
  /** Whole lines. */
  readonly text: string;
}

/** The world as a command that looks at what is stored may touch it. */
export interface LookDoors extends RemoteDoors {
  readonly redact: Redact;
  readonly now: () => Date;
  /** Where locks lie. */
  readonly lockFolders: readonly string[];
  /** Aborted when somebody wants dbstash to stop. */
  readonly signal: AbortSignal;
}
