import { type CalendarRules, isCalendarOn, spans } from "./calendar.ts";
import { days, isRetentionOn, type RetentionRules } from "./retention.ts";

/** The rules in words: `keeps at most 7, and none older than 30 days; the newest always stays`. */
export function rulesInWords(rules: RetentionRules): string {
  if (!isRetentionOn(rules)) return "off: nothing is ever removed";
  const said = isCalendarOn(rules.keep) ? calendarInWords(rules.keep) : limitsInWords(rules);
  const floor = rules.minFiles > 1 ? `the newest ${rules.minFiles} always stay` : "the newest always stays";
  return `${said}; ${floor}`;
}

function limitsInWords({ maxFiles, maxDays }: RetentionRules): string {
  const count = maxFiles > 0 ? `keeps at most ${maxFiles}` : "";
  const age = maxDays > 0 ? `${count === "" ? "keeps" : "and"} none older than ${days(maxDays)}` : "";
  return [count, age].filter((words) => words !== "").join(", ");
}

/** `keeps the last 3, 7 daily and 4 weekly`. */
function calendarInWords(keep: CalendarRules): string {
  const said = spans
    .filter((span) => keep[span] > 0)
    .map((span) => (span === "last" ? `the last ${keep.last}` : `${keep[span]} ${span}`));
  return `keeps ${[said.slice(0, -1).join(", "), ...said.slice(-1)].filter((words) => words !== "").join(" and ")}`;
}
