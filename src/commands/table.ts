/** Rows as lines with their columns below each other. @param right columns that end, not begin, below each other */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widthOf = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = rows[0]?.map((_, column) => widthOf(column)) ?? [];
  const cell = (text: string, column: number): string =>
    right.includes(column) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return rows.map((row) => `${row.map(cell).join("  ").trimEnd()}\n`).join("");
}
