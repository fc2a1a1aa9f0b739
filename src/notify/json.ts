import { postJson } from "./outgoing.ts";
import type { Platform } from "./platform.ts";

/**
 * Programs: one JSON object with the fields of the run's summary line, by the same names and of the same types, beside
 * `time`, `msg`, `engine`, `database`, `backup_id` and `host`. `status` says `warning` of a backup that is stored with
 * warnings, and `skipped`; after failures `failures_before` and `failing_since` tell of them. Fields that are not known
 * are null or left out; others may follow.
 */
export const json: Platform = {
  name: "json",
  matches: () => false,
  request: (url, { facts }) => postJson(url, facts),
};
