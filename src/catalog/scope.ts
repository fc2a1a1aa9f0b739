import type { EngineName } from "../kinds.ts";
import { type NameIdentity, type NameTemplate, subjectText, type TemplatePart } from "./naming.ts";

/** A backup is one file, or in directory mode one folder. */
export type BackupKind = "file" | "folder";

/** What has to be listed to see every backup of a job. */
export interface ListingScope {
  /** The deepest folder that all of them share, below the remote's path; empty for that path itself. */
  readonly folder: string;
  readonly recursive: boolean;
  /** Levels to list, as rclone's `--max-depth` counts them: 1 is the folder alone. */
  readonly depth: number;
  /** False when the names tell the time: on S3 modification times cost one request per file. */
  readonly needsModTimes: boolean;
}

/** Whose names are looked for: one subject's, or those of every database of an engine. */
export type Wanted = NameIdentity | { readonly engine: EngineName; readonly database: null };

/** Says where to look for the backups of a template. */
export function listingScope(
  template: NameTemplate,
  job: Wanted & { readonly kind: BackupKind },
): ListingScope {
  const folders = template.segments.slice(0, -1);
  const changing = folders.findIndex((segment) => segment.some((part) => fixedText(part, job) === null));
  const fixed = changing === -1 ? folders : folders.slice(0, changing);
  const depth = template.segments.length - fixed.length + (job.kind === "folder" ? 1 : 0);
  return {
    folder: fixed.map((segment) => segment.map((part) => fixedText(part, job)).join("")).join("/"),
    recursive: depth > 1,
    depth,
    needsModTimes: !template.hasTime,
  };
}

/**
 * Patterns, as rclone's `--include` takes them, of all that a listing of `listingScope(…).folder` must show: names of
 * the job with any ending, what is staged for them, and what lies in folders of that name. A folder full of other
 * things is then listed without them.
 */
export function listingPatterns(template: NameTemplate, job: Wanted): string[] {
  const { folder } = listingScope(template, { ...job, kind: "file" });
  return patternsOf(template, job, folder === "" ? 0 : folder.split("/").length);
}

/** The same for the very folder that a backup's name stands in. */
export function leafPatterns(template: NameTemplate, job: Wanted): string[] {
  return patternsOf(template, job, template.segments.length - 1);
}

function patternsOf(template: NameTemplate, job: Wanted, skipped: number): string[] {
  const glob = (part: TemplatePart): string => {
    const text = fixedText(part, job);
    return text === null ? "*" : globLiteral(text);
  };
  const globs = template.segments.slice(skipped).map((segment) => segment.map(glob).join(""));
  const [leaf = "*"] = globs.slice(-1);
  const above = globs
    .slice(0, -1)
    .map((glob) => `${glob}/`)
    .join("");
  // A staged name may be cut anywhere.
  return [`/${above}${leaf}*`, `/${above}.*.partial`, `/${above}${leaf}*/**`];
}

/** A text as rclone's patterns take it literally (rclone's docs, "Filtering"). */
export function globLiteral(text: string): string {
  return text.replace(/[\\*?[\]{}]/g, "\\$&");
}

/** What a job's names are like, with `…` for what changes from one to the next: `shop-….sql`. */
export function nameExample(template: NameTemplate, job: Wanted & { readonly extension: string }): string {
  const text = (part: TemplatePart): string => fixedText(part, job) ?? "…";
  const stem = template.segments.map((segment) => segment.map(text).join("")).join("/");
  return stem + job.extension;
}

/** What all of a job's names have for a part of the template; null where that differs from one to the next. */
function fixedText(part: TemplatePart, job: Wanted): string | null {
  if ("literal" in part) return part.literal;
  if (part.token === "engine") return job.engine;
  return part.token === "db" && job.database !== null ? subjectText(job) : null;
}
