import { basename, dirname } from "node:path/posix";
import type { Command } from "../engine/engine.ts";
import { withFilledFolder } from "./dump-folder.ts";
import type { Pipeline, PipelineRun } from "./pipeline.ts";
import { commandStage, type Stage } from "./stage.ts";
import { storeStream } from "./store.ts";
import { findTargets } from "./target.ts";

/** Tar mode: dump into a folder → `tar` → (compressor →) (age →) `rclone rcat`. */
export const tarPipeline: Pipeline = {
  async execute(run) {
    const stage = (command: Command): Stage =>
      commandStage(
        command,
        run.workshop,
        () => null,
        (line) => run.log.debug("message of a tool", { output: line }),
      );
    // Found before anything starts: a missing tool must not cost a dump.
    const filterStages = run.job.filters.commands(run.workshop).map(stage);
    stage(tarCommand("/", "."));
    return withFilledFolder(
      run,
      // A taken name is found out while the dump runs, not after it.
      (signal) => findTargets(run, signal),
      async (folder, targets) => {
        const path = folder.rename(folderName(run));
        const source = {
          producer: stage(tarCommand(dirname(path), basename(path))),
          filters: async () => filterStages,
          refusal: () => null,
          announcedBytes: () => null,
          isServerImpatient: false,
        };
        return storeStream(run, source, targets);
      },
    );
  },
};

/** The folder inside the archive has the backup's name: unpacking two of them must not mix their files. */
function folderName({ name, job }: PipelineRun): string {
  const leaf = basename(name);
  const { extension } = job.naming;
  const stem = extension !== "" && leaf.endsWith(extension) ? leaf.slice(0, -extension.length) : leaf;
  return stem === "" || /^\.+$/.test(stem) ? "dump" : stem;
}

function tarCommand(parent: string, name: string): Command {
  return { tools: ["tar"], args: ["-C", parent, "-cf", "-", "--", name], env: {}, files: [] };
}
