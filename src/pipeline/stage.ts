import { rmSync } from "node:fs";
import type { Command, Engine } from "../engine/engine.ts";
import type { Compression } from "../result.ts";
import { findTool } from "../process/spawn.ts";
import { type Workshop, writePrivateFile } from "../process/workshop.ts";
import type { Stage } from "./gate.ts";
import type { PipelineRun } from "./pipeline.ts";

/**
 * A command made ready to start: its private files are written, its tool is found.
 * @throws DbstashError when the tool is not on PATH
 */
export function commandStage(
  command: Command,
  workshop: Workshop,
  hint: Engine["hint"],
  onLine: (line: string) => void,
): Stage {
  const file = findTool(command.tools, workshop.env["PATH"]);
  for (const { path, content } of command.files) {
    rmSync(path, { force: true });
    writePrivateFile(path, content.reveal());
  }
  return {
    title: file.slice(file.lastIndexOf("/") + 1),
    request: { file, args: command.args, env: { ...workshop.env, ...command.env }, onStderrLine: onLine },
    hint,
  };
}

/** A command of the run's engine, made ready to start: its messages go to the log, its last words get the engine's advice. */
export function engineStage({ job, workshop, log }: PipelineRun, command: Command): Stage {
  return commandStage(
    command,
    workshop,
    (words) => job.engine.hint(words),
    (line) => log.debug("message of a tool", { output: line }),
  );
}

/** The compressor that `BACKUP_COMPRESS` asks for in the pipe; null for none. */
export function compressorCommand(compression: Compression): Command | null {
  if (compression.kind !== "zstd" && compression.kind !== "gzip") return null;
  const level = compression.level === null ? [] : [`-${compression.level}`];
  // All cores for zstd: the dump's own single thread stays the slower one.
  const args = compression.kind === "zstd" ? ["-q", "-c", "-T0", ...level] : ["-q", "-c", ...level];
  return { tools: [compression.kind], args, env: {}, files: [] };
}
