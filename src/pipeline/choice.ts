import type { BackupMode } from "../result.ts";
import type { Pipeline } from "./pipeline.ts";
import { streamPipeline } from "./stream.ts";

/** The pipeline of a mode. */
export function pipelineFor(mode: BackupMode): Pipeline {
  switch (mode) {
    case "stream":
      return streamPipeline;
    case "directory":
    case "tar":
      throw new Error("todo");
  }
}
