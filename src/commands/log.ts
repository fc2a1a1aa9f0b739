import { writeRfc3339, zoneOffsets } from "../catalog/local-time.ts";
import type { Redact } from "../config/secret.ts";
import type { Settings } from "../config/options.ts";
import type { Job } from "../job/job.ts";
import { createLogger, type Logger, type LoggerOptions } from "../logger.ts";
import type { Output } from "../output.ts";
import { loggedProgress, type Progress, terminalProgress } from "../run/progress.ts";

/** Where a log goes, and what it is written by. */
export interface LogParts {
  readonly out: Output;
  readonly err: Output;
  readonly isTerminal: (fd: number) => boolean;
  readonly mayColour: boolean;
  readonly redact: Redact;
  readonly now: () => Date;
}

/** A log, and the progress of a run beside it. */
export interface OpenLog {
  readonly log: Logger;
  readonly progress: Progress;
}

/** Opens the log of a job on standard output, and the progress on a terminal's standard error, or in the log. */
export function openLog({ engine, naming, settings }: Job, parts: LogParts): OpenLog {
  const { out, err, isTerminal, mayColour, redact, now } = parts;
  const nowMs = (): number => performance.now();
  const onTerminal = isTerminal(2) ? terminalProgress((text) => err.write(text), nowMs) : null;
  const offsetAt = zoneOffsets(settings.tz);
  const loggerTo = (write: (line: string) => void): Logger =>
    createLogger({
      level: settings.logLevel,
      format: formatOf(settings.logFormat, isTerminal(1)),
      fields: { engine: engine.name, database: naming.database },
      redact,
      now,
      localTime: (at) => writeRfc3339(at.getTime(), offsetAt),
      write,
      colour: isTerminal(1) && mayColour,
    });
  out.onDropped((lines) => {
    let note = "";
    loggerTo((line) => {
      note = `${line}\n`;
    }).warn("log lines were left out, since nobody read them in time", { lines });
    return note;
  });
  const log = loggerTo((line) => {
    onTerminal?.clear();
    out.write(`${line}\n`);
  });
  const logged = loggedProgress((text) => log.debug("progress", { moved: text }), nowMs);
  return { log, progress: onTerminal ?? logged };
}

/** How a log is written: on a terminal a line of text is short, elsewhere it keeps everything. */
export function formatOf(wanted: Settings["logFormat"], isTerminal: boolean): LoggerOptions["format"] {
  if (wanted === "json") return "json";
  if (isTerminal) return "short";
  return wanted === "text" ? "text" : "json";
}
