import { Cron } from "croner";
import { DbstashError } from "../errors.ts";

/** When backups run: one run and out, or by a cron expression. */
export type Schedule = { readonly kind: "once" } | { readonly kind: "cron"; readonly expression: string };

/**
 * Reads `BACKUP_SCHEDULE`: `once` in any case, else a cron expression of croner's
 * (five fields, six with seconds, `@daily`, `L`).
 * @throws DbstashError for an expression croner does not take, or one that never comes due.
 */
export function parseSchedule(text: string): Schedule {
  if (text.toLowerCase() === "once") return { kind: "once" };
  let next: Date | null;
  try {
    next = new Cron(text, { paused: true }).nextRun();
  } catch {
    throw new DbstashError("must be a cron expression such as 0 2 * * *, or once");
  }
  // croner also takes a date, which is one point in time and no schedule.
  if (/^\d{4}-\d{2}-\d{2}/.test(text))
    throw new DbstashError("must be a cron expression such as 0 2 * * *, or once");
  if (next === null) throw new DbstashError("is a cron expression that never comes due");
  return { kind: "cron", expression: text };
}
