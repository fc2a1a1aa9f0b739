import type { Backup } from "./catalog.ts";

/** So many before it a backup is compared with: a single odd one decides nothing. */
const mostCompared = 5;

/** The backups just before this one, newest first; one whose time is not known is not among them. */
export function backupsBefore(backups: readonly Backup[], name: string): readonly Backup[] {
  const ownMs = backups.find((each) => each.name === name)?.timeMs ?? Infinity;
  return backups
    .filter((each) => each.name !== name && each.timeMs !== null && each.timeMs <= ownMs)
    .slice(0, mostCompared);
}

/** The middle one of these numbers, or the mean of the two in the middle. @param numbers one or more */
export function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? 0;
  return (at(Math.floor((sorted.length - 1) / 2)) + at(Math.ceil((sorted.length - 1) / 2))) / 2;
}

/** Whether so many bytes are less than so many percent of the median of others. */
export function isSmall(bytes: number, others: readonly number[], percent: number): boolean {
  return others.length > 0 && bytes * 100 < percent * medianOf(others);
}
