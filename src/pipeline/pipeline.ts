import type { Warn } from "../errors.ts";
import type { Job } from "../job/job.ts";
import type { Logger } from "../logger.ts";
import type { Libc } from "../process/libc.ts";
import type { HeldPipes } from "../process/pipe.ts";
import type { Workshop } from "../process/workshop.ts";
import type { Target } from "../remote/target.ts";
import type { StopSignals } from "./limits.ts";
import type { Site } from "./site.ts";
import type { Verdict } from "./verdict.ts";

/** One backup, as a pipeline gets it. */
export interface PipelineRun {
  readonly job: Job;
  readonly backupId: string;
  /** The backup's final name, with its extension, below the remote's path. */
  readonly name: string;
  readonly libc: Libc;
  readonly workshop: Workshop;
  readonly pipes: HeldPipes;
  /** Where it goes. */
  readonly sites: readonly [Site, ...Site[]];
  readonly signals: StopSignals;
  readonly log: Logger;
  /** Takes a warning of the run, such as that of something left behind. */
  readonly warn: Warn;
  /** Told where the backup goes as soon as that is known. */
  readonly onTarget: (target: Target) => void;
  /** Told how many bytes have moved so far. @param site to where; left out for those of the dump itself */
  readonly onBytes: (bytes: number, site?: Site) => void;
  /** Told when for now it can't be seen whether bytes move. */
  readonly onUnseen: () => void;
  /** Told when from here on no byte can be seen to move: the upload has ended, or goes on unseen. */
  readonly onLastByte: () => void;
}

/** A dump that lies on the remote and is no backup yet. One that is not published has to be discarded. */
export interface Uploaded {
  /** Reads it back. @throws the signal's reason when a limit ends it */
  verify(): Promise<Verdict>;
  /**
   * Makes a backup of it: from here on it stands under its final name.
   * @param bytes its size, as verified; null where it is not known
   * @throws DbstashError when it does not stand there
   */
  publish(bytes: number | null): Promise<void>;
  /** Removes it. Never throws: what may be left behind is a line of the log. @param cause why it is no backup */
  discard(cause: unknown): Promise<void>;
}

/** What lies in one place. */
export interface Delivery {
  readonly site: Site;
  readonly uploaded: Uploaded;
}

/** One way from a dump to the places. */
export interface Pipeline {
  /**
   * Dumps and uploads.
   * @returns what lies in the places that are not out
   * @throws DbstashError with the cause; then nothing of this run stands under a final name
   */
  execute(run: PipelineRun): Promise<readonly Delivery[]>;
}
