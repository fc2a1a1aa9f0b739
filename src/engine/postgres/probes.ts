import { unanswered } from "../answers.ts";
import type { DumpPaths, DumpRequest, Facts, Probe } from "../engine.ts";
import { postgresAdvice } from "./advice.ts";
import { wasAsked } from "./databases.ts";
import { psql } from "./psql.ts";

/** Where pg_dumpall looks for the list of databases by itself, before it looks in template1. */
const firstLookedIn = "postgres";

/** The database in which pg_dumpall is told to look for the others; null where it finds them by itself. */
export function namedForAll({ database, connection }: DumpRequest): string | null {
  return database !== null || connection.database === firstLookedIn ? null : connection.database;
}

/**
 * Connects as pg_dumpall will to the database that it is told to look in: of one that it may not connect to it says no
 * more than that (pg_dumpall.c, `connectDatabase` with `fail_on_error` false).
 */
export function reachProbe(request: DumpRequest, paths: DumpPaths, facts: Facts): Probe | null {
  const database = namedForAll(request);
  if (database === null || facts["reach"] !== undefined || wasAsked(facts)) return null;
  return {
    title: "the database to look in",
    command: psql(request, database, paths, ["SELECT 1"]),
    readsFile: null,
    interpret: (outcome) => {
      const { exitCode, isLate } = outcome;
      // Without psql the dump goes on, and fails as it may.
      const isRefused = isLate || (exitCode !== null && exitCode !== 0);
      return {
        problems: isRefused
          ? [unanswered(outcome, "the server can't be asked for its databases", postgresAdvice)]
          : [],
        warnings: [],
        leftOut: [],
        facts: { reach: String(!isRefused) },
      };
    },
  };
}
