import * as v from "valibot";
import type { ListingEntry } from "../catalog/catalog.ts";

/** One line of rclone's log. */
export type RcloneLine =
  | {
      readonly kind: "stats";
      readonly bytes: number;
      /** rclone before 1.68, which may count bytes twice. */
      readonly mayCountTwice: boolean;
    }
  | { readonly kind: "message"; readonly level: string; readonly text: string }
  /** More of the message before it. */
  | { readonly kind: "continuation"; readonly text: string };

const logLine = v.object({
  level: v.string(),
  msg: v.string(),
  object: v.optional(v.string()),
  stats: v.optional(v.object({ bytes: v.number() })),
});

/**
 * Reads a line of rclone's stderr: JSON with `--use-json-log`, but plain text before the log is set up and,
 * until rclone 1.68, for the last words.
 */
export function parseRcloneLine(line: string): RcloneLine {
  const parsed = line.startsWith("{") ? v.safeParse(v.pipe(v.string(), v.parseJson(), logLine), line) : null;
  if (parsed?.success !== true) {
    const text = line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, "");
    if (/^(\t|caused by: |[0-9a-f]{8}  )/.test(line)) return { kind: "continuation", text: tidy(text) };
    return { kind: "message", level: "error", text: tidy(text) };
  }
  const { level, msg, object, stats } = parsed.output;
  // The notice level was written as a warning until the log moved to another library.
  if (stats !== undefined) return { kind: "stats", bytes: stats.bytes, mayCountTwice: level === "warning" };
  return {
    kind: "message",
    level,
    text: object === undefined || object === "" ? tidy(msg) : `${object}: ${tidy(msg)}`,
  };
}

/** A line of a dump in hex, in which an old rclone shows an answer that it can't read. */
const hexLine = /^\t?[0-9a-f]{8}(  [0-9a-f]{2}| [0-9a-f]{2}).*$/gm;

/** On one line, and without the numbers that only the service's own staff can use. */
function tidy(text: string): string {
  return text
    .replace(hexLine, "")
    .replace(/,? request id: [^,\s]*(, host id:[^\S\n]*\S*)?/gi, "")
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .replace(/(https response error |exceeded maximum number of attempts, \d+, )/g, "")
    .replace(/RequestID: [^,]*, HostID: [^,]*, /g, "");
}

const listing = v.pipe(
  v.string(),
  v.parseJson(),
  v.array(
    v.object({ Path: v.string(), Size: v.number(), ModTime: v.optional(v.string(), ""), IsDir: v.boolean() }),
  ),
);

/** Reads what `rclone lsjson` prints. @throws ValiError for anything else */
export function parseListing(text: string): ListingEntry[] {
  return v.parse(listing, text).map(({ Path, Size, ModTime, IsDir }) => ({
    path: Path,
    bytes: Size,
    isFolder: IsDir,
    modTimeMs: ModTime === "" ? null : Date.parse(ModTime),
  }));
}

const stat = v.pipe(
  v.string(),
  v.parseJson(),
  v.nullable(v.object({ Size: v.number(), IsDir: v.boolean() })),
);

/** Reads what `rclone lsjson --stat --files-only` prints: the size in bytes, null for no such file. */
export function parseStat(text: string): number | null {
  const entry = v.parse(stat, text);
  return entry === null || entry.IsDir ? null : entry.Size;
}
