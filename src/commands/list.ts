import { humanBytes } from "../human.ts";
import type { FoundBackups } from "../job/backups.ts";

/** Backups as JSON: an array of name, bytes and time (RFC 3339, null where it is not known). */
export function backupsAsJson({ backups }: FoundBackups): string {
  const rows = backups.map(({ name, bytes, timeMs }) => ({
    name,
    bytes,
    time: timeMs === null ? null : new Date(timeMs).toISOString(),
  }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}

/** Backups as a table for people: name, size, age; and a line on those that only the extension keeps out of it. */
export function backupsAsTable(
  { backups, otherExtension, remote, example }: FoundBackups,
  now: Date,
): string {
  const { count, names } = otherExtension;
  const others =
    count === 0
      ? ""
      : `not listed: ${count} of this name with another extension or mode, such as ${names[0]}\n`;
  if (backups.length === 0)
    return `no backups of this job in ${remote} (looked for names like ${example})\n${others}`;
  const rows = [
    ["NAME", "SIZE", "AGE"],
    ...backups.map(({ name, bytes, timeMs }) => [
      name,
      humanBytes(bytes),
      timeMs === null ? "unknown" : humanAge(now.getTime() - timeMs),
    ]),
  ];
  const widthOf = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const [nameWidth, sizeWidth] = [widthOf(0), widthOf(1)];
  const lines = rows.map(
    ([name = "", size = "", age = ""]) => `${name.padEnd(nameWidth)}  ${size.padStart(sizeWidth)}  ${age}\n`,
  );
  return lines.join("") + others;
}

/** An age in its one or two largest units: `45 s`, `12 min`, `5 h`, `3 d 4 h`. */
export function humanAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86_400].map(Math.floor) as [
    number,
    number,
    number,
  ];
  if (days > 0) return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
  if (hours > 0) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
