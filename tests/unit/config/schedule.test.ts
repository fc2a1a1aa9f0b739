import { expect, test } from "bun:test";
import { fieldsInWords, parseSchedule } from "../../../src/config/schedule.ts";
import { DbstashError } from "../../../src/errors.ts";

test.each(["once", "Once", "ONCE"])("%s is no schedule", (text) => {
  expect(parseSchedule(text)).toEqual({ kind: "once" });
});

test.each(["0 2 * * *", "*/10 * * * * *", "@daily", "0 0 L * *", "0 2 * * MON-FRI", "0 0 29 2 *"])(
  "%s is one, and stays as it is written",
  (expression) => {
    expect(parseSchedule(expression)).toEqual({ kind: "cron", expression });
  },
);

const must = "must be a cron expression such as 0 2 * * *, or once";
const five = "a cron expression has five: minute hour day month weekday";

test.each<[string, string, string | undefined]>([
  ["every night", must, undefined],
  ["2099-01-01T02:00:00", must, undefined],
  ["2001-01-01T02:00:00", must, undefined],
  ["0 0 30 2 *", 'is "0 0 30 2 *", a cron expression that never comes due', undefined],
  ["0 2 * *", 'is "0 2 * *", of 4 fields', five],
  ["0", 'is "0", of 1 field', five],
  ["0 2 * * * * * *", 'is "0 2 * * * * * *", of 8 fields', five],
  ["0 25 * * *", `is "0 25 * * *", whose hour "25" can't be`, "the hour is 0 to 23"],
  ["61 2 * * *", `is "61 2 * * *", whose minute "61" can't be`, "the minute is 0 to 59"],
  [
    "0 2 32 * *",
    `is "0 2 32 * *", whose day of the month "32" can't be`,
    "the day of the month is 1 to 31, or L for the last",
  ],
  ["0 2 * 13 *", `is "0 2 * 13 *", whose month "13" can't be`, "the month is 1 to 12, or JAN to DEC"],
  [
    "0 2 * * 8",
    `is "0 2 * * 8", whose day of the week "8" can't be`,
    "the day of the week is 0 to 7 (0 and 7 are Sunday), or SUN to SAT",
  ],
  [
    "*/90 * * * *",
    `is "*/90 * * * *", whose minute "*/90" can't be`,
    "a step of the minute stays within it: 0 to 59",
  ],
  [
    "5/15 * * * *",
    `is "5/15 * * * *", whose minute "5/15" can't be`,
    "a step begins with * or a range: 5-59/15",
  ],
  [
    "0 22-2 * * *",
    `is "0 22-2 * * *", whose hour "22-2" can't be`,
    "a range goes upwards; two of them with a comma between go around",
  ],
  ["H 2 * * *", `is "H 2 * * *", whose minute "H" can't be`, "the minute is 0 to 59"],
  [
    "0 2 * * * root",
    `is "0 2 * * * root", whose day of the week "root" can't be; of 6 fields the first is seconds`,
    "the day of the week is 0 to 7 (0 and 7 are Sunday), or SUN to SAT",
  ],
  [
    "0 0 25 * * *",
    `is "0 0 25 * * *", whose hour "25" can't be; of 6 fields the first is seconds`,
    "the hour is 0 to 23",
  ],
  ["0 2 * * * # at night", 'is "0 2 * * * # at night", with a comment in it', "leave the comment out"],
  ['"0 2 * * *', 'is ""0 2 * * *", with a quote in it', "leave the quotes out"],
  [
    "CRON_TZ=Europe/Berlin 0 2 * * *",
    'is "CRON_TZ=Europe/Berlin 0 2 * * *", but a cron expression tells no time zone here',
    "set TZ=Europe/Berlin (--tz) and BACKUP_SCHEDULE=0 2 * * *",
  ],
  [
    "TZ=UTC 0 2 * * *",
    'is "TZ=UTC 0 2 * * *", but a cron expression tells no time zone here',
    "set TZ=UTC (--tz) and BACKUP_SCHEDULE=0 2 * * *",
  ],
  ["@reboot", 'is "@reboot", which is none of @hourly, @daily, @weekly, @monthly and @yearly', undefined],
])("%s is refused by its value, its field, and what to write", (text, message, hint) => {
  expect(refusalOf(text)).toEqual({ message, hint });
});

const none =
  "a cron expression such as 0 */6 * * * counts from midnight: what does not divide an hour or a day has none";

test.each([
  ["6h", "write 0 */6 * * *"],
  ["1h", "write 0 * * * *"],
  ["60m", "write 0 * * * *"],
  ["120m", "write 0 */2 * * *"],
  ["24h", "write 0 0 * * *"],
  ["48h", "write 0 0 */2 * *, which begins anew each month"],
  ["15m", "write */15 * * * *"],
  ["1m", "write * * * * *"],
  ["6h0m0s", "write 0 */6 * * *"],
  ["90m", none],
  ["1h30m", none],
  ["7h", none],
  ["30s", none],
  ["", none],
  ["often", none],
])("@every %s: %s", (duration, hint) => {
  const text = `@every ${duration}`.trim();
  expect(refusalOf(text)).toEqual({ message: `is "${text}", which is no cron expression`, hint });
  const written = /^write ([^,]*)/.exec(hint)?.[1];
  if (written !== undefined) expect(parseSchedule(written)).toEqual({ kind: "cron", expression: written });
});

test.each([
  ["0 2 * * *", null],
  ["@daily", null],
  ["0 0 2 * * *", "second minute hour day month weekday"],
  ["0 0 2 * * * 2099", "second minute hour day month weekday year"],
])("the fields of %s are told where the first is none that people expect", (expression, words) => {
  expect(fieldsInWords(expression)).toBe(words);
});

function refusalOf(text: string): { message: string; hint: string | undefined } {
  try {
    parseSchedule(text);
  } catch (error) {
    if (error instanceof DbstashError) return { message: error.message, hint: error.hint };
    throw error;
  }
  return { message: "was taken", hint: undefined };
}
