import type { NameContext, NameTemplate } from "../catalog/naming.ts";
import { jobMark } from "../catalog/staged.ts";

/**
 * The two names of the file that `check` writes, and that it renames it to: one for each job, always the same, so that
 * where nothing may be removed it is written over the next time. They have no extension and no id, so that nothing takes
 * them for a backup or for what a run has left.
 */
export function probeNames(
  template: NameTemplate,
  naming: NameContext,
): { readonly written: string; readonly renamed: string } {
  const written = `.dbstash-check-${jobMark(template, naming)}`;
  return { written, renamed: `${written}-renamed` };
}
