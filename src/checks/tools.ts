import type { Command } from "../engine/engine.ts";
import { toProblem } from "../errors.ts";
import type { Job } from "../job/job.ts";
import { exampleOf } from "../job/several.ts";
import { requireTee } from "../pipeline/tee.ts";
import { runInquiry } from "../pipeline/probe.ts";
import { findAuthorities } from "../process/ca-bundle.ts";
import { findTool } from "../process/spawn.ts";
import type { Workshop } from "../process/workshop.ts";
import { attempt } from "./attempt.ts";
import { bad, type CheckLine, open, well } from "./line.ts";

/** What a run starts, or `check` alone asks with. */
interface Tool {
  /** Names to look for, as `Command.tools`. */
  readonly names: readonly string[];
  /** What a run comes to without it. */
  readonly without: "failed" | "incomplete" | "open";
}

/** The programs of a job, each once: the dump tool first. */
export function toolsOf(job: Job): readonly Tool[] {
  const { engine, request, filters, places, settings } = exampleOf(job);
  const paths = { privateDir: "", outputDir: null, ...findAuthorities({}) };
  const needed = [
    engine.dumpCommand(request, paths),
    // pg_dumpall starts the other one for each database.
    ...(engine.name === "pg" && request.database === null ? [{ tools: ["pg_dump"] }] : []),
    ...filters.commands(paths),
    ...(needsTee(request, places) ? [{ tools: ["tee"] }] : []),
    { tools: ["rclone"] },
  ];
  const { unpackers = [], reader = null } = filters.layers ?? {};
  const reading =
    settings.backupVerify === "full" ? [...unpackers, ...(reader === null ? [] : [reader])] : [];
  const asking: Pick<Command, "tools">[] = engine
    .questions(request, paths, { facts: {}, toolVersion: "" })
    .map(({ command }) => command);
  const tools = [
    ...needed.map(({ tools: names }) => ({ names, without: "failed" as const })),
    ...reading.map(({ tools: names, isOptional }) => ({
      names,
      without: isOptional ? ("open" as const) : ("incomplete" as const),
    })),
    ...asking.map(({ tools: names }) => ({ names, without: "open" as const })),
  ];
  return tools.filter(
    ({ names }, index) => tools.findIndex((other) => other.names.join() === names.join()) === index,
  );
}

/** What of the pipe's filters is missing on PATH. */
export function missingFilters({ filters }: Job, path: string | undefined): CheckLine[] {
  return missingOf(
    filters.commands({ privateDir: "" }).map(({ tools: names }) => ({ names, without: "failed" as const })),
    path,
  );
}

function needsTee({ mode }: Job["request"], places: Job["places"]): boolean {
  return places.length > 1 && mode !== "directory";
}

/** What is missing on PATH; nothing is started. */
export function missingTools(job: Job, path: string | undefined): CheckLine[] {
  return missingOf(toolsOf(job), path);
}

function missingOf(tools: readonly Tool[], path: string | undefined): CheckLine[] {
  return tools.flatMap(({ names, without }) => {
    try {
      findTool(names, path);
      return [];
    } catch (error) {
      const problem = toProblem(error);
      return [without === "open" ? open("tools", problem) : bad("tools", problem, without)];
    }
  });
}

/** What the first of these tools says of its version; null where none is on PATH, empty where it says nothing. */
export async function versionOf(
  names: readonly string[],
  workshop: Workshop,
  signal: AbortSignal,
): Promise<string> {
  const command = { tools: names, args: ["--version"], env: {}, files: [] };
  const inquiry = { title: "a tool's version", command, readsFile: null };
  const { exitCode, stdout } = await runInquiry(
    { workshop, log: { debug: () => undefined } },
    inquiry,
    signal,
  );
  return exitCode === 0
    ? (stdout
        .split("\n")
        .find((line) => line.trim() !== "")
        ?.trim() ?? "")
    : "";
}

/** Where each tool is and what it says of its version. */
export async function lookAtTools(job: Job, workshop: Workshop, signal: AbortSignal): Promise<CheckLine[]> {
  const path = workshop.env["PATH"];
  const lines = missingTools(job, path);
  for (const { names } of toolsOf(job)) {
    if (!names.some((name) => Bun.which(name, path === undefined ? {} : { PATH: path }) !== null)) continue;
    const file = findTool(names, path);
    const version = await versionOf(names, workshop, signal);
    lines.push(well("tools", version === "" ? file : `${version} (${file})`));
    if (names.join() !== "tee") continue;
    const tried = await attempt(signal, (either) => requireTee(workshop, either));
    if (tried.kind === "failed") lines.push(bad("tools", tried.problem));
  }
  return lines;
}
