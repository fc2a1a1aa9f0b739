import type { BackupMode } from "../kinds.ts";
import { directoryPipeline } from "./directory.ts";
import type { Pipeline } from "./pipeline.ts";
import { streamPipeline } from "./stream.ts";
import { tarPipeline } from "./tar.ts";

/** The pipeline of a mode. */
export function pipelineFor(mode: BackupMode): Pipeline {
  switch (mode) {
    case "stream":
      return streamPipeline;
    case "directory":
      return directoryPipeline;
    case "tar":
      return tarPipeline;
  }
}
