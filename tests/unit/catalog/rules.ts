import type { CalendarRules } from "../../../src/catalog/calendar.ts";
import type { RetentionRules } from "../../../src/catalog/retention.ts";

/** No rule by calendar. */
const noCalendar: CalendarRules = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

/** Rules of which these differ from the defaults. */
export function rulesOf(parts: Partial<RetentionRules> = {}): RetentionRules {
  return { maxFiles: 0, maxDays: 0, minFiles: 1, keep: noCalendar, timeZone: "UTC", ...parts };
}

/** Rules by calendar. */
export function calendarOf(keep: Partial<CalendarRules>, timeZone = "UTC"): RetentionRules {
  return rulesOf({ keep: { ...noCalendar, ...keep }, timeZone });
}
