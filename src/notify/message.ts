import { exitCodes } from "../errors.ts";
import { humanBytes, humanDuration } from "../human.ts";
import type { BackupResult } from "../result.ts";

/** How a run ended, as far as a reader of notifications cares. */
export type Ending = "success" | "warning" | "failure";

/** One label and its value; short ones may stand side by side. */
interface MessageField {
  readonly label: string;
  readonly value: string;
  readonly short: boolean;
}

/** What a notification says, before a platform gives it a shape. Plain text, without markup. */
export interface Notification {
  readonly ending: Ending;
  /** One line with the status sign. */
  readonly title: string;
  readonly fields: readonly MessageField[];
  /** The cause of a failure and what to do about it; may have several lines. */
  readonly error: string | null;
  readonly finishedAt: Date;
}

const signs = {
  success: ["✅", "stored"],
  warning: ["⚠️", "stored, with warnings"],
  failure: ["❌", "failed"],
} as const satisfies Record<Ending, readonly [sign: string, verb: string]>;

/** How a result is to be shown: a stored backup with a failed later step is neither a success nor a failure. */
export function endingOf(result: BackupResult): Ending {
  if (result.status === "failure") return "failure";
  return result.exitCode === exitCodes.incomplete.code || result.warnings.length > 0 ? "warning" : "success";
}

/** The message about a run; `host` is the machine it ran on, null where that has no name. */
export function notificationOf(result: BackupResult, host: string | null): Notification {
  const ending = endingOf(result);
  const [sign, verb] = signs[ending];
  const finishedAt = new Date(result.startedAt.getTime() + result.durationMs);
  const fields: MessageField[] = [
    { label: "Engine", value: result.engine, short: true },
    { label: "Database", value: result.database, short: true },
  ];
  if (host !== null) fields.push({ label: "Host", value: host, short: true });
  if (result.bytes !== null) fields.push({ label: "Size", value: humanBytes(result.bytes), short: true });
  fields.push(
    { label: "Duration", value: humanDuration(result.durationMs), short: true },
    { label: "Finished", value: `${finishedAt.toISOString().slice(0, 19)}Z`, short: true },
    { label: "Remote path", value: result.remotePath, short: false },
  );
  if (result.warnings.length > 0) {
    fields.push({ label: "Warnings", value: result.warnings.join("\n"), short: false });
  }
  fields.push({ label: "Backup id", value: result.backupId, short: false });
  const { error } = result;
  const lines =
    error === null ? [] : [error.message, ...(error.hint === undefined ? [] : [`hint: ${error.hint}`])];
  return {
    ending,
    title: `${sign} backup of ${result.database} (${result.engine}) ${verb}`,
    fields: fields.filter((field) => field.value !== ""),
    error: lines.length === 0 ? null : lines.join("\n"),
    finishedAt,
  };
}

/** At most `max` UTF-16 units of a text, marked where it was cut; never half a character. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
