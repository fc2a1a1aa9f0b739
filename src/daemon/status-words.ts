import type { Problem } from "../errors.ts";
import type { CopyStatus, DatabaseStatus, Missed, Status } from "./status.ts";

/** How all is, in one line. @param job what the job backs up, in a word */
export function headline(status: Status, job: string): string {
  const { databases } = status;
  const bad = databases.filter(({ health }) => health === "bad");
  const waiting = databases.filter(({ health }) => health === "waiting");
  const [only] = bad;
  if (status.runFailed !== null) return "The last run failed before it came to any database";
  if (only !== undefined)
    return bad.length === 1 ? missedOne(only) : `${countOf(bad, databases)} are ${missedAll(bad)}`;
  if (databases.every(({ lastSuccess }) => lastSuccess === null)) {
    const isUnseen = status.places.every(({ listedAt, trouble }) => listedAt === null && trouble === null);
    return isUnseen ? "The places are still being listed" : "No backup yet";
  }
  if (status.warnings.length > 0) return "Backed up, with warnings";
  if (status.isOver) return "Backed up, but the schedule has no further run";
  if (status.health === "warned") return "Backed up, but a place can't be looked into";
  if (waiting.length > 0) return missing(waiting, databases);
  return databases.length === 1
    ? `${databases[0]?.database ?? job} is backed up`
    : `All ${databases.length} databases are backed up`;
}

function missing(waiting: readonly DatabaseStatus[], all: readonly DatabaseStatus[]): string {
  const [first, ...more] = waiting;
  const isOne = more.length === 0;
  if (waiting.some(({ lastSuccess }) => lastSuccess === null))
    return `${countOf(waiting, all)} ${isOne ? "has" : "have"} no backup yet`;
  return isOne
    ? `${first?.database} is not in every place yet`
    : `${countOf(waiting, all)} are not in every place yet`;
}

function missedOne({ database, copies }: DatabaseStatus): string {
  if (copies.some(({ missed }) => missed === null)) return `${database} is not backed up in every place`;
  const kinds = new Set(copies.map(({ missed }) => missed?.kind));
  if (kinds.has("failed")) return `The last backup of ${database} failed`;
  return kinds.has("gone")
    ? `The last backup of ${database} is not there any more`
    : `A backup of ${database} is overdue`;
}

function missedAll(bad: readonly DatabaseStatus[]): string {
  const isSomewhere = bad.every(({ copies }) => copies.some(({ missed }) => missed === null));
  return isSomewhere ? "not backed up in every place" : "not backed up";
}

function countOf(some: readonly unknown[], all: readonly unknown[]): string {
  return all.length === 1 ? "1 database" : `${some.length} of ${all.length} databases`;
}

/** What is wrong in one way with one or more databases. */
export interface Cause {
  readonly kind: Missed["kind"];
  readonly databases: readonly string[];
  /** Where it is so; empty for every place. */
  readonly places: readonly string[];
  /** When the first of them went wrong. */
  readonly since: Date;
  readonly error: Problem | null;
}

/** What is wrong, each cause once, in the order of the databases. */
export function causesOf({ databases }: Status): Cause[] {
  const single = databases.flatMap(({ database, copies }) => causesOfOne(database, copies));
  const alike = Map.groupBy(single, ({ kind, places, error }) =>
    JSON.stringify([kind, places, error?.message]),
  );
  return [...alike.values()].flatMap((causes) => {
    const [first] = causes;
    if (first === undefined) return [];
    const since = causes.reduce((least, each) => (each.since < least ? each.since : least), first.since);
    return [{ ...first, since, databases: causes.flatMap((each) => each.databases) }];
  });
}

function causesOfOne(database: string, copies: readonly CopyStatus[]): Cause[] {
  const missed = copies.flatMap((copy) =>
    copy.missed === null ? [] : [{ place: copy.place, ...copy.missed }],
  );
  const alike = Map.groupBy(missed, ({ kind, error }) => JSON.stringify([kind, error?.message]));
  return [...alike.values()].flatMap((each) => {
    const [first] = each;
    if (first === undefined) return [];
    const places = each.length === copies.length ? [] : each.map(({ place }) => place);
    return [{ kind: first.kind, databases: [database], places, since: first.since, error: first.error }];
  });
}
