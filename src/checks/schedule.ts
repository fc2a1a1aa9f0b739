import type { Backup } from "../catalog/catalog.ts";
import { isRetentionOn, planOfRun, type RetentionRules } from "../catalog/retention.ts";
import { rulesInWords } from "../catalog/rules-in-words.ts";
import { bad, type CheckLine, open, well } from "./line.ts";

/** When a run is due, and what its backup will be called. */
export interface NextRun {
  readonly time: string;
  readonly name: string;
}

/** The next runs, each with its backup's name. */
export function linesOfRuns(runs: readonly NextRun[]): CheckLine[] {
  if (runs.length === 0) return [open("next run", "the schedule has no further run")];
  return runs.map(({ time, name }) => well("next run", `${time} ${name}`));
}

/**
 * What retention is, and what a run now would remove.
 * @param backups of each database; null where they can't be listed
 */
export function lineOfRetention(
  backups: readonly (readonly Backup[])[] | null,
  rules: RetentionRules,
  now: Date,
): CheckLine {
  const topic = "retention";
  const said = rulesInWords(rules);
  if (!isRetentionOn(rules)) return open(topic, said);
  if (backups === null) return open(topic, `${said}; what it would do now is not known without a listing`);
  const plans = backups.map((each) => planOfRun(each, rules, now));
  const [keep, remove] = [plans.flatMap((each) => each.keep), plans.flatMap((each) => each.remove)];
  if (plans.some(({ braked }) => braked > 0)) {
    const message = `${said}; the newest backup is older than RETENTION_MAX_DAYS: a run now would remove nothing by age, and end with 3`;
    return bad(
      topic,
      { message, hint: "see that the clock is right; then prune removes what is too old" },
      "incomplete",
    );
  }
  const [first] = remove;
  if (first === undefined) return well(topic, `${said}; a run now would remove nothing of ${keep.length}`);
  const more = remove.length === 1 ? "" : ` and ${remove.length - 1} more`;
  return well(
    topic,
    `${said}; a run now would keep ${keep.length} and its own, and remove ${first.entry.name} (${first.reason})${more}`,
  );
}
