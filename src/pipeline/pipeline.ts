import type { Job } from "../job.ts";
import type { Logger } from "../logger.ts";
import type { Libc } from "../process/libc.ts";
import type { Workshop } from "../process/workshop.ts";
import type { Target } from "../remote/publish.ts";
import type { Rclone } from "../remote/rclone.ts";
import type { HeldPipes } from "./gate.ts";
import type { StopSignals } from "./limits.ts";
import type { Verdict } from "./verify.ts";

/** One run, as a pipeline gets it. */
export interface PipelineRun {
  readonly job: Job;
  readonly backupId: string;
  /** The backup's final name, with its extension, below the remote's path. */
  readonly name: string;
  readonly libc: Libc;
  readonly workshop: Workshop;
  readonly pipes: HeldPipes;
  readonly rclone: Rclone;
  readonly stop: StopSignals;
  readonly log: Logger;
  /** Told where the backup goes as soon as that is known. */
  readonly onTarget: (target: Target) => void;
  /** Told how many bytes have moved so far. */
  readonly onBytes: (bytes: number) => void;
  /** Told when from here on no byte can be seen to move: the upload has ended, or goes on unseen. */
  readonly onLastByte: () => void;
}

/** A backup that stands under its final name. */
export interface Stored {
  readonly bytes: number;
  readonly verdict: Exclude<Verdict, { outcome: "bad" }>;
}

/** One way from a dump to a stored backup. */
export interface Pipeline {
  /**
   * Dumps, stores, verifies and publishes.
   * @throws DbstashError with the cause; then nothing of this run stands under a final name
   */
  execute(run: PipelineRun): Promise<Stored>;
}
