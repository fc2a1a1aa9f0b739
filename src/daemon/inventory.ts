import type { Backup } from "../catalog/catalog.ts";
import { isRetentionOn, planOfRun, type RetentionRules } from "../catalog/retention.ts";
import type { Problem } from "../errors.ts";

/** A line of more points than these shows no more. */
const mostPoints = 30;

/** How large a backup was, and when. */
export interface SizePoint {
  readonly timeMs: number;
  readonly bytes: number;
}

/** What a place holds of one database. */
export interface Stock {
  readonly count: number;
  readonly bytes: number;
  /** How many of them the next run removes; null without retention, and where that is not known. */
  readonly going: number | null;
  /** Of the newest ones, the oldest first. */
  readonly sizes: readonly SizePoint[];
}

/** What a listing has shown of one place. */
export interface PlaceStock {
  /** When it could be listed last; null when it never could. */
  readonly listedAt: Date | null;
  /** Why it could not be listed when that was tried last, and since when that is so; null where it could. */
  readonly trouble: { readonly problem: Problem; readonly since: Date } | null;
  /** By database. */
  readonly stocks: ReadonlyMap<string, Stock>;
}

/** The backups of a database that a listing has found. */
export interface FoundBackups {
  readonly database: string;
  /** Newest first. */
  readonly backups: readonly Backup[];
  readonly retention: RetentionRules;
}

const unknown: PlaceStock = { listedAt: null, trouble: null, stocks: new Map() };

/** What each place holds, as it was listed last; kept for the page. */
export class Inventory {
  readonly #places: PlaceStock[];

  /** @param places how many the job has */
  constructor(places: number) {
    this.#places = Array.from({ length: places }, () => unknown);
  }

  /** In the order of the settings. */
  get places(): readonly PlaceStock[] {
    return this.#places;
  }

  /** A place has been listed. @param place its number; @param nextRun when retention is due; null where it never is */
  listed(place: number, found: readonly FoundBackups[], now: Date, nextRun: Date | null): void {
    const stocks = new Map(found.map((each) => [each.database, stockOf(each, nextRun)]));
    this.#places[place] = { listedAt: now, trouble: null, stocks };
  }

  /**
   * A backup has been stored in a place. Until it is listed again that is counted, and so is what retention was to
   * remove then.
   */
  stored(place: number, database: string, size: SizePoint): void {
    const known = { ...(this.#places[place] ?? unknown), trouble: null };
    this.#places[place] = known;
    if (known.listedAt === null) return;
    const stock = known.stocks.get(database) ?? { count: 0, bytes: 0, going: null, sizes: [] };
    const sizes = [...stock.sizes.slice(1 - mostPoints), size];
    const gone = Math.min(stock.count, stock.going ?? 0);
    const left = stock.count === 0 ? 0 : Math.round(stock.bytes * (1 - gone / stock.count));
    const grown = { count: stock.count - gone + 1, bytes: left + size.bytes, going: null, sizes };
    this.#places[place] = { ...known, stocks: new Map([...known.stocks, [database, grown]]) };
  }

  /** A place could not be listed. What it held before is still told. @param problem fit to be shown */
  failed(place: number, problem: Problem, now: Date): void {
    const known = this.#places[place] ?? unknown;
    this.#places[place] = { ...known, trouble: { problem, since: known.trouble?.since ?? now } };
  }
}

/** What is told of the backups of one database in one place. @param nextRun as for `listed` */
export function stockOf({ backups, retention }: FoundBackups, nextRun: Date | null): Stock {
  // Some storages tell no size.
  const timed = backups.flatMap(({ timeMs, bytes }) =>
    timeMs === null || bytes < 0 ? [] : [{ timeMs, bytes }],
  );
  return {
    count: backups.length,
    bytes: backups.reduce((sum, { bytes }) => sum + Math.max(0, bytes), 0),
    going:
      isRetentionOn(retention) && nextRun !== null
        ? planOfRun(backups, retention, nextRun).remove.length
        : null,
    sizes: timed.slice(0, mostPoints).toReversed(),
  };
}
