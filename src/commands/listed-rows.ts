import type { Backup } from "../catalog/catalog.ts";
import { humanAge, humanBytes } from "../human.ts";
import { table } from "./table.ts";

/** What a run now would do with a backup. */
export interface Fate {
  readonly nextRun: "keep" | "remove";
  readonly reason: string;
}

/** A backup as one place has it. */
export interface Copy {
  /** The place, as people may see it. */
  readonly place: string;
  readonly bytes: number | null;
  /** Null without retention. */
  readonly fate: Fate | null;
}

/** A backup of the list, wherever it lies. */
export interface ListedRow {
  readonly database: string;
  readonly name: string;
  readonly timeMs: number | null;
  /** In the order of the settings; at least one. */
  readonly copies: readonly [Copy, ...Copy[]];
}

/** One backup that a place has. */
export interface PlacedBackup extends Pick<Backup, "name" | "timeMs" | "bytes"> {
  readonly database: string;
  readonly place: string;
  readonly fate: Fate | null;
}

/** Puts together what is the same backup in several places: by database, and newest first. */
export function rowsOf(backups: readonly PlacedBackup[]): ListedRow[] {
  const groups = Map.groupBy(backups, ({ database, name }) => JSON.stringify([database, name]));
  const rows = [...groups.values()].flatMap((copies): ListedRow[] => {
    const [first, ...more] = copies;
    if (first === undefined) return [];
    const copyOf = ({ place, bytes, fate }: PlacedBackup): Copy => ({ place, bytes, fate });
    const { database, name, timeMs } = first;
    return [{ database, name, timeMs, copies: [copyOf(first), ...more.map(copyOf)] }];
  });
  const order = new Map(rows.map((row, index) => [row, index]));
  return rows.toSorted((a, b) => {
    if (a.database !== b.database) return a.database < b.database ? -1 : 1;
    const [aMs, bMs] = [a.timeMs ?? -Infinity, b.timeMs ?? -Infinity];
    return aMs === bMs ? (order.get(a) ?? 0) - (order.get(b) ?? 0) : bMs - aMs;
  });
}

/**
 * Backups as JSON: an array of database, name, bytes and time (RFC 3339, null where it is not known), and with retention
 * on also what a run now would do, and why. Of several places `places` has what differs from one to the next.
 * @param places how many were looked at, or were to be
 */
export function rowsAsJson(rows: readonly ListedRow[], places: number): string {
  const told = rows.map(({ database, name, timeMs, copies }) => {
    const [{ bytes, fate }] = copies;
    const time = timeMs === null ? null : new Date(timeMs).toISOString();
    if (places === 1) return { database, name, bytes, time, ...asJson(fate) };
    const each = copies.map((copy) => ({ place: copy.place, bytes: copy.bytes, ...asJson(copy.fate) }));
    return { database, name, bytes, time, places: each };
  });
  return `${JSON.stringify(told, null, 2)}\n`;
}

function asJson(fate: Fate | null): { readonly next_run?: string; readonly reason?: string } {
  return fate === null ? {} : { next_run: fate.nextRun, reason: fate.reason };
}

/** What the table shows beside name, size and age. */
export interface TableColumns {
  readonly now: Date;
  readonly hasDatabases: boolean;
  /** How many places the job has, those that could not be listed among them; of one nothing is said. */
  readonly places: number;
}

/** Backups as a table for people: name, size, age, of several places which have it, and what a run now would do. */
export function rowsAsTable(rows: readonly ListedRow[], { now, hasDatabases, places }: TableColumns): string {
  const hasFates = rows.some(({ copies: [{ fate }] }) => fate !== null);
  const cells = rows.map((row) => {
    const { database, name, timeMs, copies } = row;
    const [{ bytes }] = copies;
    return [
      ...(hasDatabases ? [database] : []),
      name,
      bytes === null ? "unknown" : humanBytes(bytes),
      timeMs === null ? "unknown" : humanAge(now.getTime() - timeMs),
      ...(places > 1 ? [whereOf(row, places)] : []),
      ...(hasFates ? [fatesInWords(copies)] : []),
    ];
  });
  const head = [
    ...(hasDatabases ? ["DATABASE"] : []),
    "NAME",
    "SIZE",
    "AGE",
    ...(places > 1 ? ["PLACES"] : []),
    ...(hasFates ? ["A RUN NOW WOULD"] : []),
  ];
  return table([head, ...cells], [head.indexOf("SIZE")]);
}

function whereOf({ copies }: ListedRow, places: number): string {
  return copies.length === places ? "all" : copies.map(({ place }) => place).join(", ");
}

function fatesInWords(copies: ListedRow["copies"]): string {
  const told = copies.map(({ place, fate }) => ({
    place,
    text: fate === null ? "" : `${fate.nextRun}: ${fate.reason}`,
  }));
  const [first] = told;
  if (first === undefined || told.every(({ text }) => text === first.text)) return first?.text ?? "";
  return told.map(({ place, text }) => `${place}: ${text}`).join("; ");
}
