import { describe, expect, test } from "bun:test";
import {
  notificationOf,
  notificationOfSettings,
  notificationOfSkips,
  notificationOfTest,
} from "../../../src/notify/message.ts";
import { clip, clipBytes } from "../../../src/notify/outgoing.ts";
import { summarise } from "../../../src/run/outcome.ts";
import { recordedLog } from "../recorded-log.ts";
import { failed, message, stored, warned } from "./results.ts";

describe("a notification", () => {
  test("names the engine, database, host, size, duration, time and remote path", () => {
    expect(message(stored)).toEqual({
      ending: "success",
      title: "✅ backup of shop (pg) stored",
      subject: { at: 12, length: 4 },
      error: null,
      finishedAt: new Date("2026-02-07T02:03:12.000Z"),
      facts: {
        time: "2026-02-07T02:03:12.000Z",
        msg: "backup stored",
        engine: "pg",
        database: "shop",
        backup_id: "019c3589-3e00-7abc-8def-0123456789ab",
        status: "success",
        duration_ms: 192_000,
        bytes: 1_610_612_736,
        remote_path: "s3:backups/shop-20260207T020000Z.sql",
        exit_code: 0,
        host: "backup-host",
      },
      fields: [
        { label: "Engine", value: "pg", short: true },
        { label: "Database", value: "shop", short: true },
        { label: "Host", value: "backup-host", short: true },
        { label: "Size", value: "1.5 GiB", short: true },
        { label: "Duration", value: "3m 12s", short: true },
        { label: "Finished", value: "2026-02-07T02:03:12Z", short: true },
        { label: "Remote path", value: "s3:backups/shop-20260207T020000Z.sql", short: false },
        { label: "Backup id", value: "019c3589-3e00-7abc-8def-0123456789ab", short: false },
      ],
    });
  });

  test("of a failure has the error and its hint, and no size", () => {
    const { title, error, fields } = message(failed, null);
    expect(title).toBe("❌ backup of shop (pg) failed");
    expect(error).toBe('pg_dump failed: relation "a<b>" & more\nhint: look at `the` server');
    expect(fields.map((field) => field.label)).not.toContain("Size");
    expect(fields.map((field) => field.label)).not.toContain("Host");
  });

  test("of several places tells where the backup lies, and who lacks it", () => {
    const [first] = stored.places;
    if (first === undefined) throw new Error("no place");
    const second = { ...first, place: "nas:b", remotePath: "nas:b/shop-20260207T020000Z.sql" };
    const missed = { ...second, place: "dav:c", isStored: false, bytes: null };
    const { fields, facts } = message({ ...stored, places: [first, second, missed] });
    expect(fields.find(({ label }) => label === "Remote path")?.value).toBe(
      "s3:backups/shop-20260207T020000Z.sql\nnas:b/shop-20260207T020000Z.sql",
    );
    expect(facts).toMatchObject({ places: 3, missed_places: "dav:c" });
  });

  test("of a stored backup with warnings has them all", () => {
    const { title, ending, fields } = message(warned);
    expect([title, ending]).toEqual(["⚠️ backup of shop (pg) stored, with warnings", "warning"]);
    expect(fields.find((field) => field.label === "Warnings")?.value).toBe(
      "retention failed: no such bucket\npost hook failed",
    );
  });
});

describe("a notification for programs", () => {
  test.each([
    ["stored", stored],
    ["failed", failed],
    ["stored with warnings", warned],
  ])("of a run that is %s has the fields of its last line", (_, result) => {
    const { log, lines } = recordedLog();
    summarise(log, result);
    const { level: _level, ...fields } = lines[0] ?? {};
    const { facts } = message(result);
    expect(facts).toMatchObject({ ...fields, status: expect.any(String) as string });
  });

  test.each([
    ["success", stored],
    ["warning", warned],
    ["failure", failed],
  ])("says how the run ended: %s", (status, result) => {
    expect(message(result).facts["status"]).toBe(status);
  });
});

describe("a backup that is stored again", () => {
  const since = new Date("2026-02-04T02:00:00Z");
  test.each([
    ["✅ backup of shop (pg) stored again, after a failure at 2026-02-04T02:00:00Z", 1, stored],
    ["✅ backup of shop (pg) stored again, after 3 failures since 2026-02-04T02:00:00Z", 3, stored],
    [
      "⚠️ backup of shop (pg) stored again, with warnings, after 3 failures since 2026-02-04T02:00:00Z",
      3,
      warned,
    ],
    ["❌ backup of shop (pg) failed", 3, failed],
  ])("says so: %s", (title, count, result) => {
    const told = notificationOf(result, null, { count, since });
    expect(told.title).toBe(title);
    expect(told.facts["failures_before"]).toBe(result === failed ? undefined : count);
  });
});

describe("a message without a run", () => {
  const about = { engine: "pg", database: "shop", host: "h", now: new Date("2026-02-07T02:00:00Z") };

  test("tells that runs are skipped", () => {
    const told = notificationOfSkips(about, 4);
    expect(told).toMatchObject({
      ending: "warning",
      title: "⚠️ backup of shop (pg) skipped 4 times in a row",
      facts: { status: "skipped", exit_code: 4, skipped: 4, time: "2026-02-07T02:00:00.000Z" },
    });
    expect(told.error).toMatch(/^another run of this job is still on.*\nhint: BACKUP_TIMEOUT/);
  });

  test("tells of wrong settings, all of them", () => {
    const problems = [{ message: "DB_PORT is 70000", hint: "at most 65535" }, { message: "TZ is wrong" }];
    const told = notificationOfSettings({ ...about, database: null, host: null }, problems);
    expect(told).toMatchObject({
      ending: "failure",
      title: "❌ backup of a database (pg) can't run: its settings are wrong",
      error: "DB_PORT is 70000\nhint: at most 65535\nTZ is wrong",
      facts: { status: "failure", exit_code: 2, database: null, host: null },
    });
    expect(told.fields.map(({ label }) => label)).toEqual(["Engine", "Time"]);
  });
});

test("texts are whole characters that can be shown", () => {
  const strange = { ...failed, database: "a\u0007\ud800b\nc", error: { message: "x\u001b[2K\udc00" } };
  const { title, subject, error, facts } = message(strange);
  expect(title).toBe("❌ backup of a\\u0007\ufffdb c (pg) failed");
  expect(title.slice(subject.at, subject.at + subject.length)).toBe("a\\u0007\ufffdb c");
  expect(error).toBe("x\\u001b[2K\ufffd");
  expect(Object.values(facts).every((value) => typeof value !== "string" || value.isWellFormed())).toBe(true);
});

test("a clipped text ends with a mark and never with half a character", () => {
  expect(clip("abcdef", 6)).toBe("abcdef");
  expect(clip("abcdefg", 6)).toBe("abcde…");
  expect(clip("abcd✅😀😀", 7)).toBe("abcd✅…");
});

test.each([
  ["abcdef", 6, "abcdef"],
  ["abcdefg", 6, "abc…"],
  ["ää😀😀", 11, "ää😀…"],
  ["ää😀😀", 10, "ää…"],
  ["ää😀😀", 12, "ää😀😀"],
])("%s in %i bytes is %s", (text, max, expected) => {
  expect(clipBytes(text, max)).toBe(expected);
  expect(Buffer.byteLength(expected)).toBeLessThanOrEqual(max);
});

test.each([
  [[stored], 0, "✅ backup of 1 database (pg) stored", null],
  [
    [stored, { ...failed, database: "crm" }],
    1,
    "❌ backup of 2 databases (pg) failed for 1 of them",
    'crm: pg_dump failed: relation "a<b>" & more\nhint: look at the log',
  ],
])("several databases are counted, and those that failed named", (backups, failures, title, error) => {
  const result = {
    ...(failures > 0 ? failed : stored),
    error: failures > 0 ? { message: "1 of 2 failed", hint: "look at the log" } : null,
    databases: backups.map(({ database }) => database),
    backups,
  };
  const told = notificationOf(result, null);
  expect([told.title, told.error]).toEqual([title, error]);
});

test("a test says that it is one", () => {
  const { title, ending, error, facts } = notificationOfTest({
    engine: "pg",
    database: "shop",
    host: null,
    now: new Date(0),
  });
  expect([title, ending, error]).toEqual([
    "✅ backup of shop (pg) is told of here: this is a test",
    "success",
    null,
  ]);
  expect(facts).toMatchObject({ msg: "test", status: "test" });
});
