import { humanBytes, humanDuration } from "../human.ts";
import type { Stock } from "./inventory.ts";
import { type Html, markup, raw } from "./markup.ts";
import { type PageClock, shownTime, timeOf } from "./shown-time.ts";
import { sizeLine } from "./size-line.ts";
import type { CopyStatus, DatabaseStatus, Health, PlaceStatus } from "./status.ts";

/** What stands beside a colour, for who does not see it. */
export const signs: Readonly<Record<Health, string>> = { good: "✓", waiting: "…", warned: "!", bad: "✗" };

/** The clock of a page, and when the next run is. */
export interface TableFacts extends PageClock {
  readonly nextRun: Date | null;
}

/** What all places together hold, in words. */
export function heldOf(places: readonly PlaceStatus[]): string {
  if (places.every(({ listedAt }) => listedAt === null)) return "not listed yet";
  const sum = (of: (place: PlaceStatus) => number): number =>
    places.reduce((all, place) => all + of(place), 0);
  const rest = places.some(({ listedAt }) => listedAt === null) ? ", without what could not be listed" : "";
  return `${heldInWords(
    sum(({ count }) => count),
    sum(({ bytes }) => bytes),
  )}${rest}`;
}

function heldInWords(count: number, bytes: number): string {
  return count === 0
    ? "no backups"
    : `${count === 1 ? "1 backup" : `${count} backups`}, ${humanBytes(bytes)}`;
}

/** A cell of a table, which on a narrow screen is a line with the column's name before it. */
interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => Html;
  readonly isOneLine?: boolean;
}

// The roles are what a browser takes from a table that is laid out as blocks.
function tableOf<Row>(labelledBy: string, rows: readonly Row[], columns: readonly Column<Row>[]): Html {
  const head = columns.map(({ name }) => markup`<th scope="col" role="columnheader">${name}</th>`);
  const cellOf = (row: Row, { name, cell, isOneLine }: Column<Row>, at: number): Html => {
    if (at === 0) return markup`<th scope="row" role="rowheader">${cell(row)}</th>`;
    const numeric = isOneLine === true ? raw(' class="line"') : "";
    return markup`<td role="cell" data-label="${name}"${numeric}>${cell(row)}</td>`;
  };
  const body = rows.map(
    (row) => markup`<tr role="row">${columns.map((column, at) => cellOf(row, column, at))}</tr>\n`,
  );
  return markup`<table role="table" aria-labelledby="${labelledBy}">
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">
${body}</tbody>
</table>`;
}

/** Each database, and what is kept of it. @param places how many the job has */
export function databaseTable(databases: readonly DatabaseStatus[], places: number, facts: TableFacts): Html {
  if (databases.length === 0) return markup`<p>None is known yet: the server is asked at each run.</p>`;
  const next = markup`${facts.nextRun === null ? "none" : shownTime(facts.nextRun.getTime(), facts.offsetAt)}`;
  return tableOf("databases", databases, [
    { name: "Database", cell: ({ database }) => markup`<bdi>${database}</bdi>` },
    { name: "State", isOneLine: true, cell: stateOf },
    {
      name: "Last backup",
      cell: ({ lastSuccess }) => (lastSuccess === null ? markup`none known` : timeOf(lastSuccess, facts)),
    },
    {
      name: "Size",
      isOneLine: true,
      cell: ({ bytes }) => markup`${bytes === null ? "–" : humanBytes(bytes)}`,
    },
    {
      name: "Took",
      isOneLine: true,
      cell: ({ durationMs }) => markup`${durationMs === null ? "–" : humanDuration(durationMs)}`,
    },
    { name: "Next run", isOneLine: true, cell: () => next },
    { name: places > 1 ? "Kept in" : "Kept", cell: ({ copies }) => keptIn(copies, places) },
    { name: "Sizes over time", cell: ({ copies }) => sizeLine(sizesOf(copies), facts.offsetAt) },
  ]);
}

function stateOf({ health, lastSuccess, copies }: DatabaseStatus): Html {
  const kinds = new Set(copies.flatMap(({ missed }) => missed?.kind ?? []));
  const words: Readonly<Record<Health, string>> = {
    good: "backed up",
    waiting: lastSuccess === null ? "no backup yet" : "not in every place yet",
    warned: "with warnings",
    bad: kinds.has("failed") ? "failed" : kinds.has("gone") ? "gone" : "overdue",
  };
  return markup`${signOf(health)} ${words[health]}`;
}

function signOf(health: Health): Html {
  return markup`<span class="sign ${health}">${signs[health]}</span>`;
}

function keptIn(copies: readonly CopyStatus[], places: number): Html {
  if (places === 1) return markup`${stockInWords(copies[0]?.stock ?? null)}`;
  const items = copies.map(({ place, health, missed, stock }) => {
    const state = missed === null ? "" : `${missed.kind}; `;
    return markup`<li>${signOf(health)} <bdi>${place}</bdi> <span class="muted">${state}${stockInWords(stock)}</span></li>`;
  });
  return markup`<ul>${items}</ul>`;
}

function stockInWords(stock: Stock | null): string {
  if (stock === null) return "not listed yet";
  const going = stock.going ?? 0;
  return `${heldInWords(stock.count, stock.bytes)}${going === 0 ? "" : ` (the next run removes ${going})`}`;
}

/** Of the copies of a database the one that goes on longest, and of alike ones the one that tells most. */
function sizesOf(copies: readonly CopyStatus[]): Stock["sizes"] {
  const known = copies.map(({ stock }) => stock?.sizes ?? []);
  const lastMs = (sizes: Stock["sizes"]): number => sizes.at(-1)?.timeMs ?? 0;
  return known.toSorted((a, b) => lastMs(b) - lastMs(a) || b.length - a.length)[0] ?? [];
}

/** Each place, and what it holds. */
export function placeTable(places: readonly PlaceStatus[], facts: TableFacts): Html {
  return tableOf("places", places, [
    { name: "Place", cell: ({ place }) => markup`<bdi>${place}</bdi>` },
    { name: "State", cell: ({ trouble: found, listedAt }) => placeState(found === null, listedAt) },
    { name: "Listed", cell: ({ listedAt }) => (listedAt === null ? markup`–` : timeOf(listedAt, facts)) },
    {
      name: "Holds",
      cell: ({ listedAt, count, bytes }) => markup`${listedAt === null ? "–" : heldInWords(count, bytes)}`,
    },
  ]);
}

function placeState(isFine: boolean, listedAt: Date | null): Html {
  if (!isFine) return markup`${signOf("warned")} can't be listed`;
  return listedAt === null
    ? markup`${signOf("waiting")} not listed yet`
    : markup`${signOf("good")} can be listed`;
}
