import { rmSync } from "node:fs";
import type { Command, Engine } from "../engine/engine.ts";
import type { Tail } from "../process/lines.ts";
import { type Child, findTool, type SpawnRequest } from "../process/spawn.ts";
import { type Workshop, writePrivateFile } from "../process/workshop.ts";
import type { PipelineRun } from "./pipeline.ts";

/** One process of the chain. */
export interface Stage {
  /** As errors name it: `pg_dump`. */
  readonly title: string;
  readonly request: Omit<SpawnRequest, "stdin" | "stdout" | "role">;
  /** Advice on its last words. */
  readonly hint: (words: string) => string | null;
}

/** The upload: started with the read end of the gate, once there is something to upload and a place for it. */
export interface Sink {
  readonly title: string;
  readonly child: Child;
  readonly messages: Tail;
  readonly hint: (words: string) => string | null;
}

/** A process before the upload, at work. */
export interface Running {
  readonly stage: Stage;
  readonly child: Child;
}

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
    request: {
      file,
      args: command.args,
      env: { ...workshop.env, ...command.env },
      umask: workshop.umask,
      onStderrLine: onLine,
    },
    hint,
  };
}

/** The same stage, whose messages are looked through for what has to be judged. */
export function heardBy(ear: { add(line: string): void }, { request, ...stage }: Stage): Stage {
  const { onStderrLine } = request;
  return {
    ...stage,
    request: {
      ...request,
      onStderrLine: (line) => {
        ear.add(line);
        onStderrLine?.(line);
      },
    },
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
