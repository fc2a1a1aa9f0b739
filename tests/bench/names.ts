import { catalogue } from "../../src/catalog/catalog.ts";
import { compileTemplate, formatName } from "../../src/catalog/naming.ts";
import { planOfRun } from "../../src/catalog/retention.ts";
import { median } from "./measure.ts";

const count = 50_000;
const tries = 7;
const HOUR_MS = 3_600_000;

/** How long tens of thousands of names take. */
export interface NameTimes {
  /** How many names, and in which zone. */
  readonly what: string;
  readonly readMs: number;
  readonly planMs: number;
}

/** Reads the names of hourly backups, and plans what stays of them by all rules at once. */
export function timeNames(): NameTimes[] {
  return ["UTC", "Europe/Berlin"].map((timeZone) => {
    const template = compileTemplate("{db}-{timestamp}");
    const whose = { database: "shop", engine: "pg", extension: ".sql", timeZone } as const;
    const job = { ...whose, template, kind: "file" } as const;
    const nowMs = Date.parse("2026-11-30T00:00Z");
    const listing = Array.from({ length: count }, (_, index) => {
      const now = new Date(nowMs - index * HOUR_MS);
      const path = `${formatName(template, { ...whose, now, uuid: "" })}.sql`;
      return { path, bytes: 1, isFolder: false, modTimeMs: null };
    });
    const keep = { last: 10, hourly: 48, daily: 30, weekly: 8, monthly: 24, yearly: 10 };
    const rules = { maxFiles: 0, maxDays: 0, minFiles: 1, keep, timeZone };
    const { backups } = catalogue(listing, job);
    return {
      what: `${count} names in ${timeZone}`,
      readMs: timed(() => catalogue(listing, job)),
      planMs: timed(() => planOfRun(backups, rules, new Date(nowMs))),
    };
  });
}

function timed(act: () => unknown): number {
  const all = Array.from({ length: tries }, () => {
    const startedMs = performance.now();
    act();
    return performance.now() - startedMs;
  });
  return median(all);
}
