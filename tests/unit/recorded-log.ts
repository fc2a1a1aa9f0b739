import { createLogger, type Logger } from "../../src/logger.ts";

/** A line of the log, parsed. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

/** A logger of every level, and the lines it has written so far. */
export function recordedLog(): { readonly log: Logger; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const log = createLogger({
    level: "debug",
    format: "json",
    fields: {},
    redact: (text) => text,
    now: () => new Date(0),
    colour: false,
    write: (line) => {
      const { time: _, ...rest } = JSON.parse(line) as LogLine;
      lines.push(rest as LogLine);
    },
  });
  return { log, lines };
}
