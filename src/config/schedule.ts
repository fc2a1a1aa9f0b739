import { Cron } from "croner";
import { DbstashError } from "../errors.ts";
import { quoted } from "./quoted.ts";

/** When backups run: one run and out, or by a cron expression. */
export type Schedule = { readonly kind: "once" } | { readonly kind: "cron"; readonly expression: string };

const must = "must be a cron expression such as 0 2 * * *, or once";

/** The fields of a cron expression of five; one of six begins with seconds, one of seven ends with a year. */
const fields = [
  { name: "minute", values: "0 to 59" },
  { name: "hour", values: "0 to 23" },
  { name: "day of the month", values: "1 to 31, or L for the last" },
  { name: "month", values: "1 to 12, or JAN to DEC" },
  { name: "day of the week", values: "0 to 7 (0 and 7 are Sunday), or SUN to SAT" },
] as const;
const second = { name: "second", values: "0 to 59" };
const year = { name: "year", values: "1 to 9999" };
const order = "minute hour day month weekday";

/**
 * Reads `BACKUP_SCHEDULE`: `once` in any case, else a cron expression of croner's
 * (five fields, six with seconds, `@daily`, `L`).
 * @throws DbstashError for an expression croner does not take, or one that never comes due
 */
export function parseSchedule(text: string): Schedule {
  if (text.toLowerCase() === "once") return { kind: "once" };
  refuseOthers(text);
  const words = text.split(/\s+/);
  if (!text.startsWith("@")) refuseFields(text, words);
  const cron = cronOf(text);
  if (cron === null) throw new DbstashError(must);
  const next = cron.nextRun();
  if (next === null) throw new DbstashError(`is ${quoted(text)}, a cron expression that never comes due`);
  return { kind: "cron", expression: text };
}

/** The fields of an expression in words where it has more of them than people expect; else null. */
export function fieldsInWords(expression: string): string | null {
  const count = expression.trim().split(/\s+/).length;
  if (count < 6) return null;
  return `second ${order}${count === 7 ? " year" : ""}`;
}

function cronOf(text: string): Cron | null {
  try {
    return new Cron(text, { paused: true });
  } catch {
    return null;
  }
}

/** What other programs take, and what to write for it here. */
function refuseOthers(text: string): void {
  const zone = /^(?:CRON_)?TZ=(\S*)\s*(.*)$/s.exec(text);
  if (zone !== null)
    throw new DbstashError(
      `is ${quoted(text)}, but a cron expression tells no time zone here`,
      `set TZ=${zone[1]} (--tz) and BACKUP_SCHEDULE=${zone[2]}`,
    );
  if (/\s#/.test(text))
    throw new DbstashError(`is ${quoted(text)}, with a comment in it`, "leave the comment out");
  if (/["']/.test(text))
    throw new DbstashError(`is ${quoted(text)}, with a quote in it`, "leave the quotes out");
  if (/^@every\b/i.test(text))
    throw new DbstashError(
      `is ${quoted(text)}, which is no cron expression`,
      everyHint(text.slice(6).trim()),
    );
  if (text.startsWith("@") && cronOf(text) === null)
    throw new DbstashError(
      `is ${quoted(text)}, which is none of @hourly, @daily, @weekly, @monthly and @yearly`,
    );
}

/** The cron expression of every so often, where there is one: what does not divide an hour or a day has none. */
function everyHint(duration: string): string {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:0*s)?$/.exec(duration);
  const minutes = match === null ? 0 : Number(match[1] ?? 0) * 60 + Number(match[2] ?? 0);
  const hours = minutes / 60;
  if (minutes > 0 && minutes < 60 && 60 % minutes === 0)
    return `write ${minutes === 1 ? "*" : `*/${minutes}`} * * * *`;
  if (minutes === 60) return "write 0 * * * *";
  if (Number.isInteger(hours) && hours > 0 && hours < 24 && 24 % hours === 0)
    return `write 0 */${hours} * * *`;
  if (Number.isInteger(hours) && hours % 24 === 0 && hours > 0)
    return hours === 24 ? "write 0 0 * * *" : `write 0 0 */${hours / 24} * *, which begins anew each month`;
  return "a cron expression such as 0 */6 * * * counts from midnight: what does not divide an hour or a day has none";
}

/** Each field is looked at alone, by croner itself, so that the wrong one can be named. */
function refuseFields(text: string, words: readonly string[]): void {
  if (words.length < 5 || words.length > 7) {
    if (/^\d{4}-\d{2}-\d{2}/.test(text) || words.every((word) => /^[A-Za-z]+$/.test(word)))
      throw new DbstashError(must);
    throw new DbstashError(
      `is ${quoted(text)}, of ${words.length} ${words.length === 1 ? "field" : "fields"}`,
      `a cron expression has five: ${order}`,
    );
  }
  const names = [...(words.length > 5 ? [second] : []), ...fields, ...(words.length > 6 ? [year] : [])];
  for (const [at, { name, values }] of names.entries()) {
    const word = words[at] ?? "";
    if (cronOf(names.map((_, other) => (other === at ? word : "*")).join(" ")) !== null) continue;
    const count = words.length === 5 ? "" : `; of ${words.length} fields the first is seconds`;
    throw new DbstashError(
      `is ${quoted(text)}, whose ${name} ${quoted(word)} can't be${count}`,
      hintFor(word, name, values),
    );
  }
}

function hintFor(word: string, name: string, values: string): string {
  const step = /^(\d+)\/(\d+)$/.exec(word);
  if (step !== null) return `a step begins with * or a range: ${step[1]}-59/${step[2]}`;
  const range = /^(\d+)-(\d+)$/.exec(word);
  if (range !== null && Number(range[1]) > Number(range[2]))
    return "a range goes upwards; two of them with a comma between go around";
  if (word.startsWith("*/")) return `a step of the ${name} stays within it: ${values}`;
  return `the ${name} is ${values}`;
}
