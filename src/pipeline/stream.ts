import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "../engine/engine.ts";
import { findAuthorities } from "../process/ca-bundle.ts";
import type { Tail } from "../process/lines.ts";
import { largeWrites } from "./large-writes.ts";
import type { Pipeline, PipelineRun } from "./pipeline.ts";
import { firstProblem, judged, runInspection, runProbes } from "./probe.ts";
import { Remarks } from "./remarks.ts";
import { signsOf } from "./signs.ts";
import { engineStage, heardBy, type Stage } from "./stage.ts";
import { storeStream } from "./store.ts";

/** How long a dump's messages may trail its first byte. */
const filterWaitMs = 1_000;

/** Stream mode: dump → (the engine's own filter →) (compressor →) (age →) `rclone rcat`. */
export const streamPipeline: Pipeline = {
  async execute(run) {
    const { engine, request, filters } = run.job;
    const { privateDir, env } = run.workshop;
    const paths = { privateDir, outputDir: null, ...findAuthorities(env) };
    const remarks = new Remarks(engine.remarks);
    const signs = signsOf(engine, request);
    const stage = (command: Command) => engineStage(run, command);
    // Found before anything starts: a missing compressor must not cost a dump.
    const filterStages = filters.commands(paths).map(stage);
    const facts = await runProbes(run, paths);
    const ended = new AbortController();
    const inspection = runInspection(run, paths, facts, AbortSignal.any([run.signals.stop, ended.signal]));
    try {
      return await storeStream(run, {
        producer: [remarks, signs].reduce(
          (producer, ear) => heardBy(ear, producer),
          writingLarge(stage(engine.dumpCommand(request, paths, facts))),
        ),
        filters: async (messages) => [...(await streamFilter(run, messages)).map(stage), ...filterStages],
        // A dump that exited 0 may still tell that it is not what was asked for.
        refusal: () => firstProblem(judged(engine, remarks), run) ?? signs.missing(),
        isServerImpatient: engine.dropsSlowReaders,
        announcedBytes: (messages) =>
          filterStages.length === 0 ? engine.announcedBytes(messages.toString()) : null,
      });
    } catch (error) {
      ended.abort(error);
      throw error;
    } finally {
      await inspection;
    }
  },
};

function writingLarge({ request, ...stage }: Stage): Stage {
  return { ...stage, request: { ...request, env: { ...request.env, ...largeWrites(request.env) } } };
}

/** What the engine puts between dump and compressor, as soon as the dump's messages tell. */
async function streamFilter({ job, signals }: PipelineRun, messages: Tail): Promise<Command[]> {
  const deadline = performance.now() + filterWaitMs;
  let filter = job.engine.streamFilter(messages.toString());
  while (filter === undefined && performance.now() < deadline) {
    signals.stop.throwIfAborted();
    await delay(5);
    filter = job.engine.streamFilter(messages.toString());
  }
  return filter === undefined || filter === null ? [] : [filter];
}
