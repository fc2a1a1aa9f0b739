import {
  closeSync,
  fchmodSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { DbstashError, type Problem, toProblem } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { oldMetrics, withOld } from "./carried.ts";
import { metrics } from "./metrics.ts";
import type { HealthState } from "./monitor.ts";

/** Whoever runs node_exporter reads it. */
const readableByAll = 0o644;

/** More than a thousand databases in six places take. */
const longestBytes = 16 * 1024 * 1024;

/** A file of metrics for node_exporter's textfile collector. */
export interface MetricsFile {
  /** Ends in `.prom`. */
  readonly path: string;
  /** Whether each run is a process of its own. */
  readonly isOnce: boolean;
}

/**
 * Writes what is known into the file, whole or not at all. Never fails: what can't be written costs a warning, and no
 * exit code.
 */
export function writeMetricsFile(
  { path, isOnce }: MetricsFile,
  state: HealthState,
  log: Pick<Logger, "warn" | "debug">,
): void {
  try {
    const old = oldMetrics(readOld(path), state);
    if (old.kind !== "ours") throw notOurs(old.kind);
    // The run has ended but for telling of it.
    const known = { ...withOld(state, old.samples, isOnce), running: false };
    replace(path, metrics(known));
    log.debug("metrics written", { file: path });
  } catch (error) {
    const { hint, ...problem } = problemOf(error, path);
    log.warn("METRICS_FILE (--metrics-file) could not be written", {
      file: path,
      error: problem,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** @throws whatever keeps it from being read but that there is none */
function readOld(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "";
  if (!found.isFile() || found.size > longestBytes) throw notOurs("another program's");
  return readFileSync(path, "utf8");
}

/** node_exporter reads every `.prom` at any moment: what is half written has another name. */
function replace(path: string, text: string): void {
  const unfinished = `${path}.${crypto.randomUUID()}.tmp`;
  const fd = openSync(unfinished, "wx", readableByAll);
  try {
    try {
      fchmodSync(fd, readableByAll);
      writeFileSync(fd, text);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

function notOurs(whose: "another job's" | "another program's"): DbstashError {
  return new DbstashError(
    `the file that stands there is ${whose}`,
    "give each job a file of its own; one of a job that is no more can be removed",
  );
}

function problemOf(thrown: unknown, path: string): Problem {
  const { code } = thrown as { readonly code?: string };
  const folder = dirname(path);
  switch (code) {
    case "ENOENT":
      return {
        message: `${folder} is not there`,
        hint: "name a file in the folder that node_exporter's --collector.textfile.directory names",
      };
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return {
        message: `${folder} can't be written to (${code})`,
        hint: "let the user that runs dbstash write there; a unit of systemd needs ReadWritePaths= for it",
      };
    default:
      return toProblem(thrown);
  }
}
